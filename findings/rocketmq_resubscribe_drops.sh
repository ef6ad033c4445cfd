#!/usr/bin/env bash
# Apache RocketMQ's Java client (4.9.8 and 5.5.0, with Apache's servers 5.5.0): a running DefaultMQPushConsumer that subscribes to
# one more tag loses the messages with that tag that arrive in the next seconds. The pull that waits at the broker was sent under
# the old expression; the broker answers it under the new one, the client filters the answer by the old one, and the group's
# offset moves on. Neither logs anything. A message some seconds later comes.
# Why it matters: tags that are added to a running consumer, by configuration for instance, cost messages silently. Unsubscribe
# and restart, or send nothing with the new tag for as long as a pull waits.
source "$(dirname "$0")/common.sh"
need java javac mvn unshare python3
unshare --user --map-root-user --net true 2>"$work/unshare" || skip "this system gives no network namespace of one's own"

jars 5.5.0 rocketmq-client rocketmq-broker rocketmq-namesrv
jars 4.9.8 rocketmq-client
cat >"$work/Widen.java" <<'JAVA'
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.*;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;

public class Widen {
    static final Set<String> came = ConcurrentHashMap.newKeySet();

    public static void main(String[] args) throws Exception {
        String topic = "T" + args[0];
        DefaultMQProducer producer = new DefaultMQProducer("sends");
        producer.setNamesrvAddr("127.0.0.1:9876");
        producer.start();
        send(producer, topic, "fruit", "apple"); // makes the topic
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer("g" + args[0]);
        consumer.setInstanceName("consumes");
        consumer.setNamesrvAddr("127.0.0.1:9876");
        consumer.subscribe(topic, "fruit");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            for (var one : messages) came.add(new String(one.getBody()));
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        boolean ready = false;
        for (int i = 0; !ready && i < 60; i++) { // until it consumes what is sent now
            send(producer, topic, "fruit", "pear " + i);
            ready = waited("pear " + i, 1000);
        }
        Thread.sleep(2000); // its pull waits at the broker
        consumer.subscribe(topic, "fruit || nut");
        Thread.sleep(300);
        send(producer, topic, "nut", "walnut");
        send(producer, topic, "fruit", "plum");
        Thread.sleep(25000); // longer than a pull waits
        send(producer, topic, "nut", "hazelnut");
        boolean later = waited("hazelnut", 20000);
        System.out.println("same tag\t" + came.contains("plum"));
        System.out.println("new tag at once\t" + came.contains("walnut"));
        System.out.println("new tag later\t" + later);
        System.exit(0);
    }

    static boolean waited(String text, int millis) throws Exception {
        for (int i = 0; i < millis / 100 && !came.contains(text); i++) Thread.sleep(100);
        return came.contains(text);
    }

    static void send(DefaultMQProducer producer, String topic, String tag, String text) throws Exception {
        for (int i = 0; ; i++) {
            try { // all into one queue
                producer.send(new Message(topic, tag, text.getBytes()), (queues, message, none) -> queues.get(0), null);
                return;
            } catch (Exception e) {
                if (i == 20) throw e;
                Thread.sleep(500);
            }
        }
    }
}
JAVA
cat >"$work/inside" <<'SH'
set -eu
python3 -c 'import fcntl,socket,struct
s=socket.socket(); fcntl.ioctl(s, 0x8914, struct.pack("16sh", b"lo", 0x49) + b"\0" * 22)'
mkdir -p home/conf
printf 'brokerIP1=127.0.0.1\nnamesrvAddr=127.0.0.1:9876\nstorePathRootDir=%s/store\nmapedFileSizeCommitLog=67108864\ndiskMaxUsedSpaceRatio=95\n' "$PWD" >broker.conf
options="-Drocketmq.home.dir=$PWD/home -Duser.home=$PWD --add-opens=java.base/java.nio=ALL-UNNAMED --add-opens=java.base/sun.nio.ch=ALL-UNNAMED --add-exports=java.base/sun.nio.ch=ALL-UNNAMED --add-opens=java.base/jdk.internal.ref=ALL-UNNAMED"
java -Xmx256m $options -cp "5.5.0/*" org.apache.rocketmq.namesrv.NamesrvStartup >namesrv.log 2>&1 &
java -Xmx1g $options -cp "5.5.0/*" org.apache.rocketmq.broker.BrokerStartup -c broker.conf >broker.log 2>&1 &
for port in 9876 10911; do
    for i in $(seq 300); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>probe && break; sleep 0.2; done
done
sleep 3
for version in 4.9.8 5.5.0; do
    javac -nowarn -d "classes-$version" -cp "$version/*" Widen.java 2>javac.log
    java -Duser.home="$PWD" -cp "classes-$version:$version/*" Widen "$(echo "$version" | tr -d .)" 2>client.log | sed "s/^/$version /"
done
SH
(cd "$work" && unshare --user --map-root-user --net --pid --fork --kill-child bash inside) >"$work/seen" || { tail -n 5 "$work"/*.log; skip "Apache's servers did not start"; }
column() { awk -F'\t' -v name="$1" '$1 == name { print $2 }' "$work/seen"; }
for version in 4.9.8 5.5.0; do
    expect "client $version: a message with the tag of before comes" "true" "true" "$(column "$version same tag")"
    expect "client $version: a message with the new tag comes at once" "true" "false" "$(column "$version new tag at once")"
    expect "client $version: a message with the new tag comes later" "true" "true" "$(column "$version new tag later")"
done
finish

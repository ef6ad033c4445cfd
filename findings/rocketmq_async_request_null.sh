#!/usr/bin/env bash
# Apache RocketMQ's Java client (4.9.8 and 5.5.0, with Apache's servers 5.5.0): DefaultMQProducer.request with a callback calls
# onSuccess as soon as the broker has stored the request, with null for the reply. The reply that comes a second later is dropped.
# The same request without a callback waits and returns the reply.
# Why it matters: the callback form cannot be used for request and reply; a server is easily blamed for it. Whoever tests a
# server with it must expect null.
source "$(dirname "$0")/common.sh"
need java javac mvn unshare python3
unshare --user --map-root-user --net true 2>"$work/unshare" || skip "this system gives no network namespace of one's own"

jars 5.5.0 rocketmq-client rocketmq-broker rocketmq-namesrv
jars 4.9.8 rocketmq-client
cat >"$work/Ask.java" <<'JAVA'
import java.util.concurrent.*;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.*;
import org.apache.rocketmq.client.producer.*;
import org.apache.rocketmq.client.utils.MessageUtil;
import org.apache.rocketmq.common.message.Message;

public class Ask {
    public static void main(String[] args) throws Exception {
        DefaultMQProducer answers = producer("answers"), asks = producer("asks");
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer("g" + args[0]);
        consumer.setNamesrvAddr("127.0.0.1:9876");
        consumer.subscribe("T" + args[0], "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            for (var one : messages) {
                try {
                    Thread.sleep(1000);
                    answers.send(MessageUtil.createReplyMessage(one, "the reply".getBytes()));
                } catch (Exception e) {
                    // a request of before that nobody waits for
                }
            }
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        Message reply = null;
        for (int i = 0; reply == null && i < 12; i++) { // until the consumer has its queues
            try {
                reply = asks.request(new Message("T" + args[0], "q".getBytes()), 6000);
            } catch (Exception e) {
                Thread.sleep(500);
            }
        }
        System.out.println("waiting\t" + (reply == null ? "no reply" : new String(reply.getBody())));
        var seen = new CompletableFuture<String>();
        long begun = System.nanoTime();
        asks.request(new Message("T" + args[0], "q".getBytes()), new RequestCallback() {
            public void onSuccess(Message message) {
                boolean early = System.nanoTime() - begun < 900_000_000L;
                seen.complete((message == null ? "null" : new String(message.getBody())) + (early ? ", before there is a reply" : ""));
            }
            public void onException(Throwable e) {
                seen.complete(e.toString());
            }
        }, 6000);
        System.out.println("callback\t" + seen.get(20, TimeUnit.SECONDS));
        System.exit(0);
    }

    static DefaultMQProducer producer(String group) throws Exception {
        DefaultMQProducer made = new DefaultMQProducer(group);
        made.setInstanceName(group);
        made.setNamesrvAddr("127.0.0.1:9876");
        made.start();
        return made;
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
    javac -nowarn -d "classes-$version" -cp "$version/*" Ask.java 2>javac.log
    java -Duser.home="$PWD" -cp "classes-$version:$version/*" Ask "$(echo "$version" | tr -d .)" 2>client.log | sed "s/^/$version /"
done
SH
(cd "$work" && unshare --user --map-root-user --net --pid --fork --kill-child bash inside) >"$work/seen" || { tail -n 5 "$work"/*.log; skip "Apache's servers did not start"; }
column() { awk -F'\t' -v name="$1" '$1 == name { print $2 }' "$work/seen"; }
for version in 4.9.8 5.5.0; do
    expect "client $version: the reply of a request that waits" "the reply" "the reply" "$(column "$version waiting")"
    expect "client $version: the reply that the callback is given" "the reply" "null, before there is a reply" "$(column "$version callback")"
done
finish

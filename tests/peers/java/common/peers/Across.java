package peers;

import java.io.BufferedReader;
import java.io.InputStreamReader;

import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageAccessor;
import org.apache.rocketmq.common.message.MessageExt;

/**
 * A producer and a push consumer that live on while masters come and go. Reads commands, a line each: the kind, TAB, the body, and
 * for some kinds TAB, a number:
 *
 *   plain, commit, rollback, half (ends when it is asked about: commit for bodies with "keep" in them, else rollback), level N, timer MILLIS
 *
 * and prints lines: word, TAB, body, TAB, milliseconds since 1970, TAB, a remark: "sent" with the status or the reason of a failure,
 * "got" with how long ago it was stored, "asked" when the broker asks about a half message.
 *
 *   java -cp ... peers.Across NAMESERVER TOPIC GROUP MILLIS_PER_MESSAGE
 */
public final class Across {
    public static void main(String[] arguments) throws Exception {
        var topic = arguments[1];
        var pause = Long.parseLong(arguments[3]);
        var consumer = new DefaultMQPushConsumer(arguments[2]);
        consumer.setNamesrvAddr(arguments[0]);
        consumer.setInstanceName("receiver");
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.setPollNameServerInterval(2000);
        consumer.setHeartbeatBrokerInterval(2000);
        consumer.setPersistConsumerOffsetInterval(500);
        consumer.setPullThresholdForQueue(20);  // the rest stays at the broker
        consumer.setPullBatchSize(8);
        consumer.setConsumeThreadMin(2);
        consumer.setConsumeThreadMax(2);
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            for (var one : messages) {
                say("got", new String(one.getBody()), "queue " + one.getQueueId() + ", " + (System.currentTimeMillis() - one.getStoreTimestamp()) + " ms after it was stored");
                sleep(pause);
            }
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();

        var producer = new TransactionMQProducer("p-" + arguments[2]);
        producer.setNamesrvAddr(arguments[0]);
        producer.setInstanceName("sender");
        producer.setPollNameServerInterval(2000);
        producer.setHeartbeatBrokerInterval(2000);
        producer.setTransactionListener(new TransactionListener() {
            @Override
            public LocalTransactionState executeLocalTransaction(Message message, Object kind) {
                return kind.equals("commit") ? LocalTransactionState.COMMIT_MESSAGE
                    : kind.equals("rollback") ? LocalTransactionState.ROLLBACK_MESSAGE : LocalTransactionState.UNKNOW;
            }

            @Override
            public LocalTransactionState checkLocalTransaction(MessageExt message) {
                var body = new String(message.getBody());
                say("asked", body, message.getTransactionId());
                return body.contains("keep") ? LocalTransactionState.COMMIT_MESSAGE : LocalTransactionState.ROLLBACK_MESSAGE;
            }
        });
        producer.start();
        say("ready", "", "");

        var input = new BufferedReader(new InputStreamReader(System.in));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            var fields = line.split("\t");
            try {
                say("sent", fields[1], send(producer, topic, fields));
            } catch (Exception e) {
                say("sent", fields[1], Main.codeOf(e) + " " + e.getMessage());
            }
        }
        Runtime.getRuntime().halt(0);
    }

    private static String send(TransactionMQProducer producer, String topic, String[] fields) throws Exception {
        var message = new Message(topic, fields[1].getBytes());
        switch (fields[0]) {
            case "level":
                message.setDelayTimeLevel(Integer.parseInt(fields[2]));
                break;
            case "timer":
                MessageAccessor.putProperty(message, "TIMER_DELAY_MS", fields[2]);
                break;
            case "commit":
            case "rollback":
            case "half":
                return producer.sendMessageInTransaction(message, fields[0]).getSendStatus().name();
            default:
        }
        return producer.send(message).getSendStatus().name();
    }

    private static void sleep(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static synchronized void say(String what, String body, String remark) {
        System.out.println(what + "\t" + body + "\t" + System.currentTimeMillis() + "\t" + String.valueOf(remark).replaceAll("\\s+", " "));
        System.out.flush();
    }
}

package peers;

import java.util.ArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;

/**
 * Sends numbered messages and consumes them with a group, whatever happens to the servers, and prints a line for
 * each message that was acknowledged ("sent"), whose send failed ("failed") or that came ("got"): word, TAB, number,
 * TAB, milliseconds since 1970, and the reason of a failure.
 *
 *   java -cp ... peers.Load NAMESERVER TOPIC GROUP SENDERS PAUSE_MILLIS
 *
 * A line on the standard input ends the sending ("stopped"), the input's end everything.
 */
public final class Load {
    private static final AtomicLong next = new AtomicLong();
    private static final AtomicBoolean stopped = new AtomicBoolean();

    public static void main(String[] arguments) throws Exception {
        var topic = arguments[1];
        var producer = new DefaultMQProducer("p-" + arguments[2]);
        producer.setNamesrvAddr(arguments[0]);
        producer.setInstanceName("sender");
        producer.start();
        var consumer = new DefaultMQPushConsumer(arguments[2]);
        consumer.setNamesrvAddr(arguments[0]);
        consumer.setInstanceName("receiver");
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.setConsumeThreadMin(2);
        consumer.setConsumeThreadMax(2);
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            messages.forEach(one -> say("got", new String(one.getBody()), ""));
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();

        var senders = new ArrayList<Thread>();
        for (int i = 0; i < Integer.parseInt(arguments[3]); i++) {
            senders.add(new Thread(() -> send(producer, topic, Long.parseLong(arguments[4]))));
            senders.get(i).start();
        }
        if (System.in.read() >= 0) {
            stopped.set(true);
            for (var sender : senders) {
                sender.join();
            }
            System.out.println("stopped");
            while (System.in.read() >= 0) { }
        }
        Runtime.getRuntime().halt(0);
    }

    private static void send(DefaultMQProducer producer, String topic, long pause) {
        while (!stopped.get()) {
            var number = Long.toString(next.getAndIncrement());
            try {
                var result = producer.send(new Message(topic, number.getBytes()));
                say(result.getSendStatus() == SendStatus.SEND_OK ? "sent" : "failed", number, result.getSendStatus().name());
                Thread.sleep(pause);
            } catch (Exception e) {
                say("failed", number, Main.codeOf(e) + " " + e.getMessage());
                LockSupport.parkNanos(20_000_000);  // a refused connection fails at once
            }
        }
    }

    private static void say(String what, String number, String reason) {
        System.out.println(what + "\t" + number + "\t" + System.currentTimeMillis() + "\t" + reason.replaceAll("\\s+", " "));
    }
}

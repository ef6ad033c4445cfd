package peers;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;

import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/**
 * What one case has: a topic and a group of its own, clients that are shut down after it, and checks that
 * fail with a sentence. Each client has its own instance name, thus its own connections.
 */
final class World implements AutoCloseable {
    static final long PATIENCE_MILLIS = 60_000;
    private static final AtomicInteger instances = new AtomicInteger();

    final String nameserver;
    final String topic;
    final String group;
    private final Deque<Runnable> closers = new ArrayDeque<>();
    private DefaultMQAdminExt admin;

    World(String nameserver, String run, String name) {
        this.nameserver = nameserver;
        this.topic = run + "-" + name;
        this.group = "g-" + run + "-" + name;
    }

    /** A failed check: its message is the case's result. */
    static final class Mismatch extends RuntimeException {
        Mismatch(String what) {
            super(what);
        }
    }

    static void check(boolean holds, String what) {
        if (!holds) {
            throw new Mismatch(what);
        }
    }

    static void equal(Object wanted, Object seen, String what) {
        check(wanted.equals(seen), what + ": " + seen + ", not " + wanted);
    }

    /** Waits until it is true; fails with the sentence after a minute. */
    static void await(BooleanSupplier condition, String what) throws InterruptedException {
        long deadline = System.currentTimeMillis() + PATIENCE_MILLIS;
        while (!condition.getAsBoolean()) {
            check(System.currentTimeMillis() < deadline, "waited in vain: " + what);
            Thread.sleep(20);
        }
    }

    interface Attempt<T> {
        T get() throws Exception;
    }

    /** Repeats what fails while news travels (a route, a registration); the last exception counts. */
    static <T> T eventually(Attempt<T> attempt) throws Exception {
        long deadline = System.currentTimeMillis() + PATIENCE_MILLIS / 2;
        while (true) {
            try {
                return attempt.get();
            } catch (Exception e) {
                if (System.currentTimeMillis() > deadline) {
                    throw e;
                }
                Thread.sleep(50);
            }
        }
    }

    String instance() {
        return "case" + instances.incrementAndGet();
    }

    <T> T closing(T client, Runnable closer) {
        closers.push(closer);
        return client;
    }

    @Override
    public void close() {
        for (Runnable closer : closers) {
            try {
                closer.run();
            } catch (RuntimeException e) {
                System.err.println("at the end of " + topic + ": " + e);
            }
        }
    }

    // -- administration

    synchronized DefaultMQAdminExt admin() throws Exception {
        if (admin == null) {
            var made = new DefaultMQAdminExt(10_000);
            made.setInstanceName(instance());
            made.setNamesrvAddr(nameserver);
            made.start();
            admin = closing(made, made::shutdown);
        }
        return admin;
    }

    String brokerAddress() throws Exception {
        var table = eventually(() -> admin().examineBrokerClusterInfo()).getBrokerAddrTable();
        return new TreeMap<>(table).firstEntry().getValue().getBrokerAddrs().get(0L);
    }

    void makeTopic(String name, int queues) throws Exception {
        var config = new TopicConfig(name);
        config.setReadQueueNums(queues);
        config.setWriteQueueNums(queues);
        admin().createAndUpdateTopicConfig(brokerAddress(), config);
        eventually(() -> admin().examineTopicRouteInfo(name));
    }

    void makeTopic(int queues) throws Exception {
        makeTopic(topic, queues);
    }

    /** The group and its retry topic: a client that asks for the route of a retry topic too early asks again after 30 s only. */
    void makeGroup(int maxReconsume) throws Exception {
        Version.makeGroup(admin(), brokerAddress(), group, maxReconsume);
        makeTopic("%RETRY%" + group, 1);
    }

    // -- sending

    DefaultMQProducer producer() throws Exception {
        var producer = new DefaultMQProducer("p-" + group);
        prepare(producer);
        producer.start();
        return producer;
    }

    <T extends DefaultMQProducer> T prepare(T producer) {
        producer.setNamesrvAddr(nameserver);
        producer.setInstanceName(instance());
        producer.setSendMsgTimeout(10_000);
        return closing(producer, producer::shutdown);
    }

    Message message(int number) {
        return new Message(topic, "tag" + number % 2, "key" + number, ("body " + number).getBytes());
    }

    static SendResult sent(SendResult result) {
        equal(SendStatus.SEND_OK, result.getSendStatus(), "status of a send");
        return result;
    }

    void send(int count) throws Exception {
        var producer = producer();
        for (int i = 0; i < count; i++) {
            sent(producer.send(message(i)));
        }
    }

    // -- consuming

    /** What a consumer was given, in that order. */
    static final class Inbox {
        final List<MessageExt> messages = new ArrayList<>();

        synchronized void add(List<MessageExt> more) {
            messages.addAll(more);
        }

        synchronized int size() {
            return messages.size();
        }

        synchronized List<MessageExt> all() {
            return new ArrayList<>(messages);
        }

        synchronized Map<String, Integer> counts() {
            var counts = new TreeMap<String, Integer>();
            messages.forEach(one -> counts.merge(new String(one.getBody()), 1, Integer::sum));
            return counts;
        }

        /** All of these bodies; some may have come more than once. */
        void holdsAtLeast(int count) throws InterruptedException {
            for (int i = 0; i < count; i++) {
                awaitBody("body " + i);
            }
        }

        void awaitBody(String body) throws InterruptedException {
            World.await(() -> counts().containsKey(body), body);
        }

        void await(int count) throws InterruptedException {
            World.await(() -> size() >= count, count + " messages, " + size() + " came");
        }

        /** Exactly these bodies, each once. */
        void holds(int count) throws InterruptedException {
            await(count);
            var counts = counts();
            for (int i = 0; i < count; i++) {
                equal(1, counts.getOrDefault("body " + i, 0), "deliveries of body " + i);
            }
            equal(count, size(), "messages");
        }
    }

    DefaultMQPushConsumer consumer(String expression) throws Exception {
        return consumer(topic, expression);
    }

    DefaultMQPushConsumer consumer(String from, String expression) throws Exception {
        var consumer = new DefaultMQPushConsumer(group);
        consumer.setNamesrvAddr(nameserver);
        consumer.setInstanceName(instance());
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.setConsumeThreadMin(2);
        consumer.setConsumeThreadMax(2);
        if (expression != null) {
            consumer.subscribe(from, expression);
        }
        return closing(consumer, consumer::shutdown);
    }

    static Inbox into(DefaultMQPushConsumer consumer) throws Exception {
        var inbox = new Inbox();
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            inbox.add(messages);
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        return inbox;
    }

    /** A started consumer of the case's topic. */
    Inbox consume(String expression) throws Exception {
        return into(consumer(expression));
    }

    static Set<String> sorted(Iterable<String> names) {
        var set = new java.util.TreeSet<String>();
        names.forEach(set::add);
        return set;
    }
}

package peers;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.spring.annotation.RocketMQMessageListener;
import org.apache.rocketmq.spring.annotation.RocketMQTransactionListener;
import org.apache.rocketmq.spring.core.RocketMQListener;
import org.apache.rocketmq.spring.core.RocketMQLocalTransactionListener;
import org.apache.rocketmq.spring.core.RocketMQLocalTransactionState;
import org.apache.rocketmq.spring.core.RocketMQReplyListener;
import org.apache.rocketmq.spring.core.RocketMQTemplate;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.messaging.Message;
import org.springframework.messaging.MessagingException;
import org.springframework.messaging.support.MessageBuilder;

/**
 * A Spring Boot application with rocketmq-spring-boot-starter, as its users write one: the template sends, listeners
 * with annotations receive. Prints one line a case: "case", name, seconds, result.
 *
 *   java -cp ... peers.Spring NAMESERVER RUN [CASE...]
 */
public final class Spring {
    private static final long PATIENCE_MILLIS = 60_000;

    /** What the listener was given, by body. */
    private static final Map<String, List<MessageExt>> received = new ConcurrentHashMap<>();
    private static final Set<String> checked = ConcurrentHashMap.newKeySet();

    @RocketMQMessageListener(topic = "${peers.topic}", consumerGroup = "${peers.group}")
    public static final class Receiver implements RocketMQListener<MessageExt> {
        @Override
        public void onMessage(MessageExt message) {
            var body = new String(message.getBody());
            var all = received.computeIfAbsent(body, any -> new ArrayList<>());
            synchronized (all) {
                all.add(message);
            }
            if (body.startsWith("retry") && message.getReconsumeTimes() == 0) {
                throw new IllegalStateException("not yet");
            }
        }
    }

    @RocketMQMessageListener(topic = "${peers.topic}-asked", consumerGroup = "${peers.group}-asked")
    public static final class Answerer implements RocketMQReplyListener<String, String> {
        @Override
        public String onMessage(String asked) {
            return "re: " + asked;
        }
    }

    @RocketMQTransactionListener
    public static final class Transactions implements RocketMQLocalTransactionListener {
        @Override
        public RocketMQLocalTransactionState executeLocalTransaction(@SuppressWarnings("rawtypes") Message message, Object outcome) {
            return (RocketMQLocalTransactionState) outcome;
        }

        @Override
        public RocketMQLocalTransactionState checkLocalTransaction(@SuppressWarnings("rawtypes") Message message) {
            checked.add(new String((byte[]) message.getPayload()));
            return RocketMQLocalTransactionState.COMMIT;
        }
    }

    @Configuration
    @EnableAutoConfiguration
    public static class Application {
        @Bean
        Receiver receiver() {
            return new Receiver();
        }

        @Bean
        Answerer answerer() {
            return new Answerer();
        }

        @Bean
        Transactions transactions() {
            return new Transactions();
        }
    }

    /** null is "ok"; else what was seen. */
    interface Case {
        String run() throws Exception;
    }

    private final RocketMQTemplate template;
    private final String topic;

    Spring(RocketMQTemplate template, String topic) {
        this.template = template;
        this.topic = topic;
    }

    private Map<String, Case> cases() {
        Map<String, Case> cases = new LinkedHashMap<>();
        cases.put("send_sync", this::sync);
        cases.put("send_async", this::async);
        cases.put("send_ordered", this::ordered);
        cases.put("send_batch", this::batch);
        cases.put("send_delay_level", () -> delayed("level", 4_000));
        cases.put("timer_delay", () -> delayed("timer", 1_900));
        cases.put("send_headers", this::headers);
        cases.put("request_reply", this::request);
        cases.put("consume_retry", this::retry);
        cases.put("transaction_commit", () -> transaction(RocketMQLocalTransactionState.COMMIT));
        cases.put("transaction_rollback", () -> transaction(RocketMQLocalTransactionState.ROLLBACK));
        cases.put("transaction_check_back", () -> transaction(RocketMQLocalTransactionState.UNKNOWN));
        return cases;
    }

    private String sync() throws Exception {
        for (int i = 0; i < 40; i++) {
            sent(template.syncSend(topic + ":tag", "sync " + i));
        }
        arrived("sync", 40);
        return null;
    }

    private String async() throws Exception {
        var results = new ArrayList<CompletableFuture<SendResult>>();
        for (int i = 0; i < 100; i++) {
            var result = new CompletableFuture<SendResult>();
            results.add(result);
            template.asyncSend(topic, "async " + i, new SendCallback() {
                @Override
                public void onSuccess(SendResult sent) {
                    result.complete(sent);
                }

                @Override
                public void onException(Throwable e) {
                    result.completeExceptionally(e);
                }
            });
        }
        for (var result : results) {
            sent(result.get(20, TimeUnit.SECONDS));
        }
        arrived("async", 100);
        return null;
    }

    private String ordered() throws Exception {
        for (int i = 0; i < 10; i++) {
            sent(template.syncSendOrderly(topic, "ordered " + i, "one key"));
        }
        arrived("ordered", 10);
        var queues = IntStream.range(0, 10).mapToObj(i -> received.get("ordered " + i).get(0).getQueueId()).collect(Collectors.toSet());
        check(queues.size() == 1, "queues of one key: " + queues.size());
        return null;
    }

    private String batch() throws Exception {
        var messages = IntStream.range(0, 30).mapToObj(i -> MessageBuilder.withPayload("batch " + i).build()).collect(Collectors.toList());
        sent(template.syncSend(topic, messages));
        arrived("batch", 30);
        var ids = IntStream.range(0, 30).mapToObj(i -> received.get("batch " + i).get(0).getMsgId()).collect(Collectors.toSet());
        check(ids.size() == 30, "different ids at the consumer: " + ids.size() + ", not 30");
        return null;
    }

    private String delayed(String how, long least) throws Exception {
        var message = MessageBuilder.withPayload(how + " 0").build();
        sent(how.equals("timer") ? template.syncSendDelayTimeMills(topic, message, 3_000) : template.syncSend(topic, message, 5_000, 2));
        arrived(how, 1);
        var got = received.get(how + " 0").get(0);
        long waited = got.getStoreTimestamp() - got.getBornTimestamp();
        check(waited >= least && waited < least + 6_000, "delivered after " + waited / 1_000 + " s");
        return null;
    }

    private String headers() throws Exception {
        var message = MessageBuilder.withPayload("headers 0").setHeader("KEYS", "key0").setHeader("colour", "gr\u00fcn").build();
        var result = sent(template.syncSend(topic + ":tag0", message));
        arrived("headers", 1);
        var got = received.get("headers 0").get(0);
        check(got.getTags().equals("tag0") && got.getKeys().equals("key0") && got.getUserProperty("colour").equals("gr\u00fcn"),
                "properties: " + got.getProperties());
        check(got.getMsgId().equals(result.getMsgId()), "id");
        return null;
    }

    private String request() throws Exception {
        for (int attempt = 0; ; attempt++) {  // the broker knows who asks from its first heartbeat on
            long started = System.currentTimeMillis();
            try {
                String reply = template.sendAndReceive(topic + "-asked", "who", String.class, 5_000L);
                check(reply.equals("re: who"), "reply: " + reply);
                return null;
            } catch (MessagingException e) {
                if (System.currentTimeMillis() - started < 1_000) {  // 5.3.2: DefaultMQProducerImpl's onSuccess ends the wait
                    return "the client does not wait for the reply";
                }
                check(attempt < 12, "no reply: " + e.getMessage());
            }
        }
    }

    private String retry() throws Exception {
        sent(template.syncSend(topic, "retry 0"));
        await(() -> received.containsKey("retry 0") && received.get("retry 0").size() >= 2, "the second delivery");
        check(received.get("retry 0").get(1).getReconsumeTimes() == 1, "reconsume times");
        return null;
    }

    private String transaction(RocketMQLocalTransactionState outcome) throws Exception {
        var name = outcome.name().toLowerCase();
        sent(template.sendMessageInTransaction(topic, MessageBuilder.withPayload(name + " 0").build(), outcome));
        if (outcome == RocketMQLocalTransactionState.ROLLBACK) {
            Thread.sleep(6_000);
            check(!received.containsKey(name + " 0") && !checked.contains(name + " 0"), "it came, or was asked for");
            return null;
        }
        arrived(name, 1);
        check(checked.contains(name + " 0") == (outcome == RocketMQLocalTransactionState.UNKNOWN), "asked for: " + checked);
        return null;
    }

    private static SendResult sent(SendResult result) {
        check(result.getSendStatus() == SendStatus.SEND_OK, "status of a send: " + result.getSendStatus());
        return result;
    }

    /** Each body came, once. */
    private static void arrived(String name, int count) throws InterruptedException {
        for (int i = 0; i < count; i++) {
            var body = name + " " + i;
            await(() -> received.containsKey(body), body);
            check(received.get(body).size() == 1, "deliveries of " + body + ": " + received.get(body).size());
        }
    }

    private static void check(boolean holds, String what) {
        if (!holds) {
            throw new IllegalStateException(what);
        }
    }

    private static void await(BooleanSupplier condition, String what) throws InterruptedException {
        long deadline = System.currentTimeMillis() + PATIENCE_MILLIS;
        while (!condition.getAsBoolean()) {
            check(System.currentTimeMillis() < deadline, "waited in vain: " + what);
            Thread.sleep(20);
        }
    }

    /** Topics, those of retries too: a client that asks for the route of a topic too early asks again after 30 s only. */
    private static void makeTopics(String nameserver, List<String> topics) throws Exception {
        var maker = new DefaultMQProducer("p-maker");
        maker.setNamesrvAddr(nameserver);
        maker.setInstanceName("maker");
        maker.start();
        for (var topic : topics) {
            maker.createTopic("TBW102", topic, 4, Map.of());
        }
        maker.shutdown();
    }

    public static void main(String[] arguments) throws Exception {
        var topic = arguments[1] + "-spring";
        var group = "g-" + topic;
        makeTopics(arguments[0], List.of(topic, topic + "-asked", "%RETRY%" + group, "%RETRY%" + group + "-asked"));
        var application = new SpringApplication(Spring.Application.class);
        application.setDefaultProperties(Map.of("rocketmq.name-server", arguments[0], "rocketmq.producer.group", "p-" + topic,
                "rocketmq.producer.send-message-timeout", "10000", "peers.topic", topic, "peers.group", group,
                "spring.main.banner-mode", "off", "logging.level.root", "WARN"));
        var context = application.run();
        var spring = new Spring(context.getBean(RocketMQTemplate.class), topic);
        var wanted = List.of(arguments).subList(2, arguments.length);
        var cases = spring.cases();
        if (!wanted.isEmpty()) {
            cases.keySet().retainAll(wanted);
        }
        cases.forEach((name, one) -> {
            long started = System.nanoTime();
            String result = "ok";
            try {
                String seen = one.run();
                result = seen == null ? "ok" : seen;
            } catch (Throwable e) {
                result = "failed: " + (e.getMessage() == null ? e : e.getMessage());
            }
            System.out.printf("case\t%s\t%.1f\t%s%n", name, (System.nanoTime() - started) / 1e9, result.replaceAll("\\s+", " "));
        });
        System.out.println("end\t" + cases.size() + " cases");
        System.out.flush();
        Runtime.getRuntime().halt(0);
    }
}

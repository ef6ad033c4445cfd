package peers;

import static peers.World.await;
import static peers.World.check;
import static peers.World.equal;
import static peers.World.sent;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.RequestCallback;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.utils.MessageUtil;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageAccessor;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** Every way to send, and what is refused. */
final class SendCases {
    static void add(Map<String, Main.Case> cases) {
        cases.put("send_sync", SendCases::sync);
        cases.put("send_async", SendCases::async);
        cases.put("send_oneway", SendCases::oneway);
        cases.put("send_batch", SendCases::batch);
        cases.put("send_batch_properties", SendCases::batchProperties);
        cases.put("send_to_new_topic", SendCases::toNewTopic);
        cases.put("send_to_queue", SendCases::toQueue);
        cases.put("send_ordered", SendCases::ordered);
        cases.put("send_delay_level", SendCases::delayLevel);
        cases.put("send_large_zlib", world -> large(world, "ZLIB"));
        cases.put("send_vip_channel", SendCases::vipChannel);
        cases.put("send_trace", SendCases::trace);
        cases.put("send_namespace", SendCases::namespace);
        cases.put("send_properties", SendCases::properties);
        cases.put("request_reply", SendCases::requestReply);
        cases.put("request_reply_async", SendCases::requestReplyAsync);
        cases.put("error_queue_out_of_range", SendCases::queueOutOfRange);
        cases.put("error_message_too_large", SendCases::tooLarge);
        cases.put("error_empty_body_compressed_flag", SendCases::emptyBody);
        cases.put("error_topic_not_writable", SendCases::notWritable);
        cases.put("error_batch_delayed", SendCases::batchDelayed);
        cases.put("error_system_topic", SendCases::systemTopic);
    }

    private static String sync(World world) throws Exception {
        world.makeTopic(4);
        world.send(40);
        world.consume("*").holds(40);
        return null;
    }

    private static String async(World world) throws Exception {
        world.makeTopic(4);
        var producer = world.producer();
        var done = new CountDownLatch(100);
        var errors = new AtomicInteger();
        for (int i = 0; i < 100; i++) {
            producer.send(world.message(i), new SendCallback() {
                @Override
                public void onSuccess(SendResult result) {
                    done.countDown();
                }

                @Override
                public void onException(Throwable e) {
                    errors.incrementAndGet();
                    done.countDown();
                }
            });
        }
        check(done.await(60, TimeUnit.SECONDS), "callbacks are missing: " + done.getCount());
        equal(0, errors.get(), "failed sends");
        world.consume("*").holds(100);
        return null;
    }

    private static String oneway(World world) throws Exception {
        world.makeTopic(4);
        var producer = world.producer();
        for (int i = 0; i < 50; i++) {
            producer.sendOneway(world.message(i));
        }
        world.consume("*").holds(50);
        return null;
    }

    /** Ids that the producer was told are those that consumers see. */
    private static String batch(World world) throws Exception {
        world.makeTopic(2);
        var producer = world.producer();
        var batch = new ArrayList<Message>();
        for (int i = 0; i < 30; i++) {
            batch.add(world.message(i));
        }
        var result = sent(producer.send(batch));
        var inbox = world.consume("*");
        inbox.holds(30);
        equal(30, result.getMsgId().split(",").length, "ids of the batch");
        var ids = inbox.all().stream().map(MessageExt::getMsgId).distinct().count();
        equal(30L, ids, "different ids at the consumer");
        check(inbox.all().stream().allMatch(one -> result.getMsgId().contains(one.getMsgId())), "ids differ from the producer's");
        equal(1L, inbox.all().stream().map(MessageExt::getQueueId).distinct().count(), "queues of one batch");
        return null;
    }

    /** The properties in the store of a message that was sent alone, and of three that came as a batch. */
    private static String batchProperties(World world) throws Exception {
        world.makeTopic(1);
        var producer = world.producer();
        var alone = world.message(0);
        var batch = new ArrayList<Message>();
        for (int i = 1; i < 4; i++) {
            batch.add(world.message(i));
        }
        // A message that was consumed elsewhere and is sent on brings those of its first broker.
        for (var one : List.of(alone, batch.get(2))) {
            MessageAccessor.putProperty(one, "MSG_REGION", "elsewhere");
            MessageAccessor.putProperty(one, "TRACE_ON", "false");
            MessageAccessor.putProperty(one, "CLUSTER", "elsewhere");
        }
        return "alone: " + storedProperties(world, sent(producer.send(alone))) + ", batch: " + storedProperties(world, sent(producer.send(batch)));
    }

    private static List<Map<String, String>> storedProperties(World world, SendResult result) throws Exception {
        var ids = List.of(result.getMsgId().split(","));
        var seen = new ArrayList<Map<String, String>>();
        for (var id : result.getOffsetMsgId().split(",")) {
            var properties = new TreeMap<>(World.eventually(() -> world.admin().viewMessage(world.topic, id)).getProperties());
            properties.keySet().removeAll(List.of("KEYS", "TAGS"));
            properties.computeIfPresent("UNIQ_KEY", (name, value) -> ids.contains(value) ? "its own" : "another");
            if (!seen.contains(properties)) {
                seen.add(properties);
            }
        }
        return seen;
    }

    private static String toNewTopic(World world) throws Exception {
        world.send(8);
        world.consume("*").holds(8);
        var route = world.admin().examineTopicRouteInfo(world.topic);
        return "queues: " + route.getQueueDatas().get(0).getWriteQueueNums();
    }

    private static String toQueue(World world) throws Exception {
        world.makeTopic(4);
        var producer = world.producer();
        var queues = producer.fetchPublishMessageQueues(world.topic);
        equal(4, queues.size(), "queues");
        var queue = queues.get(2);
        for (int i = 0; i < 10; i++) {
            var result = sent(producer.send(world.message(i), queue));
            equal(queue, result.getMessageQueue(), "queue of the answer");
            equal((long) i, result.getQueueOffset(), "queue offset");
        }
        World.eventually(() -> {  // Apache's queues follow its log
            equal(10L, producer.maxOffset(queue), "largest offset");
            return null;
        });
        equal(0L, producer.minOffset(queue), "smallest offset");
        return null;
    }

    private static String ordered(World world) throws Exception {
        world.makeTopic(4);
        var producer = world.producer();
        for (int i = 0; i < 80; i++) {
            int order = i % 5;
            var message = new Message(world.topic, "t", "order" + order, (order + ":" + i / 5).getBytes());
            sent(producer.send(message, (queues, one, key) -> queues.get((Integer) key % queues.size()), order));
        }
        var inbox = new World.Inbox();
        var consumer = world.consumer("*");
        consumer.registerMessageListener((MessageListenerOrderly) (messages, context) -> {
            inbox.add(messages);
            return ConsumeOrderlyStatus.SUCCESS;
        });
        consumer.start();
        inbox.await(80);
        var next = new HashMap<String, Integer>();
        for (var one : inbox.all()) {
            var parts = new String(one.getBody()).split(":");
            equal(next.getOrDefault(parts[0], 0), Integer.parseInt(parts[1]), "place in order " + parts[0]);
            next.merge(parts[0], 1, Integer::sum);
        }
        return null;
    }

    private static String delayLevel(World world) throws Exception {
        world.makeTopic(1);
        var inbox = world.consume("*");
        var producer = world.producer();
        var message = world.message(0);
        message.setDelayTimeLevel(2);  // 5 s
        sent(producer.send(message));
        inbox.holds(1);
        var got = inbox.all().get(0);
        long waited = got.getStoreTimestamp() - got.getBornTimestamp();
        check(waited >= 4_000 && waited < 9_000, "delivered after " + waited / 1_000 + " s instead of 5 s");
        equal(world.topic, got.getTopic(), "topic");
        equal("tag0", got.getTags(), "tag");
        return null;
    }

    static String large(World world, String type) throws Exception {
        world.makeTopic(1);
        var producer = world.prepare(new DefaultMQProducer("p-" + world.group));
        Version.compressWith(producer, type);
        producer.start();
        var text = new StringBuilder();
        for (int i = 0; i < 4_000; i++) {
            text.append("line ").append(i).append('\n');
        }
        var body = text.toString().getBytes();
        sent(producer.send(new Message(world.topic, body)));
        var inbox = world.consume("*");
        inbox.await(1);
        check(java.util.Arrays.equals(body, inbox.all().get(0).getBody()), "the body differs");
        check(inbox.all().get(0).getStoreSize() < body.length / 2, "stored without compression");
        return null;
    }

    private static String vipChannel(World world) throws Exception {
        world.makeTopic(1);
        var producer = world.prepare(new DefaultMQProducer("p-" + world.group));
        producer.setVipChannelEnabled(true);
        producer.start();
        for (int i = 0; i < 5; i++) {
            sent(producer.send(world.message(i)));
        }
        world.consume("*").holds(5);
        return null;
    }

    /** The traces of a producer and a consumer lie in the trace topic. */
    private static String trace(World world) throws Exception {
        world.makeTopic(1);
        var producer = world.prepare(Version.tracedProducer("p-" + world.group));
        producer.start();
        var ids = new ArrayList<String>();
        for (int i = 0; i < 3; i++) {
            ids.add(sent(producer.send(world.message(i))).getMsgId());
        }
        var consumer = Version.tracedConsumer(world.group);
        consumer.setNamesrvAddr(world.nameserver);
        consumer.setInstanceName(world.instance());
        consumer.setConsumeFromWhere(org.apache.rocketmq.common.consumer.ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.subscribe(world.topic, "*");
        world.closing(consumer, consumer::shutdown);
        World.into(consumer).holds(3);

        var reader = new World(world.nameserver, "trace", world.topic);
        world.closing(reader, reader::close);
        var traces = World.into(reader.consumer("RMQ_SYS_TRACE_TOPIC", "*"));
        for (var kind : new String[] {"Pub", "SubBefore", "SubAfter"}) {
            await(() -> traces.all().stream().anyMatch(one -> {
                var text = new String(one.getBody());
                return text.contains(kind + "\u0001") && ids.stream().anyMatch(text::contains);
            }), "a trace of kind " + kind);
        }
        return null;
    }

    private static String namespace(World world) throws Exception {
        world.makeTopic("INST%" + world.topic, 2);
        var producer = world.prepare(new DefaultMQProducer("p-" + world.group));
        producer.setNamespace("INST");
        producer.start();
        for (int i = 0; i < 6; i++) {
            sent(producer.send(world.message(i)));
        }
        var consumer = world.consumer(null);
        consumer.setNamespace("INST");
        consumer.subscribe(world.topic, "*");
        var inbox = World.into(consumer);
        inbox.holds(6);
        equal(world.topic, inbox.all().get(0).getTopic(), "topic without its namespace");
        return null;
    }

    private static String properties(World world) throws Exception {
        world.makeTopic(1);
        var producer = world.producer();
        var message = new Message(world.topic, "\u6807\u7b7e", "k1 k2", "body 0".getBytes());
        message.putUserProperty("colour", "gr\u00fcn");
        message.putUserProperty("spaced", " a  b ");
        message.setFlag(7);
        message.setBuyerId("buyer");
        var result = sent(producer.send(message));
        var inbox = world.consume("\u6807\u7b7e");
        inbox.holds(1);
        var got = inbox.all().get(0);
        equal("gr\u00fcn", got.getUserProperty("colour"), "property");
        equal(" a  b ", got.getUserProperty("spaced"), "property with blanks");
        equal(7, got.getFlag(), "flag");
        equal("k1 k2", got.getKeys(), "keys");
        equal("buyer", got.getBuyerId(), "buyer");
        equal(result.getMsgId(), got.getMsgId(), "id");
        equal(0, got.getReconsumeTimes(), "reconsume times");
        return null;
    }

    /** A consumer that answers each request in its body's words; returns when it has its queue. */
    private static void answerer(World world) throws Exception {
        var plain = new AtomicInteger();
        var answers = world.producer();
        var consumer = world.consumer("*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            for (var one : messages) {
                if (one.getProperty("CORRELATION_ID") == null) {
                    plain.incrementAndGet();
                    continue;
                }
                try {
                    answers.send(MessageUtil.createReplyMessage(one, ("re: " + new String(one.getBody())).getBytes()));
                } catch (Exception e) {
                    System.err.println("reply to " + one.getTopic() + " " + new String(one.getBody()) + ": " + e + ", caused by " + e.getCause());
                }
            }
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        world.send(1);
        await(() -> plain.get() > 0, "the answerer's first message");
    }

    /** A reply finds a client after its heartbeat, which its first request sends, unless another is on its way just then. */
    private static void firstRequest(World world, DefaultMQProducer producer) throws Exception {
        World.eventually(() -> {
            Version.heartbeat(producer);
            return producer.request(world.message(0), 5_000);
        });
    }

    private static String requestReply(World world) throws Exception {
        world.makeTopic(1);
        answerer(world);
        var producer = world.producer();
        firstRequest(world, producer);
        for (int i = 1; i < 4; i++) {
            var reply = producer.request(world.message(i), 30_000);
            equal("re: body " + i, new String(reply.getBody()), "reply");
        }
        return null;
    }

    private static String requestReplyAsync(World world) throws Exception {
        world.makeTopic(1);
        answerer(world);
        var producer = world.producer();
        firstRequest(world, producer);
        var reply = new CompletableFuture<Message>();
        producer.request(world.message(4), new RequestCallback() {
            @Override
            public void onSuccess(Message message) {
                reply.complete(message);
            }

            @Override
            public void onException(Throwable e) {
                reply.completeExceptionally(e);
            }
        }, 30_000);
        var answer = reply.get(40, TimeUnit.SECONDS);
        return answer == null ? "the callback's message is null" : "the callback's message: " + new String(answer.getBody());
    }

    private static String queueOutOfRange(World world) throws Exception {
        world.makeTopic(1);
        var producer = world.producer();
        var name = producer.fetchPublishMessageQueues(world.topic).get(0).getBrokerName();
        return Main.outcome(() -> producer.send(world.message(0), new MessageQueue(world.topic, name, 9)));
    }

    private static String tooLarge(World world) throws Exception {
        world.makeTopic(1);
        var producer = world.prepare(new DefaultMQProducer("p-" + world.group));
        producer.setMaxMessageSize(8 << 20);
        producer.setCompressMsgBodyOverHowmuch(1 << 30);
        producer.setRetryTimesWhenSendFailed(0);
        producer.start();
        return Main.outcome(() -> producer.send(new Message(world.topic, new byte[5 << 20])));
    }

    private static String emptyBody(World world) throws Exception {
        world.makeTopic(1);
        var producer = world.producer();
        return Main.outcome(() -> producer.send(new Message(world.topic, new byte[0])));
    }

    private static String notWritable(World world) throws Exception {
        world.makeTopic(2);
        var producer = world.producer();
        sent(producer.send(world.message(0)));
        var queue = producer.fetchPublishMessageQueues(world.topic).get(0);
        var config = new org.apache.rocketmq.common.TopicConfig(world.topic, 2, 2, 4);
        world.admin().createAndUpdateTopicConfig(world.brokerAddress(), config);
        return Main.outcome(() -> producer.send(world.message(1), queue));
    }

    private static String batchDelayed(World world) throws Exception {
        world.makeTopic(1);
        var producer = world.producer();
        var message = world.message(0);
        message.setDelayTimeLevel(1);
        return Main.outcome(() -> producer.send(List.of(message)));
    }

    private static String systemTopic(World world) throws Exception {
        var producer = world.producer();
        return Main.outcome(() -> producer.send(new Message("SCHEDULE_TOPIC_XXXX", "x".getBytes())));
    }
}

package peers;

import static peers.World.check;
import static peers.World.equal;
import static peers.World.sent;

import java.util.Map;
import java.util.Set;

import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.compression.CompressionType;
import org.apache.rocketmq.remoting.protocol.heartbeat.MessageModel;
import org.apache.rocketmq.remoting.protocol.subscription.SubscriptionGroupConfig;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/** What 5.x calls otherwise than 4.9, and what only 5.x has. */
final class Version {
    static void add(Map<String, Main.Case> cases) {
        cases.put("consume_rebalanced_by_broker", Version::rebalancedByBroker);
        cases.put("timer_delay", Version::timerDelay);
        cases.put("timer_recall", Version::timerRecall);
        cases.put("send_large_lz4", world -> SendCases.large(world, "LZ4"));
        cases.put("send_large_zstd", world -> SendCases.large(world, "ZSTD"));
        cases.put("send_namespace_v2", Version::namespaceV2);
        cases.put("topic_attributes", Version::topicAttributes);
        cases.put("error_attribute_unknown", Version::unknownAttribute);
        cases.put("group_attributes", Version::groupAttributes);
    }

    static void makeGroup(DefaultMQAdminExt admin, String broker, String group, int maxReconsume) throws Exception {
        var config = new SubscriptionGroupConfig();
        config.setGroupName(group);
        config.setRetryMaxTimes(maxReconsume);
        admin.createAndUpdateSubscriptionGroupConfig(broker, config);
    }

    static void deleteTopicAtNameservers(DefaultMQAdminExt admin, Set<String> nameservers, String topic) throws Exception {
        admin.deleteTopicInNameServer(nameservers, topic);
    }

    static void broadcast(DefaultMQPushConsumer consumer) {
        consumer.setMessageModel(MessageModel.BROADCASTING);
    }

    static void compressWith(DefaultMQProducer producer, String type) {
        var chosen = CompressionType.valueOf(type);
        producer.setCompressType(chosen);
    }

    static DefaultMQProducer tracedProducer(String group) {
        var producer = new DefaultMQProducer(group);
        producer.setEnableTrace(true);
        return producer;
    }

    static DefaultMQPushConsumer tracedConsumer(String group) {
        var consumer = new DefaultMQPushConsumer(group);
        consumer.setEnableTrace(true);
        return consumer;
    }

    static void heartbeat(DefaultMQProducer producer) {
        producer.getDefaultMQProducerImpl().getMqClientFactory().sendHeartbeatToAllBrokerWithLock();
    }

    /** clientRebalance=false: the broker says who has which queue (QUERY_ASSIGNMENT). */
    private static String rebalancedByBroker(World world) throws Exception {
        world.makeTopic(4);
        world.makeGroup(16);
        world.send(20);
        var consumer = world.consumer("*");
        consumer.setClientRebalance(false);
        World.into(consumer).holds(20);
        return null;
    }

    private static String timerDelay(World world) throws Exception {
        world.makeTopic(1);
        var inbox = world.consume("*");
        var producer = world.producer();
        var message = world.message(0);
        message.setDelayTimeMs(3_000);
        sent(producer.send(message));
        var other = world.message(1);
        other.setDeliverTimeMs(System.currentTimeMillis() + 3_000);
        sent(producer.send(other));
        inbox.holds(2);
        for (var got : inbox.all()) {
            long waited = got.getStoreTimestamp() - got.getBornTimestamp();
            check(waited >= 1_900 && waited < 8_000, "delivered after " + waited / 1_000 + " s instead of 3 s");
            equal(world.topic, got.getTopic(), "topic");
        }
        return null;
    }

    private static String timerRecall(World world) throws Exception {
        world.makeTopic(1);
        var inbox = world.consume("*");
        var producer = world.producer();
        var message = world.message(0);
        message.setDelayTimeMs(6_000);
        var result = sent(producer.send(message));
        check(result.getRecallHandle() != null, "no recall handle");
        var late = world.message(1);
        late.setDelayTimeMs(8_000);
        sent(producer.send(late));
        var recalled = producer.recallMessage(world.topic, result.getRecallHandle());
        equal(result.getMsgId(), recalled, "id of what was recalled");
        inbox.await(1);
        equal(Set.of("body 1"), inbox.counts().keySet(), "delivered");
        return null;
    }

    private static String namespaceV2(World world) throws Exception {
        world.makeTopic("INST%" + world.topic, 2);
        var producer = world.prepare(new DefaultMQProducer("p-" + world.group));
        producer.setNamespaceV2("INST");
        producer.start();
        for (int i = 0; i < 6; i++) {
            sent(producer.send(world.message(i)));
        }
        var consumer = world.consumer(null);
        consumer.setNamespaceV2("INST");
        consumer.subscribe(world.topic, "*");
        World.into(consumer).holds(6);
        return null;
    }

    private static String topicAttributes(World world) throws Exception {
        var config = new TopicConfig(world.topic, 1, 1, 6);
        config.setAttributes(Map.of("+message.type", "DELAY"));
        world.admin().createAndUpdateTopicConfig(world.brokerAddress(), config);
        var got = World.eventually(() -> world.admin().examineTopicConfig(world.brokerAddress(), world.topic));
        return new java.util.TreeMap<>(got.getAttributes()).toString();
    }

    private static String unknownAttribute(World world) {
        return Main.outcome(() -> {
            var config = new TopicConfig(world.topic, 1, 1, 6);
            config.setAttributes(Map.of("+no.such.attribute", "1"));
            world.admin().createAndUpdateTopicConfig(world.brokerAddress(), config);
            return null;
        });
    }

    private static String groupAttributes(World world) throws Exception {
        var config = new SubscriptionGroupConfig();
        config.setGroupName(world.group);
        config.setAttributes(Map.of("+priority.factor", "50"));
        world.admin().createAndUpdateSubscriptionGroupConfig(world.brokerAddress(), config);
        var got = world.admin().getAllSubscriptionGroup(world.brokerAddress(), 10_000).getSubscriptionGroupTable().get(world.group);
        return String.valueOf(got.getAttributes());
    }
}

package peers;

import static peers.World.await;
import static peers.World.check;
import static peers.World.equal;
import static peers.World.sent;

import java.util.ArrayList;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** The calls that each page of rocketmq-dashboard makes, in its order, and what it needs of their answers. */
final class DashboardCases {
    static void add(Map<String, Main.Case> cases) {
        cases.put("dashboard_dead_letters", DashboardCases::deadLetters);  // the long ones first
        cases.put("dashboard_reset_online", world -> reset(world, true));
        cases.put("dashboard_reset_offline", world -> reset(world, false));
        cases.put("dashboard_overview", DashboardCases::overview);
        cases.put("dashboard_cluster", DashboardCases::cluster);
        cases.put("dashboard_topics", DashboardCases::topics);
        cases.put("dashboard_consumers", DashboardCases::consumers);
        cases.put("dashboard_producers", DashboardCases::producers);
        cases.put("dashboard_messages", DashboardCases::messages);
        cases.put("dashboard_trace", DashboardCases::trace);
        cases.put("dashboard_settings", DashboardCases::settings);
    }

    /** A topic of two queues with twelve messages, eight of which a group has consumed that goes on if it is to stay. */
    static World.Inbox populate(World world, boolean stays) throws Exception {
        world.makeTopic(2);
        world.makeGroup(16);
        world.send(8);
        var consumer = world.consumer("*");
        var inbox = World.into(consumer);
        inbox.holds(8);
        if (!stays) {
            consumer.shutdown();
        }
        var producer = world.producer();
        for (int i = 8; i < 12; i++) {
            sent(producer.send(world.message(i)));
        }
        if (stays) {
            inbox.holds(12);
        }
        return inbox;
    }

    private static String cluster(World world) throws Exception {
        var info = World.eventually(() -> world.admin().examineBrokerClusterInfo());
        equal(Set.of("broker-a"), info.getClusterAddrTable().get("peers"), "brokers of the cluster");
        var address = info.getBrokerAddrTable().get("broker-a").getBrokerAddrs().get(0L);
        equal(address, info.getBrokerAddrTable().get("broker-a").selectBrokerAddr(), "the broker's address");
        var table = world.admin().fetchBrokerRuntimeStats(address).getTable();
        for (var key : new String[] {"brokerVersionDesc", "msgPutTotalTodayMorning", "msgPutTotalTodayNow", "msgGetTotalTodayMorning",
            "msgGetTotalTodayNow", "msgPutTotalYesterdayMorning", "msgGetTotalYesterdayMorning", "putTps"}) {
            check(table.containsKey(key), "no " + key);
        }
        World.eventually(() -> {  // Apache's brokers say nothing in their first seconds
            var now = world.admin().fetchBrokerRuntimeStats(address).getTable();
            var got = now.getOrDefault("getTransferedTps", now.get("getTransferredTps"));
            return Double.parseDouble(now.get("putTps").split(" ")[0]) + Double.parseDouble(got.split(" ")[0]);
        });
        check(world.admin().getBrokerConfig(address).containsKey("brokerName"), "no brokerName in its configuration");
        return null;
    }

    private static String settings(World world) throws Exception {
        equal(java.util.List.of(world.nameserver), world.admin().getNameServerAddressList(), "nameservers");
        var address = world.brokerAddress();
        var values = new java.util.Properties();
        values.setProperty("longPollingEnable", "true");
        world.admin().updateBrokerConfig(address, values);
        equal("true", world.admin().getBrokerConfig(address).getProperty("longPollingEnable"), "what was set");
        return null;
    }

    private static String topics(World world) throws Exception {
        populate(world, true);
        var address = world.brokerAddress();
        check(world.admin().fetchAllTopicList().getTopicList().contains(world.topic), "the topic is not in the list");
        equal(world.topic, world.admin().examineTopicConfig(address, world.topic).getTopicName(), "settings of the topic");
        var route = world.admin().examineTopicRouteInfo(world.topic);
        equal("broker-a", route.getQueueDatas().get(0).getBrokerName(), "the queues' broker");
        equal(2, route.getQueueDatas().get(0).getReadQueueNums(), "its queues");
        long stored = 0;
        for (var offset : world.admin().examineTopicStats(world.topic).getOffsetTable().values()) {
            stored += offset.getMaxOffset() - offset.getMinOffset();
        }
        equal(12L, stored, "messages");
        check(world.admin().queryTopicConsumeByWho(world.topic).getGroupList().contains(world.group), "the topic's group");
        world.admin().createAndUpdateTopicConfig(address, new TopicConfig(world.topic, 3, 3, 6));
        World.eventually(() -> {
            equal(3, world.admin().examineTopicRouteInfo(world.topic).getQueueDatas().get(0).getReadQueueNums(), "queues after the change");
            return null;
        });
        world.admin().deleteTopicInBroker(Set.of(address), world.topic);
        Version.deleteTopicAtNameservers(world.admin(), Set.of(world.nameserver), world.topic);
        World.eventually(() -> {
            check(!world.admin().fetchAllTopicList().getTopicList().contains(world.topic), "the topic is still in the list");
            return null;
        });
        return null;
    }

    private static String consumers(World world) throws Exception {
        populate(world, true);
        var address = world.brokerAddress();
        check(world.admin().getAllSubscriptionGroup(address, 3_000).getSubscriptionGroupTable().containsKey(world.group), "the group in the list");
        World.eventually(() -> {  // it has committed
            equal(0L, world.admin().examineConsumeStats(world.group).computeTotalDiff(), "backlog");
            return null;
        });
        check(world.admin().examineConsumeStats(world.group).getConsumeTps() >= 0, "rate");
        var connections = world.admin().examineConsumerConnectionInfo(world.group);
        equal(1, connections.getConnectionSet().size(), "members");
        equal("CLUSTERING", String.valueOf(connections.getMessageModel()), "model");
        check(connections.computeMinVersion() > 0, "version");
        var member = connections.getConnectionSet().iterator().next();
        var running = world.admin().getConsumerRunningInfo(world.group, member.getClientId(), false);
        Set<MessageQueue> queues = new java.util.HashSet<>();
        for (var queue : running.getMqTable().keySet()) {
            if (queue.getTopic().equals(world.topic)) {
                queues.add(queue);
            }
        }
        equal(2, queues.size(), "queues of the member");
        for (var entry : world.admin().examineConsumeStats(world.group, world.topic).getOffsetTable().entrySet()) {
            check(queues.contains(entry.getKey()), "a queue that nobody has: " + entry.getKey());
            equal(entry.getValue().getBrokerOffset(), entry.getValue().getConsumerOffset(), "offsets");
            check(entry.getValue().getLastTimestamp() > 0, "time of the last consumed message");
        }
        check(world.admin().getConsumerRunningInfo(world.group, member.getClientId(), true).getJstack().contains("Consume"), "stacks");
        var config = world.admin().examineSubscriptionGroupConfig(address, world.group);
        equal(16, config.getRetryMaxTimes(), "retries");
        config.setRetryMaxTimes(5);
        world.admin().createAndUpdateSubscriptionGroupConfig(address, config);
        equal(5, world.admin().examineSubscriptionGroupConfig(address, world.group).getRetryMaxTimes(), "retries after the change");
        return null;
    }

    private static String reset(World world, boolean online) throws Exception {
        var inbox = populate(world, online);
        if (!online) {
            World.eventually(() -> {
                equal(4L, world.admin().examineConsumeStats(world.group, world.topic).computeTotalDiff(), "backlog");
                return null;
            });
        }
        Map<MessageQueue, Long> told = new TreeMap<>();
        try {
            told.putAll(world.admin().resetOffsetByTimestamp(world.topic, world.group, System.currentTimeMillis() - 3_600_000, true));
        } catch (org.apache.rocketmq.client.exception.MQClientException e) {
            equal(206, e.getResponseCode(), "code for a group without members");  // CONSUMER_NOT_ONLINE: the page asks otherwise then
            for (var one : world.admin().resetOffsetByTimestampOld(world.group, world.topic, System.currentTimeMillis() - 3_600_000, true)) {
                told.put(new MessageQueue(world.topic, one.getBrokerName(), (int) one.getQueueId()), one.getRollbackOffset());
            }
        }
        equal(2, told.size(), "queues that were reset");
        told.forEach((queue, offset) -> equal(0L, offset, "the new offset of " + queue));
        if (online) {
            inbox.await(24);
        } else {
            World.eventually(() -> {
                equal(12L, world.admin().examineConsumeStats(world.group, world.topic).computeTotalDiff(), "backlog after the reset");
                return null;
            });
        }
        return null;
    }

    private static String producers(World world) throws Exception {
        world.makeTopic(1);
        var producer = world.producer();
        sent(producer.send(world.message(0)));
        Version.heartbeat(producer);
        var one = World.eventually(() -> world.admin().examineProducerConnectionInfo("p-" + world.group, world.topic)).getConnectionSet().iterator().next();
        check(one.getClientAddr().startsWith("127.0.0.1:") && one.getVersion() > 0 && one.getClientId().contains("@"), "connection");
        return null;
    }

    private static String messages(World world) throws Exception {
        populate(world, true);
        long begin = System.currentTimeMillis() - 3_600_000;
        long end = System.currentTimeMillis() + 60_000;
        await(() -> {
            try {
                return world.admin().queryMessage(world.topic, "key11", 64, 0, end).getMessageList().size() == 1;
            } catch (Exception e) {
                return false;
            }
        }, "the message of key11");
        var message = world.admin().queryMessage(world.topic, "key11", 64, 0, end).getMessageList().get(0);
        equal("body 11", new String(message.getBody()), "body");
        var found = new ArrayList<MessageExt>();
        var reader = new DefaultMQPullConsumer("TOOLS_CONSUMER");
        reader.setNamesrvAddr(world.nameserver);
        reader.setInstanceName(world.instance());
        reader.start();
        try {
            for (var queue : reader.fetchSubscribeMessageQueues(world.topic)) {
                long last = reader.searchOffset(queue, end);
                for (long offset = reader.searchOffset(queue, begin); offset <= last;) {
                    var pulled = reader.pull(queue, "*", offset, 32);
                    if (pulled.getPullStatus() != PullStatus.FOUND) {
                        break;
                    }
                    offset = pulled.getNextBeginOffset();
                    found.addAll(pulled.getMsgFoundList());
                }
            }
        } finally {
            reader.shutdown();
        }
        equal(12, found.size(), "messages of the topic by time");
        var byId = world.admin().viewMessage(world.topic, message.getMsgId());
        equal("body 11", new String(byId.getBody()), "body of the message by its id");
        World.eventually(() -> {
            var track = world.admin().messageTrackDetail(byId).get(0);
            equal(world.group + " CONSUMED", track.getConsumerGroup() + " " + track.getTrackType(), "who has consumed it");
            return null;
        });
        var member = world.admin().examineConsumerConnectionInfo(world.group).getConnectionSet().iterator().next().getClientId();
        return String.valueOf(world.admin().consumeMessageDirectly(world.group, member, world.topic, message.getMsgId()).getConsumeResult());
    }

    private static String trace(World world) throws Exception {
        world.makeTopic(1);
        var producer = world.prepare(Version.tracedProducer("p-" + world.group));
        producer.start();
        var result = sent(producer.send(world.message(0)));
        return World.eventually(() -> {
            var list = world.admin().queryMessage("RMQ_SYS_TRACE_TOPIC", result.getMsgId(), 64, System.currentTimeMillis() - 3_600_000,
                System.currentTimeMillis() + 60_000).getMessageList();
            var text = new String(list.get(0).getBody());
            check(text.startsWith("Pub") && text.contains(result.getMsgId()), "the trace: " + text);
            return null;
        });
    }

    private static String deadLetters(World world) throws Exception {
        world.makeTopic(1);
        world.makeGroup(0);
        var consumer = world.consumer("*");
        consumer.setMaxReconsumeTimes(0);
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> ConsumeConcurrentlyStatus.RECONSUME_LATER);
        consumer.start();
        world.send(1);
        var topic = "%DLQ%" + world.group;
        World.await(() -> Main.outcome(() -> world.admin().examineTopicRouteInfo(topic)).equals("done"), "the topic of dead letters");
        var reader = new DefaultMQPullConsumer("TOOLS_CONSUMER");
        reader.setNamesrvAddr(world.nameserver);
        reader.setInstanceName(world.instance());
        reader.start();
        MessageExt dead;
        try {
            var queue = World.eventually(() -> reader.fetchSubscribeMessageQueues(topic)).iterator().next();
            dead = World.eventually(() -> reader.pull(queue, "*", 0, 1).getMsgFoundList().get(0));
        } finally {
            reader.shutdown();
        }
        equal("body 0", new String(dead.getBody()), "the dead letter");
        equal(world.topic, dead.getProperty("RETRY_TOPIC"), "its first topic");
        consumer.shutdown();
        var again = new Message(world.topic, dead.getBody());  // the page sends it once more, to its first topic
        sent(world.producer().send(again));
        return null;
    }

    /** The overview's charts: what was put and got in the last minute, for each topic and group. */
    private static String overview(World world) throws Exception {
        populate(world, true);
        var address = world.brokerAddress();
        World.eventually(() -> Double.parseDouble(world.admin().fetchBrokerRuntimeStats(address).getTable().get("getTotalTps").split(" ")[0]));
        var producer = world.producer();
        long deadline = System.currentTimeMillis() + World.PATIENCE_MILLIS;
        for (int number = 12; ; number++) {  // a rate is there when two samples, 10 s apart, have been taken
            sent(producer.send(world.message(number)));
            if (rate(world, address, "TOPIC_PUT_NUMS", world.topic) > 0 && rate(world, address, "GROUP_GET_NUMS", world.topic + "@" + world.group) > 0) {
                return null;
            }
            check(System.currentTimeMillis() < deadline, "waited in vain: rates");
            TimeUnit.MILLISECONDS.sleep(500);
        }
    }

    private static double rate(World world, String address, String name, String key) throws Exception {
        try {
            var data = world.admin().viewBrokerStatsData(address, name, key);
            return data.getStatsDay().getSum() >= 0 ? data.getStatsMinute().getTps() : 0;
        } catch (org.apache.rocketmq.client.exception.MQClientException e) {
            equal(1, e.getResponseCode(), "code for a number that is not there yet");
            return 0;
        }
    }
}

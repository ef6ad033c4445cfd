package peers;

import static peers.World.await;
import static peers.World.check;
import static peers.World.equal;
import static peers.World.sent;

import java.util.Map;

import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.message.MessageQueue;

/** What tools ask for: messages by key and id, offsets by time, tables, topics and groups. */
final class AdminCases {
    static void add(Map<String, Main.Case> cases) {
        cases.put("query_by_key", AdminCases::byKey);
        cases.put("query_by_unique_key", AdminCases::byUniqueKey);
        cases.put("view_by_offset_id", AdminCases::byOffsetId);
        cases.put("search_offset_by_time", AdminCases::byTime);
        cases.put("consume_stats", AdminCases::consumeStats);
        cases.put("topic_stats", AdminCases::topicStats);
        cases.put("producer_connections", AdminCases::producerConnections);
        cases.put("consumer_connections", AdminCases::consumerConnections);
        cases.put("groups_of_topic", AdminCases::groupsOfTopic);
        cases.put("topic_is_deleted", AdminCases::deleteTopic);
        cases.put("group_is_deleted", AdminCases::deleteGroup);
        cases.put("kv_config", AdminCases::kvConfig);
        cases.put("error_route_of_unknown_topic", world -> Main.outcome(() -> world.admin().examineTopicRouteInfo(world.topic)));
        cases.put("error_stats_of_unknown_group", world -> Main.outcome(() -> world.admin().examineConsumeStats(world.group)));
        cases.put("error_connections_of_unknown_group", world -> Main.outcome(() -> world.admin().examineConsumerConnectionInfo(world.group)));
        cases.put("error_view_of_malformed_id", world -> Main.outcome(() -> world.admin().viewMessage(world.topic, "00")));
        cases.put("error_topic_name", world -> Main.outcome(() -> {
            world.admin().createAndUpdateTopicConfig(world.brokerAddress(), new TopicConfig("a topic with blanks", 1, 1, 6));
            return null;
        }));
        cases.put("error_broker_config_value", world -> Main.outcome(() -> {
            var values = new java.util.Properties();
            values.setProperty("maxMessageSize", "many");
            world.admin().updateBrokerConfig(world.brokerAddress(), values);
            return null;
        }));
    }

    private static String byKey(World world) throws Exception {
        world.makeTopic(2);
        world.send(6);
        await(() -> {
            try {
                return world.admin().queryMessage(world.topic, "key3", 32, 0, System.currentTimeMillis() + 60_000).getMessageList().size() == 1;
            } catch (Exception e) {
                return false;
            }
        }, "the message of key3");
        var found = world.admin().queryMessage(world.topic, "key3", 32, 0, System.currentTimeMillis() + 60_000);
        equal("body 3", new String(found.getMessageList().get(0).getBody()), "body");
        return null;
    }

    private static String byUniqueKey(World world) throws Exception {
        world.makeTopic(1);
        var result = sent(world.producer().send(world.message(5)));
        var found = World.eventually(() -> world.admin().viewMessage(world.topic, result.getMsgId()));
        equal("body 5", new String(found.getBody()), "body");
        equal(result.getMsgId(), found.getMsgId(), "id");
        return null;
    }

    private static String byOffsetId(World world) throws Exception {
        world.makeTopic(1);
        var result = sent(world.producer().send(world.message(5)));
        var found = World.eventually(() -> world.admin().viewMessage(world.topic, result.getOffsetMsgId()));
        equal("body 5", new String(found.getBody()), "body");
        return null;
    }

    private static String byTime(World world) throws Exception {
        world.makeTopic(1);
        var producer = world.producer();
        var first = sent(producer.send(world.message(0)));
        Thread.sleep(1_000);
        long between = System.currentTimeMillis();
        Thread.sleep(1_000);
        sent(producer.send(world.message(1)));
        MessageQueue queue = first.getMessageQueue();
        await(() -> Main.outcome(() -> {
            equal(2L, producer.maxOffset(queue), "end");
            return null;
        }).equals("done"), "two messages");
        return "before " + producer.searchOffset(queue, between - 60_000) + ", between " + producer.searchOffset(queue, between - 300)
            + ", behind " + producer.searchOffset(queue, between + 60_000);
    }

    private static String consumeStats(World world) throws Exception {
        world.makeTopic(2);
        world.makeGroup(16);
        world.send(10);
        var consumer = world.consumer("*");
        World.into(consumer).holds(10);
        consumer.shutdown();
        world.send(4);
        World.eventually(() -> {
            equal(4L, world.admin().examineConsumeStats(world.group, world.topic).computeTotalDiff(), "backlog");
            return null;
        });
        var stats = world.admin().examineConsumeStats(world.group, world.topic);
        equal(2, stats.getOffsetTable().size(), "queues");
        return null;
    }

    private static String topicStats(World world) throws Exception {
        world.makeTopic(3);
        world.send(9);
        World.eventually(() -> {  // Apache's queues follow its log
            var table = world.admin().examineTopicStats(world.topic).getOffsetTable();
            equal(3, table.size(), "queues");
            for (var offset : table.values()) {
                equal(3L, offset.getMaxOffset(), "end of a queue");
                equal(0L, offset.getMinOffset(), "begin of a queue");
                check(Math.abs(offset.getLastUpdateTimestamp() - System.currentTimeMillis()) < 120_000, "time of the last message");
            }
            return null;
        });
        return null;
    }

    private static String producerConnections(World world) throws Exception {
        world.makeTopic(1);
        var producer = world.producer();
        sent(producer.send(world.message(0)));
        Version.heartbeat(producer);
        var connections = World.eventually(() -> world.admin().examineProducerConnectionInfo("p-" + world.group, world.topic));
        var one = connections.getConnectionSet().iterator().next();
        equal("JAVA", String.valueOf(one.getLanguage()), "language");
        return null;
    }

    private static String consumerConnections(World world) throws Exception {
        world.makeTopic(1);
        world.makeGroup(16);
        World.into(world.consumer("tag0 || tag1"));
        var info = World.eventually(() -> world.admin().examineConsumerConnectionInfo(world.group));
        equal(1, info.getConnectionSet().size(), "members");
        equal("tag0 || tag1", info.getSubscriptionTable().get(world.topic).getSubString(), "subscription");
        return info.getConsumeType() + ", " + info.getMessageModel() + ", " + info.getConsumeFromWhere();
    }

    private static String groupsOfTopic(World world) throws Exception {
        world.makeTopic(1);
        world.makeGroup(16);
        World.into(world.consumer("*"));
        await(() -> {
            try {
                return world.admin().queryTopicConsumeByWho(world.topic).getGroupList().contains(world.group);
            } catch (Exception e) {
                return false;
            }
        }, "the group");
        return null;
    }

    private static String deleteTopic(World world) throws Exception {
        world.makeTopic(1);
        world.send(1);
        world.admin().deleteTopicInBroker(java.util.Set.of(world.brokerAddress()), world.topic);
        Version.deleteTopicAtNameservers(world.admin(), java.util.Set.of(world.nameserver), world.topic);
        await(() -> Main.outcome(() -> world.admin().examineTopicRouteInfo(world.topic)).equals("code 17"), "code 17 for the route");
        return null;
    }

    private static String deleteGroup(World world) throws Exception {
        world.makeTopic(1);
        world.makeGroup(16);
        world.admin().deleteSubscriptionGroup(world.brokerAddress(), world.group, true);
        var groups = world.admin().getAllSubscriptionGroup(world.brokerAddress(), 10_000).getSubscriptionGroupTable();
        check(!groups.containsKey(world.group), "the group is still there");
        return null;
    }

    private static String kvConfig(World world) throws Exception {
        world.admin().createAndUpdateKvConfig("peers", world.topic, "a value");
        equal("a value", world.admin().getKVConfig("peers", world.topic), "value");
        world.admin().deleteKvConfig("peers", world.topic);
        return "deleted: " + Main.outcome(() -> world.admin().getKVConfig("peers", world.topic));
    }
}

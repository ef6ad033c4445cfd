package peers;

import static peers.World.check;
import static peers.World.equal;
import static peers.World.sent;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.client.exception.MQClientException;

/** The calls that each task of rocketmq-exporter makes, and what it reads in their answers. */
final class ExporterCases {
    static void add(Map<String, Main.Case> cases) {
        cases.put("exporter_rates", ExporterCases::rates);  // the long one first
        cases.put("exporter_topic_offsets", ExporterCases::topicOffsets);
        cases.put("exporter_producers", ExporterCases::producers);
        cases.put("exporter_consumers", ExporterCases::consumers);
        cases.put("exporter_broker_runtime", ExporterCases::brokerRuntime);
    }

    private static String topicOffsets(World world) throws Exception {
        world.makeTopic(2);
        world.send(6);
        check(world.admin().fetchAllTopicList().getTopicList().contains(world.topic), "the topic is not in the list");
        long total = 0;
        for (var entry : world.admin().examineTopicStats(world.topic).getOffsetTable().entrySet()) {
            equal("broker-a", entry.getKey().getBrokerName(), "broker");
            total += entry.getValue().getMaxOffset();
            check(entry.getValue().getLastUpdateTimestamp() > System.currentTimeMillis() - 120_000, "time of the last message");
        }
        equal(6L, total, "offsets");
        return null;
    }

    private static String producers(World world) throws Exception {
        world.makeTopic(1);
        var producer = world.producer();
        sent(producer.send(world.message(0)));
        Version.heartbeat(producer);
        World.eventually(() -> {
            equal(1, world.admin().getAllProducerInfo(world.brokerAddress()).getData().get("p-" + world.group).size(), "producers of the group");
            return null;
        });
        return null;
    }

    private static String consumers(World world) throws Exception {
        DashboardCases.populate(world, false);
        var inbox = World.into(world.consumer("*"));
        inbox.await(4);
        World.eventually(() -> {
            check(world.admin().queryTopicConsumeByWho(world.topic).getGroupList().contains(world.group), "the topic's group");
            return null;
        });
        var connections = world.admin().examineConsumerConnectionInfo(world.group);
        var member = connections.getConnectionSet().iterator().next();
        check(member.getClientAddr().contains(":") && member.getClientId().contains("@"), "addresses of the member");
        var running = world.admin().getConsumerRunningInfo(world.group, member.getClientId(), false);
        var status = running.getStatusTable().get(world.topic);
        for (double value : new double[] {status.getPullRT(), status.getPullTPS(), status.getConsumeRT(), status.getConsumeOKTPS(),
            status.getConsumeFailedTPS(), status.getConsumeFailedMsgs()}) {
            check(value >= 0, "the member's numbers");
        }
        World.eventually(() -> {
            equal(0L, world.admin().examineConsumeStats(world.group, world.topic).computeTotalDiff(), "backlog");
            return null;
        });
        var reader = new DefaultMQPullConsumer("TOOLS_CONSUMER");
        reader.setNamesrvAddr(world.nameserver);
        reader.setInstanceName(world.instance());
        reader.start();
        try {  // how long the message at the group's offset has waited: at the end there is none
            for (var entry : world.admin().examineConsumeStats(world.group, world.topic).getOffsetTable().entrySet()) {
                equal(PullStatus.NO_NEW_MSG, reader.pull(entry.getKey(), "*", entry.getValue().getConsumerOffset(), 1).getPullStatus(), "pull at the end");
                equal(PullStatus.FOUND, reader.pull(entry.getKey(), "*", 0, 1).getPullStatus(), "pull at the beginning");
            }
        } finally {
            reader.shutdown();
        }
        return null;
    }

    /** Rates of the last minute, which Apache's brokers know when two samples, 10 s apart, have been taken. */
    private static String rates(World world) throws Exception {
        DashboardCases.populate(world, true);
        var producer = world.producer();
        var key = world.topic + "@" + world.group;
        var wanted = new HashMap<>(Map.of("TOPIC_PUT_NUMS", world.topic, "TOPIC_PUT_SIZE", world.topic, "GROUP_GET_NUMS", key, "GROUP_GET_SIZE", key,
            "BROKER_PUT_NUMS", "peers", "BROKER_GET_NUMS", "peers"));
        long deadline = System.currentTimeMillis() + World.PATIENCE_MILLIS;
        for (int number = 12; !wanted.isEmpty(); number++) {
            sent(producer.send(world.message(number)));
            for (var one : List.copyOf(wanted.entrySet())) {
                try {
                    if (world.admin().viewBrokerStatsData(world.brokerAddress(), one.getKey(), one.getValue()).getStatsMinute().getTps() > 0) {
                        wanted.remove(one.getKey());
                    }
                } catch (MQClientException e) {
                    equal(1, e.getResponseCode(), "code for a number that is not there");  // else the exporter logs an error
                }
            }
            check(System.currentTimeMillis() < deadline, "waited in vain: " + wanted.keySet());
            TimeUnit.MILLISECONDS.sleep(500);
        }
        return "times sent back: " + Main.outcome(() -> world.admin().viewBrokerStatsData(world.brokerAddress(), "SNDBCK_PUT_NUMS", key));
    }

    /** What the exporter makes of GET_BROKER_RUNTIME_INFO: one key that is missing or malformed, and it has nothing of the broker. */
    private static String brokerRuntime(World world) throws Exception {
        world.makeTopic(1);
        world.send(2);
        var table = world.admin().fetchBrokerRuntimeStats(world.brokerAddress()).getTable();
        List<String> missing = new ArrayList<>();
        for (var key : ("msgPutTotalTodayNow sendThreadPoolQueueHeadWaitTimeMills queryThreadPoolQueueHeadWaitTimeMills msgGetTotalTodayNow "
            + "queryThreadPoolQueueSize bootTimestamp msgPutTotalYesterdayMorning msgGetTotalYesterdayMorning pullThreadPoolQueueSize commitLogMinOffset "
            + "pullThreadPoolQueueHeadWaitTimeMills dispatchMaxBuffer brokerVersion consumeQueueDiskRatio pageCacheLockTimeMills commitLogDiskRatio "
            + "commitLogMaxOffset getMessageEntireTimeMax msgPutTotalTodayMorning putMessageTimesTotal msgGetTotalTodayMorning sendThreadPoolQueueSize "
            + "startAcceptSendRequestTimeStamp putMessageEntireTimeMax earliestMessageTimeStamp remainTransientStoreBufferNumbs queryThreadPoolQueueCapacity "
            + "putMessageAverageSize dispatchBehindBytes putMessageSizeTotal sendThreadPoolQueueCapacity pullThreadPoolQueueCapacity").split(" ")) {
            number(key, table.get(key), missing);
        }
        for (var key : new String[] {"putTps", "getMissTps", "getTransferedTps", "getTotalTps", "getFoundTps"}) {
            for (var one : table.getOrDefault(key, "-").strip().split(" ")) {
                if (!one.isEmpty()) {  // in their first seconds
                    number(key, one, missing);
                }
            }
        }
        for (var key : new String[] {"runtime", "brokerVersionDesc", "putMessageDistributeTime", "remainHowManyDataToFlush", "commitLogDirCapacity"}) {
            if (!table.containsKey(key)) {
                missing.add(key);
            }
        }
        var capacity = table.get("commitLogDirCapacity").split(" ");  // Total : 1.0 GiB, Free : 0.5 GiB.
        number("commitLogDirCapacity, total", capacity[2], missing);
        number("commitLogDirCapacity, free", capacity[6], missing);
        var unflushed = table.get("remainHowManyDataToFlush").split(" ");
        number("remainHowManyDataToFlush", unflushed[0], missing);
        check("KMGTPEB".indexOf(unflushed[1].charAt(0)) >= 0, "remainHowManyDataToFlush: " + String.join(" ", unflushed));
        for (var one : table.get("putMessageDistributeTime").strip().split(" ")) {
            if (!one.equals("null")) {  // in the first minute of Apache's brokers; the exporter has nothing of them then
                number("putMessageDistributeTime", one.split(":")[1], missing);
            }
        }
        table.forEach((key, value) -> {
            if (key.startsWith("scheduleMessageOffset")) {
                number(key, value.split(",")[0], missing);
                number(key, value.split(",")[1], missing);
            }
        });
        return missing.isEmpty() ? null : "missing or malformed: " + String.join(", ", missing);
    }

    private static void number(String key, String text, List<String> missing) {
        try {
            Double.parseDouble(text);
        } catch (NullPointerException | NumberFormatException e) {
            missing.add(key);
        }
    }
}

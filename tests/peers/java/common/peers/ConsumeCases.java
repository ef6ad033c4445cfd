package peers;

import static peers.World.await;
import static peers.World.check;
import static peers.World.equal;
import static peers.World.sent;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.MessageSelector;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** Every way to consume. */
final class ConsumeCases {
    static void add(Map<String, Main.Case> cases) {
        cases.put("consume_rebalance", ConsumeCases::rebalance);
        cases.put("consume_reset_by_time", ConsumeCases::resetByTime);
        cases.put("consume_dead_letter", ConsumeCases::deadLetter);
        cases.put("consume_retry", ConsumeCases::retry);
        cases.put("consume_orderly_suspend", ConsumeCases::orderlySuspend);
        cases.put("consume_broadcast", ConsumeCases::broadcast);
        cases.put("consume_concurrent", ConsumeCases::concurrent);
        cases.put("consume_orderly_two_members", ConsumeCases::orderlyTwoMembers);
        cases.put("consume_tags", ConsumeCases::tags);
        cases.put("consume_sql92", ConsumeCases::sql92);
        cases.put("consume_sql92_malformed", ConsumeCases::sqlMalformed);
        cases.put("consume_continues_after_restart", ConsumeCases::restart);
        cases.put("consume_from_timestamp", ConsumeCases::fromTimestamp);
        cases.put("consume_from_last", ConsumeCases::fromLast);
        cases.put("lite_pull_subscribe", ConsumeCases::litePullSubscribe);
        cases.put("lite_pull_assign_seek", ConsumeCases::litePullAssign);
        cases.put("pull", ConsumeCases::pull);
        cases.put("pull_offset_illegal", ConsumeCases::pullIllegal);
        cases.put("running_info", ConsumeCases::runningInfo);
        cases.put("consume_directly", ConsumeCases::directly);
        cases.put("consumer_status", ConsumeCases::status);
    }

    private static String concurrent(World world) throws Exception {
        world.makeTopic(4);
        var inbox = world.consume("*");
        world.send(200);
        inbox.holds(200);
        return null;
    }

    /** Two members share the queues; when one goes the other takes all of them. */
    private static String rebalance(World world) throws Exception {
        world.makeTopic(4);
        world.makeGroup(16);
        var first = world.consumer("*");
        var inbox = World.into(first);
        var second = world.consumer("*");
        var other = World.into(second);
        await(() -> sharing(world) == 2, "two members");
        var producer = world.producer();
        var queues = producer.fetchPublishMessageQueues(world.topic);
        var number = new AtomicInteger();
        await(() -> {
            try {
                for (var queue : queues) {
                    sent(producer.send(world.message(number.getAndIncrement()), queue));
                }
            } catch (Exception e) {
                throw new World.Mismatch("send: " + e);
            }
            return !inbox.all().isEmpty() && !other.all().isEmpty() && apart(inbox, other);
        }, "both members with two queues each");
        second.shutdown();
        int before = inbox.size();
        for (int i = 0; i < 3; i++) {
            for (var queue : queues) {
                sent(producer.send(world.message(number.getAndIncrement()), queue));
            }
        }
        await(() -> inbox.size() + other.size() >= number.get(), "all " + number.get() + " messages at " + before);
        equal(4L, inbox.all().stream().skip(before).map(MessageExt::getQueueId).distinct().count(), "queues of the one that stayed");
        return null;
    }

    private static int sharing(World world) {
        try {
            return world.admin().examineConsumerConnectionInfo(world.group).getConnectionSet().size();
        } catch (Exception e) {
            return 0;
        }
    }

    /** The latest messages of each member come from two queues that the other has not. */
    private static boolean apart(World.Inbox one, World.Inbox other) {
        return latest(one).size() == 2 && latest(other).size() == 2
            && latest(one).stream().noneMatch(latest(other)::contains);
    }

    private static Set<Integer> latest(World.Inbox inbox) {
        var all = inbox.all();
        var queues = new HashSet<Integer>();
        all.subList(Math.max(0, all.size() - 4), all.size()).forEach(one -> queues.add(one.getQueueId()));
        return queues;
    }

    private static String orderlyTwoMembers(World world) throws Exception {
        world.makeTopic(4);
        world.makeGroup(16);
        var inbox = new World.Inbox();
        for (int i = 0; i < 2; i++) {
            var consumer = world.consumer("*");
            consumer.registerMessageListener((MessageListenerOrderly) (messages, context) -> {
                inbox.add(messages);
                return ConsumeOrderlyStatus.SUCCESS;
            });
            consumer.start();
        }
        world.send(40);
        inbox.holdsAtLeast(40);  // a queue that changes hands may bring some again
        var last = new java.util.HashMap<Integer, Long>();
        for (var one : inbox.all()) {
            long next = last.getOrDefault(one.getQueueId(), -1L) + 1;
            check(one.getQueueOffset() <= next, "a gap in queue " + one.getQueueId());
            last.merge(one.getQueueId(), one.getQueueOffset(), Math::max);
        }
        return null;
    }

    private static String broadcast(World world) throws Exception {
        world.makeTopic(2);
        var inboxes = new ArrayList<World.Inbox>();
        for (int i = 0; i < 2; i++) {
            var consumer = world.consumer("*");
            Version.broadcast(consumer);
            inboxes.add(World.into(consumer));
        }
        world.send(10);
        for (var inbox : inboxes) {
            inbox.holds(10);
        }
        return null;
    }

    private static String tags(World world) throws Exception {
        world.makeTopic(2);
        world.send(20);
        var inbox = world.consume("tag1 || other");
        inbox.await(10);
        world.send(2);
        inbox.await(11);
        check(inbox.all().stream().allMatch(one -> one.getTags().equals("tag1")), "a message with another tag");
        equal(11, inbox.size(), "messages");
        return null;
    }

    private static String sql92(World world) throws Exception {
        world.makeTopic(2);
        var producer = world.producer();
        for (int i = 0; i < 20; i++) {
            var message = world.message(i);
            message.putUserProperty("a", String.valueOf(i));
            message.putUserProperty("b", i % 3 == 0 ? "x" : "y");
            sent(producer.send(message));
        }
        var consumer = world.consumer(null);
        consumer.subscribe(world.topic, MessageSelector.bySql("a BETWEEN 5 AND 14 AND (b = 'x' OR TAGS IS NULL)"));
        var inbox = World.into(consumer);
        inbox.await(3);
        var late = world.message(100);
        late.putUserProperty("a", "7");
        late.putUserProperty("b", "x");
        sent(producer.send(late));
        inbox.await(4);
        equal(Set.of("body 6", "body 9", "body 12", "body 100"), inbox.counts().keySet(), "bodies");
        return null;
    }

    private static String sqlMalformed(World world) throws Exception {
        world.makeTopic(1);
        var consumer = world.consumer(null);
        consumer.subscribe(world.topic, MessageSelector.bySql("a > > 5"));
        return Main.outcome(() -> World.into(consumer));
    }

    private static String retry(World world) throws Exception {
        world.makeTopic(1);
        world.makeGroup(16);
        var times = new ArrayList<Integer>();
        var ids = ConcurrentHashMap.<String>newKeySet();
        var consumer = world.consumer("*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            synchronized (times) {
                messages.forEach(one -> times.add(one.getReconsumeTimes()));
            }
            messages.forEach(one -> ids.add(one.getMsgId()));
            context.setDelayLevelWhenNextConsume(1);
            return times.size() < 3 ? ConsumeConcurrentlyStatus.RECONSUME_LATER : ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        world.send(1);
        await(() -> times.size() >= 3, "three deliveries");
        equal(List.of(0, 1, 2), times, "reconsume times");
        equal(1, ids.size(), "different ids");
        return null;
    }

    private static String deadLetter(World world) throws Exception {
        world.makeTopic(1);
        world.makeGroup(1);
        var deliveries = new AtomicInteger();
        var consumer = world.consumer("*");
        consumer.setMaxReconsumeTimes(1);
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            deliveries.addAndGet(messages.size());
            context.setDelayLevelWhenNextConsume(1);
            return ConsumeConcurrentlyStatus.RECONSUME_LATER;
        });
        consumer.start();
        world.send(1);
        var dead = "%DLQ%" + world.group;
        await(() -> Main.outcome(() -> world.admin().examineTopicRouteInfo(dead)).equals("done"), "the dead-letter topic");
        equal(2, deliveries.get(), "deliveries");
        // Perm 2: what lies in it is for tools. They make it readable first.
        world.admin().createAndUpdateTopicConfig(world.brokerAddress(), new org.apache.rocketmq.common.TopicConfig(dead, 1, 1, 6));
        var reader = new World(world.nameserver, "dlq", world.topic);
        world.closing(reader, reader::close);
        var inbox = World.into(reader.consumer(dead, "*"));
        inbox.await(1);
        var got = inbox.all().get(0);
        equal("body 0", new String(got.getBody()), "body");
        equal(world.topic, got.getProperty("DLQ_ORIGIN_TOPIC") == null ? world.topic : got.getProperty("DLQ_ORIGIN_TOPIC"), "origin");
        return null;
    }

    private static String orderlySuspend(World world) throws Exception {
        world.makeTopic(1);
        world.makeGroup(16);
        var seen = new ArrayList<String>();
        var consumer = world.consumer("*");
        consumer.setSuspendCurrentQueueTimeMillis(200);
        consumer.registerMessageListener((MessageListenerOrderly) (messages, context) -> {
            synchronized (seen) {
                messages.forEach(one -> seen.add(new String(one.getBody()) + "/" + one.getReconsumeTimes()));
                return seen.size() <= 2 ? ConsumeOrderlyStatus.SUSPEND_CURRENT_QUEUE_A_MOMENT : ConsumeOrderlyStatus.SUCCESS;
            }
        });
        consumer.start();
        world.send(2);
        await(() -> seen.size() >= 4, "four deliveries");
        equal(List.of("body 0/0", "body 0/1", "body 0/2", "body 1/0"), seen.subList(0, 4), "deliveries");
        return null;
    }

    private static String restart(World world) throws Exception {
        world.makeTopic(2);
        world.send(20);
        var first = world.consumer("*");
        World.into(first).holds(20);
        first.shutdown();  // commits what was consumed
        var again = world.consume("*");
        var producer = world.producer();
        for (int i = 20; i < 24; i++) {
            sent(producer.send(world.message(i)));
        }
        again.await(4);
        equal(Set.of("body 20", "body 21", "body 22", "body 23"), again.counts().keySet(), "after the restart");
        return null;
    }

    /** A new group that starts at the end: Java begins at the start where the queue still starts at 0. */
    private static String fromLast(World world) throws Exception {
        world.makeTopic(1);
        world.send(5);
        var consumer = world.consumer("*");
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_LAST_OFFSET);
        var inbox = World.into(consumer);
        var producer = world.producer();
        await(() -> sharing(world) == 1, "a member");
        for (int i = 5; inbox.size() == 0; i++) {
            sent(producer.send(world.message(i)));
            Thread.sleep(100);
            check(i < 600, "nothing came");
        }
        return inbox.counts().containsKey("body 0") ? "from the first message" : "from later messages";
    }

    private static String fromTimestamp(World world) throws Exception {
        world.makeTopic(1);
        world.send(3);
        Thread.sleep(2_100);
        long between = System.currentTimeMillis();
        Thread.sleep(1_100);
        var producer = world.producer();
        for (int i = 3; i < 6; i++) {
            sent(producer.send(world.message(i)));
        }
        var consumer = world.consumer("*");
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_TIMESTAMP);
        consumer.setConsumeTimestamp(org.apache.rocketmq.common.UtilAll.timeMillisToHumanString3(between));
        var inbox = World.into(consumer);
        inbox.await(3);
        Thread.sleep(300);
        return inbox.counts().containsKey("body 0") ? "from the first message" : "from the time";
    }

    private static String resetByTime(World world) throws Exception {
        world.makeTopic(2);
        world.makeGroup(16);
        long before = System.currentTimeMillis();
        Thread.sleep(10);
        world.send(10);
        var inbox = world.consume("*");
        inbox.holds(10);
        // Apache 4.9 refuses it until the group has committed something.
        var changed = World.eventually(() -> world.admin().resetOffsetByTimestamp(world.topic, world.group, before - 1_000, true));
        equal(2, changed.size(), "queues");
        inbox.await(20);
        var counts = inbox.counts();
        for (int i = 0; i < 10; i++) {
            equal(2, counts.get("body " + i), "deliveries of body " + i);
        }
        return null;
    }

    private static DefaultLitePullConsumer litePuller(World world) {
        var consumer = new DefaultLitePullConsumer(world.group);
        consumer.setNamesrvAddr(world.nameserver);
        consumer.setInstanceName(world.instance());
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        return world.closing(consumer, consumer::shutdown);
    }

    private static String litePullSubscribe(World world) throws Exception {
        world.makeTopic(4);
        world.send(20);
        var consumer = litePuller(world);
        consumer.setAutoCommit(false);
        consumer.subscribe(world.topic, "*");
        consumer.start();
        var got = new HashSet<String>();
        await(() -> {
            consumer.poll(500).forEach(one -> got.add(new String(one.getBody())));
            return got.size() >= 20;
        }, "twenty messages");
        consumer.commitSync();
        return null;
    }

    private static String litePullAssign(World world) throws Exception {
        world.makeTopic(2);
        world.send(10);
        var consumer = litePuller(world);
        consumer.start();
        var queues = new ArrayList<>(World.eventually(() -> consumer.fetchMessageQueues(world.topic)));
        equal(2, queues.size(), "queues");
        consumer.assign(queues);
        consumer.seekToBegin(queues.get(0));
        consumer.seekToBegin(queues.get(1));
        var got = new ArrayList<MessageExt>();
        await(() -> got.addAll(consumer.poll(500)) && got.size() >= 10 || got.size() >= 10, "ten messages");
        consumer.seek(queues.get(0), 3);
        got.clear();
        await(() -> got.addAll(consumer.poll(500)) && got.size() >= 2 || got.size() >= 2, "two messages from offset 3 on");
        equal(3L, got.get(0).getQueueOffset(), "first offset after the seek");
        long end = World.eventually(() -> consumer.offsetForTimestamp(queues.get(0), System.currentTimeMillis() + 60_000));
        return "offset of a time behind the last of 5 messages: " + end;
    }

    private static DefaultMQPullConsumer puller(World world) throws Exception {
        var consumer = new DefaultMQPullConsumer(world.group);
        consumer.setNamesrvAddr(world.nameserver);
        consumer.setInstanceName(world.instance());
        world.closing(consumer, consumer::shutdown);
        consumer.start();
        return consumer;
    }

    private static String pull(World world) throws Exception {
        world.makeTopic(2);
        world.send(20);
        var consumer = puller(world);
        var found = new HashSet<String>();
        for (MessageQueue queue : consumer.fetchSubscribeMessageQueues(world.topic)) {
            long next = consumer.minOffset(queue);
            while (next < consumer.maxOffset(queue)) {
                var result = consumer.pull(queue, "*", next, 4);
                equal(PullStatus.FOUND, result.getPullStatus(), "status");
                result.getMsgFoundList().forEach(one -> found.add(new String(one.getBody())));
                next = result.getNextBeginOffset();
            }
            consumer.updateConsumeOffset(queue, next);
            equal(PullStatus.NO_NEW_MSG, consumer.pull(queue, "*", next, 4).getPullStatus(), "status at the end");
        }
        equal(20, found.size(), "messages");
        return null;
    }

    private static String pullIllegal(World world) throws Exception {
        world.makeTopic(1);
        world.send(3);
        var consumer = puller(world);
        var queue = consumer.fetchSubscribeMessageQueues(world.topic).iterator().next();
        var beyond = consumer.pull(queue, "*", 1_000, 4);
        return beyond.getPullStatus() + ", next " + beyond.getNextBeginOffset() + ", " + beyond.getMinOffset() + " to " + beyond.getMaxOffset();
    }

    private static DefaultMQPushConsumer member(World world) throws Exception {
        world.makeTopic(2);
        world.makeGroup(16);
        var consumer = world.consumer("*");
        World.into(consumer);
        await(() -> sharing(world) == 1, "a member");
        return consumer;
    }

    private static String runningInfo(World world) throws Exception {
        member(world);
        var id = world.admin().examineConsumerConnectionInfo(world.group).getConnectionSet().iterator().next().getClientId();
        await(() -> {
            try {
                return world.admin().getConsumerRunningInfo(world.group, id, true).getMqTable().size() >= 2;
            } catch (Exception e) {
                return false;
            }
        }, "the queues in the member's running information");
        var info = world.admin().getConsumerRunningInfo(world.group, id, true);
        check(info.getJstack() != null && info.getJstack().contains("TID"), "no stacks");
        check(info.getSubscriptionSet().stream().anyMatch(one -> one.getTopic().equals(world.topic)), "no subscription");
        return null;
    }

    private static String directly(World world) throws Exception {
        member(world);
        var id = world.admin().examineConsumerConnectionInfo(world.group).getConnectionSet().iterator().next().getClientId();
        var sent = sent(world.producer().send(world.message(0)));
        var result = World.eventually(() -> world.admin().consumeMessageDirectly(world.group, id, world.topic, sent.getMsgId()));
        return String.valueOf(result.getConsumeResult());
    }

    private static String status(World world) throws Exception {
        member(world);
        world.send(4);
        await(() -> {
            try {
                return world.admin().getConsumeStatus(world.topic, world.group, "").values().stream()
                    .anyMatch(queues -> queues.size() == 2);
            } catch (Exception e) {
                return false;
            }
        }, "the member's offsets of two queues");
        return null;
    }
}

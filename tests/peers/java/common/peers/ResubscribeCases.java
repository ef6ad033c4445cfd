package peers;

import static peers.World.await;
import static peers.World.equal;
import static peers.World.sent;

import java.util.Map;
import java.util.Set;

import org.apache.rocketmq.client.consumer.MessageSelector;
import org.apache.rocketmq.common.message.Message;

/** Consumers that change what they subscribe to while they run. They look for routes every 30 s, for their queues every 20 s. */
final class ResubscribeCases {
    static void add(Map<String, Main.Case> cases) {
        cases.put("resubscribe_further_topic", ResubscribeCases::furtherTopic);
        cases.put("resubscribe_other_expression", ResubscribeCases::otherExpression);
        cases.put("resubscribe_after_unsubscribe", ResubscribeCases::unsubscribe);
    }

    /** A message a number, with its number as tag and as a property. */
    private static void send(World world, String topic, int first, int end) throws Exception {
        var producer = world.producer();
        for (int i = first; i < end; i++) {
            var message = new Message(topic, "tag" + i, ("body " + i).getBytes());
            message.putUserProperty("number", String.valueOf(i));
            sent(producer.send(message));
        }
    }

    private static Set<String> subscribed(World world) {
        try {
            return world.admin().examineConsumerConnectionInfo(world.group).getSubscriptionTable().keySet();
        } catch (Exception e) {
            return Set.of();
        }
    }

    private static String furtherTopic(World world) throws Exception {
        var other = world.topic + "-other";
        world.makeTopic(2);
        world.makeTopic(other, 2);
        world.makeGroup(16);
        send(world, world.topic, 0, 5);
        send(world, other, 5, 10);
        var consumer = world.consumer("*");
        var inbox = World.into(consumer);
        inbox.holds(5);
        consumer.subscribe(other, "*");
        inbox.holds(10);
        send(world, world.topic, 10, 12);
        send(world, other, 12, 14);
        inbox.holds(14);
        return null;
    }

    /**
     * By tags, then by other tags, then by SQL92. The client drops by the first tags what a pull brings that waited while they
     * changed, so what counts is what is sent after the first message that comes by the others.
     */
    private static String otherExpression(World world) throws Exception {
        world.makeTopic(1);
        world.makeGroup(16);
        send(world, world.topic, 0, 4);
        var consumer = world.consumer("tag0 || tag2");
        var inbox = World.into(consumer);
        inbox.await(2);
        equal(Set.of("body 0", "body 2"), inbox.counts().keySet(), "by the first tags");
        consumer.subscribe(world.topic, "tag1 || tag4 || tag6 || tag9");
        int sends = firstOf(world, inbox, 4);
        send(world, world.topic, 8, 12);
        inbox.awaitBody("body 9");
        consumer.subscribe(world.topic, MessageSelector.bySql("number BETWEEN 0 AND 4 OR number = 13 OR number = 15"));
        firstOf(world, inbox, 3);
        send(world, world.topic, 12, 16);
        inbox.awaitBody("body 15");
        equal(Set.of("body 0", "body 2", "body 3", "body 4", "body 9", "body 13", "body 15"), inbox.counts().keySet(), "in the end");
        return "the first one behind the change: " + (sends == 1 ? "came" : "was dropped");
    }

    /** Sends that message again and again until one of them has come; says which. */
    private static int firstOf(World world, World.Inbox inbox, int number) throws Exception {
        int count = 0;
        long deadline = System.currentTimeMillis() + World.PATIENCE_MILLIS;
        while (!inbox.counts().containsKey("body " + number)) {
            World.check(System.currentTimeMillis() < deadline, "waited in vain: body " + number + " after the change");
            send(world, world.topic, number, number + 1);
            count++;
            Thread.sleep(1_000);
        }
        return count;
    }

    /** What comes to a topic while nobody subscribes to it comes when the group subscribes again. */
    private static String unsubscribe(World world) throws Exception {
        var other = world.topic + "-other";
        world.makeTopic(1);
        world.makeTopic(other, 1);
        world.makeGroup(16);
        send(world, world.topic, 0, 2);
        send(world, other, 2, 4);
        var consumer = world.consumer("*");
        consumer.subscribe(other, "*");
        var inbox = World.into(consumer);
        inbox.holds(4);
        var offsets = consumer.getDefaultMQPushConsumerImpl().getOffsetStore();
        await(() -> offsets.cloneOffsetTable(other).values().stream().mapToLong(one -> one).sum() == 2, "the offset of the other topic");
        consumer.getDefaultMQPushConsumerImpl().persistConsumerOffset();  // it does not save that of a topic that it gives up
        consumer.unsubscribe(other);
        await(() -> subscribed(world).contains(world.topic) && !subscribed(world).contains(other), "the end of the subscription at the broker");
        var id = world.admin().examineConsumerConnectionInfo(world.group).getConnectionSet().iterator().next().getClientId();
        await(() -> {
            try {
                return world.admin().getConsumerRunningInfo(world.group, id, false).getMqTable().keySet().stream()
                    .noneMatch(queue -> queue.getTopic().equals(other));
            } catch (Exception e) {
                return false;
            }
        }, "the end of the queues at the client");
        send(world, other, 4, 6);
        send(world, world.topic, 6, 8);
        inbox.await(6);
        equal(Set.of("body 0", "body 1", "body 2", "body 3", "body 6", "body 7"), inbox.counts().keySet(), "without the subscription");
        consumer.subscribe(other, "*");
        inbox.holds(8);
        return null;
    }
}

package peers;

import static peers.World.check;
import static peers.World.equal;
import static peers.World.sent;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/** Transactional messages: what is committed comes once, what is rolled back never, what is open is asked about. */
final class TransactionCases {
    static void add(Map<String, Main.Case> cases) {
        cases.put("transaction_check_back", TransactionCases::checkBack);
        cases.put("transaction_commit", world -> local(world, LocalTransactionState.COMMIT_MESSAGE));
        cases.put("transaction_rollback", world -> local(world, LocalTransactionState.ROLLBACK_MESSAGE));
    }

    private static TransactionMQProducer producer(World world, TransactionListener listener) throws Exception {
        var producer = world.prepare(new TransactionMQProducer("p-" + world.group));
        producer.setTransactionListener(listener);
        producer.start();
        return producer;
    }

    private static String local(World world, LocalTransactionState state) throws Exception {
        world.makeTopic(2);
        var inbox = world.consume("*");
        var ids = ConcurrentHashMap.<String>newKeySet();
        var producer = producer(world, new TransactionListener() {
            @Override
            public LocalTransactionState executeLocalTransaction(Message message, Object argument) {
                ids.add(message.getTransactionId());
                return state;
            }

            @Override
            public LocalTransactionState checkLocalTransaction(MessageExt message) {
                return state;
            }
        });
        boolean named = true;
        for (int i = 0; i < 5; i++) {
            var result = producer.sendMessageInTransaction(world.message(i), i);
            sent(result);
            equal(state, result.getLocalTransactionState(), "state");
            named = named && result.getTransactionId() != null;
            check(!named || ids.contains(result.getTransactionId()), "the transaction's id differs");
        }
        if (state == LocalTransactionState.COMMIT_MESSAGE) {
            inbox.holds(5);
        } else {  // a later message of the same topic shows that nothing is on its way
            world.send(1);
            inbox.holds(1);
            equal(1, inbox.size(), "messages");
        }
        return named ? null : "the result names no transaction";
    }

    /** Half of them are committed by the check, half rolled back; the check sees the message whole. */
    private static String checkBack(World world) throws Exception {
        world.makeTopic(2);
        var inbox = world.consume("*");
        var checks = new AtomicInteger();
        var wrong = new AtomicInteger();
        var producer = producer(world, new TransactionListener() {
            @Override
            public LocalTransactionState executeLocalTransaction(Message message, Object argument) {
                return LocalTransactionState.UNKNOW;
            }

            @Override
            public LocalTransactionState checkLocalTransaction(MessageExt message) {
                checks.incrementAndGet();
                var body = new String(message.getBody());
                if (!message.getTopic().equals(world.topic) || !body.startsWith("body ") || message.getKeys() == null) {
                    wrong.incrementAndGet();
                }
                boolean even = Integer.parseInt(body.substring(5)) % 2 == 0;
                return even ? LocalTransactionState.COMMIT_MESSAGE : LocalTransactionState.ROLLBACK_MESSAGE;
            }
        });
        for (int i = 0; i < 6; i++) {
            sent(producer.sendMessageInTransaction(world.message(i), null));
        }
        inbox.await(3);
        World.await(() -> checks.get() >= 6, "six checks");
        var counts = inbox.counts();
        for (int i = 0; i < 6; i++) {
            equal(i % 2 == 0 ? 1 : 0, counts.getOrDefault("body " + i, 0), "deliveries of body " + i);
        }
        equal(0, wrong.get(), "checks with an incomplete message");
        return null;
    }
}

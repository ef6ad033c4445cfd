package peers;

import java.util.Map;

import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.remoting.exception.RemotingException;

/** What servers with TLS refuse. These run only where PEERS_TLS is set, with all other clients of this JVM speaking TLS. */
final class TlsCases {
    static void add(Map<String, Main.Case> cases) {
        if (System.getenv("PEERS_TLS") == null) {
            return;
        }
        cases.put("tls_plain_client", TlsCases::plain);
        cases.put("tls_untrusted_server", TlsCases::untrusted);
    }

    /** A client without TLS at servers that have tls.server.mode=enforcing. */
    private static String plain(World world) throws Exception {
        world.makeTopic(1);
        var producer = world.prepare(new DefaultMQProducer("p-" + world.group));
        producer.setUseTLS(false);
        return firstSend(world, producer);
    }

    /** A client that trusts somebody else alone. */
    private static String untrusted(World world) throws Exception {
        var producer = world.prepare(new DefaultMQProducer("p-" + world.group));
        return firstSend(world, producer);
    }

    /** "done", or "refused": no connection comes about, not even to a nameserver for the route. */
    private static String firstSend(World world, DefaultMQProducer producer) throws Exception {
        producer.setSendMsgTimeout(3_000);
        producer.start();
        try {
            producer.send(world.message(0));
            return "done";
        } catch (IllegalStateException e) {
            return e.getCause() instanceof RemotingException ? "refused" : Main.describe(e);
        }
    }
}

package peers;

import java.util.Map;
import java.util.Set;

import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.protocol.heartbeat.MessageModel;
import org.apache.rocketmq.common.subscription.SubscriptionGroupConfig;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/** What 4.9 calls otherwise than 5.x. */
final class Version {
    static void add(Map<String, Main.Case> cases) {
    }

    static void makeGroup(DefaultMQAdminExt admin, String broker, String group, int maxReconsume) throws Exception {
        var config = new SubscriptionGroupConfig();
        config.setGroupName(group);
        config.setRetryMaxTimes(maxReconsume);
        admin.createAndUpdateSubscriptionGroupConfig(broker, config);
    }

    static void deleteTopicAtNameservers(DefaultMQAdminExt admin, Set<String> nameservers, String topic) throws Exception {
        admin.deleteTopicInNameServer(nameservers, topic, null);  // topic, cluster
    }

    static void broadcast(DefaultMQPushConsumer consumer) {
        consumer.setMessageModel(MessageModel.BROADCASTING);
    }

    static void compressWith(DefaultMQProducer producer, String type) {
    }

    static DefaultMQProducer tracedProducer(String group) {
        return new DefaultMQProducer(group, true);
    }

    static DefaultMQPushConsumer tracedConsumer(String group) {
        return new DefaultMQPushConsumer(group, true);
    }

    static void heartbeat(DefaultMQProducer producer) {
        producer.getDefaultMQProducerImpl().getmQClientFactory().sendHeartbeatToAllBrokerWithLock();
    }
}

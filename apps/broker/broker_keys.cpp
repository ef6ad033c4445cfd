// The keys of RocketMQ's broker that do something here, and our own.

#include <vector>

#include "apache_keys.hpp"
#include "broker_settings.hpp"
#include "comet/broker/live_settings.hpp"
#include "comet/message/system_names.hpp"
#include "common_settings.hpp"

namespace comet::inline v0_1::daemon {
namespace {

using Key = ConfigKey;

constexpr ConfigKey kUsed[] = {
    Key::text("brokerName", "",
              "name under which clients know this broker; master and slaves share it (default: "
              "host name)"),
    Key::text("brokerClusterName", "DefaultCluster", "cluster to which it belongs"),
    Key::integer("brokerId", "0", -1, 2147483647, "0: master; a slave's is 1 or more"),
    Key::text("brokerIP1", "",
              "IP address that clients are told to connect to (default: this machine's towards the "
              "first of namesrvAddr)"),
    Key::integer("listenPort", "10911", 0, 65535, "port to listen on; 0: a free one"),
    Key::text("bindAddress", "",
              "IP address to listen on (default: loopback if brokerIP1 is, that address alone if "
              "nobody has set "
              "brokerIP1, else all addresses)"),
    Key::text("namesrvAddr", "",
              "name servers, host:port;host:port (default: environment variable NAMESRV_ADDR)"),
    Key::text("storePathRootDir", "", "directory of all data (default: $HOME/store)"),
    Key::text("storePathCommitLog", "",
              "directory of the commit log (default: commitlog below it)"),
    Key::text("storePathConsumeQueue", "",
              "directory of the consume queues (default: consumequeue below it)"),
    Key::text("storePathIndex", "", "directory of the index (default: index below it)"),
    Key::integer("mappedFileSizeCommitLog", "1073741824", 4096, 1073741824,
                 "bytes of a commit log file; constant for a directory"),
    Key::integer("mappedFileSizeConsumeQueue", "6000000", 20, 1073741820,
                 "bytes of a consume queue file, rounded up to whole units of 20"),
    Key::integer("maxMessageSize", "4194304", 1, 15728640, "bytes of a message body"),
    Key::choice("flushDiskType", "ASYNC_FLUSH", "ASYNC_FLUSH|SYNC_FLUSH",
                "acknowledge when written, or when on disk"),
    Key::integer("flushIntervalCommitLog", "500", 1, 60000, "ms between flushes under ASYNC_FLUSH"),
    Key::integer("syncFlushTimeout", "5000", 1, 600000,
                 "ms after which a send is answered FLUSH_DISK_TIMEOUT"),
    Key::integer("fileReservedTime", "72", 1, 876000, "hours that commit log files are kept"),
    Key::integer(
        "maxRecordsLostAtStart", "100", -1, 1000000000,
        "a start that would lose more messages to damage, or a whole log file, is refused; "
        "-1: none is"),
    Key::integer("damagedKeepHours", "168", 1, 876000,
                 "hours that copies of what a start cut off the log are kept"),
    Key::text("deleteWhen", "04", "hours of local time at which older ones are deleted, 04;16"),
    Key::clamped("diskMaxUsedSpaceRatio", "75", 10, 95,
                 "% of disk use above which they are deleted at any hour"),
    Key::boolean("cleanFileForciblyEnable", true,
                 "delete younger files when the disk is more than 85 % full"),
    Key::integer("cleanResourceInterval", "10000", 1000, 3600000,
                 "ms between looks at disk and files"),
    Key::boolean("messageIndexEnable", true, "index messages by KEYS and unique key"),
    Key::integer("maxHashSlotNum", "5000000", 1, 100000000,
                 "slots of an index file; constant for a directory"),
    Key::integer("maxIndexNum", "20000000", 2, 100000000,
                 "entries of an index file; constant for a directory"),
    Key::integer("defaultTopicQueueNums", "8", 1, 65536,
                 "queues of topics created on first send, at most"),
    Key::clamped("registerNameServerPeriod", "30000", 10000, 60000, "ms between registrations"),
    Key::integer("flushConsumerOffsetInterval", "5000", 100, 600000,
                 "ms between savings of consumer offsets"),
    Key::text("messageDelayLevel", "1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h",
              "delays of levels 1, 2, ...; units s m h d"),
    Key::integer("flushDelayOffsetInterval", "1000", 100, 600000,
                 "ms between savings of how far delayed messages are delivered"),
    Key::boolean("timerWheelEnable", true, "take timer messages (any delay, not only levels)"),
    Key::integer("timerMaxDelaySec", "259200", 1, 315360000, "s that they may wait at most"),
    Key::clamped("timerPrecisionMs", "1", 1, 1000, "ms: steps in which they are delivered"),
    Key::clamped("timerRollWindowSlot", "172800", 60, 315360000,
                 "s after which those that still wait are stored anew; 2/3 of fileReservedTime at "
                 "most"),
    Key::integer("timerFlushIntervalMs", "1000", 100, 600000,
                 "ms between savings of how far they are delivered"),
    Key::integer("timerMaxPending", "10000000", 1, 1000000000, "that wait at the same time"),
    Key::boolean("recallMessageEnable", false, "producers may take timer messages back"),
    Key::boolean("allowRecallWhenBrokerNotWriteable", true,
                 "also while brokerPermission forbids sends"),
    Key::integer("transactionCheckInterval", "60000", 1000, 86400000,
                 "ms between checks of transactions that have not ended"),
    Key::integer("transactionTimeOut", "6000", 0, 86400000,
                 "ms for which a transaction is not checked"),
    Key::integer("transactionCheckMax", "15", 1, 1000000,
                 "checks after which a half message goes to TRANS_CHECK_MAX_TIME_TOPIC"),
    Key::boolean("rejectTransactionMessage", false, "refuse half messages of transactions"),
    Key::boolean("storeReplyMessageEnable", true,
                 "store replies (request-reply), beside handing them to who asked"),
    Key::text("regionId", "DefaultRegion", "MSG_REGION in answers to sends"),
    Key::integer("serverChannelMaxIdleTimeSeconds", "120", 1, 86400,
                 "s without traffic after which a connection is closed"),
    Key::clamped("diskSpaceCleanForciblyRatio", "85", 30, 85,
                 "% of disk use above which younger files go too, see cleanFileForciblyEnable"),
    Key::clamped("diskSpaceWarningLevelRatio", "90", 35, 90,
                 "% of disk use above which sends are refused"),
    Key::choice(
        "brokerRole", "ASYNC_MASTER", "ASYNC_MASTER|SYNC_MASTER|SLAVE",
        "SYNC_MASTER: sends are acknowledged when inSyncReplicas copies are durable; SLAVE: "
        "copies the master of its brokerName (docs/replication.md)"),
    Key::boolean("aclEnable", false,
                 "ask every request who it is from and whether it may be done: accounts of "
                 "conf/plain_acl.yml and conf/acl below rocketmqHome (docs/access.md)"),
    Key::choice("aclMode", "enforce", "enforce|observe",
                "observe: nothing is refused; the log tells what would be"),
    Key::boolean("aclWhiteAddressNeedsNoSignature", false,
                 "as Apache's: from an account's whiteRemoteAddress its access key is enough"),
    Key::text("rocketmqHome", "",
              "directory in which conf is (default: ROCKETMQ_HOME, else that above the "
              "configuration file's, if that one is named conf)"),
    Key::secret("innerClientAuthenticationCredentials",
                "{\"accessKey\":\"..\",\"secretKey\":\"..\"}: signs what this broker asks name "
                "servers and its master; with aclEnable the secret of the HA port, too"),
    Key::integer("haListenPort", "0", 0, 65535,
                 "port on which a master serves its slaves; 0: listenPort + 1"),
    Key::text("brokerIP2", "",
              "IP address that slaves are told to connect to (default: that of brokerIP1)"),
    Key::text("haMasterAddress", "",
              "of a slave: host:port of its master's HA port, instead of what name servers say"),
    Key::choice("haHandshake", "automatic", "automatic|comet|apache",
                "of a slave: comet: only with a CometMQ master; apache: as Apache's slaves; "
                "automatic: the first, and after 5 s of silence the second"),
    Key::secret("haSecret",
                "what master and slaves have to know to be each other's; empty: nothing"),
    Key::integer("haSendHeartbeatInterval", "5000", 100, 600000,
                 "ms of silence after which a sign of life is sent to Apache's slaves and masters"),
    Key::integer("haHousekeepingInterval", "20000", 1000, 3600000,
                 "ms of a peer's silence after which its connection is closed"),
    Key::integer("haTransferBatchSize", "32768", 1024, 4194292,
                 "bytes of the log in a frame for Apache's slaves, at most"),
    Key::integer("haKeepForReplicaBytes", "68719476736", 0, 9223372036854775807,
                 "bytes of the log that are kept for a connected slave that still needs them, at "
                 "most"),
    Key::integer("haSlaveFallbehindMax", "268435456", 0, 9223372036854775807,
                 "bytes that a slave may be behind; with more /health says so"),
    Key::boolean("syncFromLastFile", false,
                 "an empty slave gets the newest log file only, as with Apache"),
    Key::integer("slaveTimeout", "3000", 100, 600000,
                 "ms that a SYNC_MASTER's send waits for its copies"),
    Key::integer("inSyncReplicas", "2", 1, 16,
                 "copies, the SYNC_MASTER's own among them, that an acknowledged message has"),
    Key::integer("minInSyncReplicas", "1", 1, 16,
                 "with fewer of them in sync a SYNC_MASTER stores nothing"),
    Key::boolean("countUnflushedReports", true,
                 "count Java slaves, which report what they have not flushed yet"),
    Key::choice("readConfirmedOnly", "normal", "normal|strict",
                "what a SYNC_MASTER's consumers see with too few copies in sync: normal: all; "
                "strict: nothing new"),
    Key::boolean("slaveReadEnable", false,
                 "consumers that lag behind by more than 40 % of the memory are sent to the slave"),
    Key::boolean("offsetCheckInSlave", false,
                 "a slave corrects offsets outside a queue, as a master does"),
    Key::boolean("forceRegister", true,
                 "say all topics with every registration; false: ask first whether they changed"),
    Key::boolean("compressedRegister", false, "register in the compressed form (not at 5.x)"),
    Key::boolean("fetchNamesrvAddrByAddressServer", false,
                 "without namesrvAddr: ask rmqAddressServerDomain for the list of name servers"),
    Key::text("rmqAddressServerDomain", "",
              "host:port that answers http://HOST:PORT/rocketmq/SUBGROUP with such a list"),
    Key::text("rmqAddressServerSubGroup", "nsaddr", "SUBGROUP of that address"),
    Key::boolean("clusterTopicEnable", true,
                 "the topic of the cluster's name may be read and written"),
    Key::boolean("brokerTopicEnable", true,
                 "the topic of the broker's name may be read and written"),
    Key::text("configBlackList", "configBlackList;brokerConfigPath",
              "keys that UPDATE_BROKER_CONFIG must not change, besides those that it never may"),
    Key::boolean("traceTopicEnable", false, "make the topic for clients' message traces"),
    Key::text("msgTraceTopicName", kTraceTopic, "name of that topic"),
    Key::integer(
        "sendThreadPoolQueueCapacity", "10000", 1, 1000000,
        "sends that wait for the log, over all connections; further ones are answered SYSTEM_BUSY"),
    Key::integer("maxSendBytesInFlight", "134217728", 1048576, 17179869184,
                 "bytes of those, likewise"),
    Key::integer("maxConnections", "60000", 1, 1000000, "further ones are closed at once"),
    Key::integer("maxUnfinishedFrameBytes", "67108864", 33554432, 17179869184,
                 "bytes that frames which have not come whole take together, over all connections"),
    Key::integer(
        "maxUnsentBytes", "100663296", 33554432, 17179869184,
        "bytes of answers that peers have not taken, over all connections; beyond it those "
        "are closed whose answers have waited for longest"),
    Key::integer("maxBatchMessages", "65536", 1, 1000000, "messages of a batch"),
    Key::integer("maxTopicNameBytes", "16777216", 4096, 1073741824,
                 "bytes that the names of all topics may have for one to be created on first send"),
    Key::integer("maxHeartbeatBytes", "8388608", 65536, 16777216, "bytes of a client's heartbeat"),
    Key::integer("maxGroupsPerConnection", "10000", 1, 100000,
                 "groups of producers and consumers that a connection's heartbeats name"),
    Key::integer("maxSubscriptionsPerGroup", "20000", 1, 1000000,
                 "topics to which a consumer group subscribes"),
    Key::integer("maxSubscriptionBytesPerGroup", "4194304", 4096, 16777216,
                 "bytes of the topics and expressions of those"),
    Key::integer("maxClientTableBytes", "536870912", 1048576, 17179869184,
                 "bytes that clients, groups and subscriptions take, over all connections"),
    Key::integer(
        "connectionMaxRequests", "10000", 1, 1000000,
        "requests of a connection that are worked on or wait; nothing more is read from it then"),
    Key::integer("connectionMaxRequestBytes", "67108864", 65536, 1073741824,
                 "bytes of their bodies, likewise"),
    Key::integer("connectionMaxUnsentBytes", "16777216", 65536, 1073741824,
                 "bytes of answers that a peer has not taken; nothing more is read from it then, "
                 "and it is closed at four times as much"),
};

constexpr auto kOwnKeys = with_common_keys(kUsed);

}  // namespace

std::span<const ConfigKey> broker_keys() {
  static const std::vector<ConfigKey> keys = [] {
    std::vector<ConfigKey> all(std::begin(kOwnKeys), std::end(kOwnKeys));
    all.insert(all.end(), std::begin(broker::kLiveKeys), std::end(broker::kLiveKeys));
    const std::vector<ConfigKey> others = apache_broker_keys();
    all.insert(all.end(), others.begin(), others.end());
    return all;
  }();
  return keys;
}

}  // namespace comet::inline v0_1::daemon

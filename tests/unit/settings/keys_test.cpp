// The daemons' tables of keys against the lists of Apache's (tests/data/apache_keys.tsv).

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "broker_settings.hpp"
#include "namesrv_settings.hpp"
#include "replication_settings.hpp"
#include "temp_directory.hpp"
#include "test_data.hpp"

using namespace comet;

namespace {

struct ApacheKey {
  std::string name;
  std::string versions;
  std::string otherwise;
};

// Those of these classes.
std::vector<ApacheKey> apache_keys(const std::set<std::string>& classes) {
  std::ifstream file(std::string(test::test_data()) + "/apache_keys.tsv");
  std::vector<ApacheKey> keys;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream fields(line);
    std::string type;
    ApacheKey key;
    std::getline(fields, type, '\t');
    std::getline(fields, key.name, '\t');
    std::getline(fields, key.versions, '\t');
    std::getline(fields, key.otherwise, '\t');
    if (classes.contains(type)) keys.push_back(std::move(key));
  }
  BOOST_TEST_REQUIRE(keys.size() > 10u);
  return keys;
}

const std::set<std::string> kBrokerClasses = {"BrokerConfig",      "MessageStoreConfig",
                                              "NettyServerConfig", "NettyClientConfig",
                                              "AuthConfig",        "TlsSystemConfig"};
const std::set<std::string> kNamesrvClasses = {"NamesrvConfig",     "NettyServerConfig",
                                               "NettyClientConfig", "TlsSystemConfig",
                                               "ControllerConfig",  "JraftConfig"};
// Known although no class has them: ours; what Apache's documents name and no version reads;
// members without a setter, which their programs print; what sets system properties.
const std::set<std::string> kOthers = {
    "countUnflushedReports", "haHandshake", "haKeepForReplicaBytes", "haSecret", "aclMode",
    "aclWhiteAddressNeedsNoSignature", "readConfirmedOnly", "logLevel", "monitorPort",
    "monitorAddress", "connectionMaxRequests", "connectionMaxRequestBytes",
    "connectionMaxUnsentBytes", "maxConnections", "maxSendBytesInFlight", "maxUnsentBytes",
    "maxUnfinishedFrameBytes", "maxBatchMessages", "maxTopicNameBytes", "maxHeartbeatBytes",
    "maxGroupsPerConnection", "maxSubscriptionsPerGroup", "maxSubscriptionBytesPerGroup",
    "maxClientTableBytes", "maxRecordsLostAtStart", "damagedKeepHours", "timerMaxPending",
    "abortFile", "storeCheckpoint", "storePathConsumeQueue", "storePathIndex",
    "mapedFileSizeCommitLog", "mapedFileSizeConsumeQueue", "isBrokerContainer",
    "isInBrokerContainer", "isEnableBatchPush", "isScanAvailableNameSrv", "timerCheckMetricsWhen",
    "timerEnableDisruptor", "timerStopDequeue", "timerWarmEnable", "rmqAddressServerDomain",
    "rmqAddressServerSubGroup",
    // the name server's own: its file of routes, one of the broker's names for it, its option -n
    "savedRoutesPath", "savedRoutesInterval", "savedRoutesExpiryMillis",
    "brokerNotActiveTimeoutMillis", "namesrvAddr"};

// What a file with these lines leads to: "" or the refusal.
std::string broker_refusal(const std::string& text) {
  Config settings = daemon::make_broker_settings();
  try {
    settings.apply(Properties::parse(text).value(), "broker.conf");
    (void)daemon::to_broker_config(settings);
  } catch (const Error& problem) {
    return problem.context();
  }
  return {};
}

std::string namesrv_refusal(const std::string& text) {
  Config settings = daemon::make_namesrv_settings();
  try {
    settings.apply(Properties::parse(text).value(), "namesrv.conf");
    (void)daemon::to_name_server_config(settings);
  } catch (const Error& problem) {
    return problem.context();
  }
  return {};
}

void check_table(std::span<const ConfigKey> table, const std::set<std::string>& classes) {
  std::set<std::string> names;
  for (const ConfigKey& key : table) {
    BOOST_TEST(names.insert(std::string(key.name())).second, key.name() << " is there twice");
  }
  std::set<std::string> theirs;
  for (const ApacheKey& key : apache_keys(classes)) {
    BOOST_TEST(names.contains(key.name), key.name << " of " << key.versions << " is unknown here");
    theirs.insert(key.name);
  }
  for (const std::string& name : names) {
    BOOST_TEST((theirs.contains(name) || kOthers.contains(name)),
               name << " is no key of any version of Apache's");
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(keys)

BOOST_AUTO_TEST_CASE(every_key_of_apaches_broker_is_known_and_no_other_is_called_apaches) {
  check_table(daemon::broker_keys(), kBrokerClasses);
}

BOOST_AUTO_TEST_CASE(every_key_of_apaches_name_server_is_known_and_no_other_is_called_apaches) {
  check_table(daemon::namesrv_keys(), kNamesrvClasses);
}

BOOST_AUTO_TEST_CASE(apaches_defaults_written_into_a_file_start_the_broker) {
  std::string text;
  for (const ApacheKey& key : apache_keys(kBrokerClasses)) {
    // Booleans, words and numbers; not paths, lists of programs or what depends on the machine.
    if (key.otherwise.find_first_of("$/ ;") != std::string::npos || key.otherwise.empty()) continue;
    if (key.name.starts_with("tls.") || key.name == "socksProxyConfig") continue;
    append_property(text, key.name, key.otherwise);
  }
  BOOST_TEST(broker_refusal(text) == "");
}

BOOST_AUTO_TEST_CASE(what_would_lose_lay_open_or_mislead_is_refused_with_the_way_on) {
  const std::map<std::string, std::string> cases = {
      {"aclEnable=true", "without rocketmqHome"},
      {"aclEnable=true\nrocketmqHome=/nowhere", "plain_acl.yml: there is no such file"},
      {"authenticationEnabled=true", "users and policies"},
      {"authorizationEnabled=TRUE", "users and policies"},
      {"enableDLegerCommitLog=true", "DLedger"},
      {"enableControllerMode=true", "election"},
      {"storeType=defaultRocksDB", "RocksDB"},
      {"configManagerVersion=v2", "RocksDB"},
      {"timerRocksDBEnable=true", "RocksDB"},
      {"transRocksDBEnable=true", "RocksDB"},
      {"enableAutoInSyncReplicas=true", "election"},
      {"totalReplicas=3", "inSyncReplicas"},
      {"allAckInSyncStateSet=true", "inSyncReplicas"},
      {"duplicationEnable=true", "inSyncReplicas"},
      {"brokerRole=SLAVE", "needs a brokerId of 1 or more"},
      {"brokerRole=SLAVE\nbrokerId=0", "brokerId = \"0\" is a master's"},
      {"brokerRole=SYNC_MASTER\nbrokerId=1", "a master has brokerId = 0"},
      {"haMasterAddress=nowhere", "must be host:port"},
      {"brokerIP2=here", "must be a numeric IP address"},
      {"haSecret=x\nhaHandshake=apache", "cannot prove a haSecret"},
      {"brokerId=1", "a master has brokerId = 0"},
      {"messageStorePlugIn=org.apache.rocketmq.tieredstore.TieredMessageStore", "tiered storage"},
      {"readOnlyCommitLogStorePaths=/a,/b", "several directories"},
      {"enableLmq=true", "light message queues"},
      {"forceVerifyPropCRC=true", "checksum"},
      {"fetchNameSrvAddrByDnsLookup=true", "namesrvAddr"},
      {"useTLS=true", "tls.enable=true"}};
  for (const auto& [text, reason] : cases) {
    const std::string refusal = broker_refusal(text);
    BOOST_TEST(refusal.find(reason) != std::string::npos, text << ": " << refusal);
    BOOST_TEST(refusal.starts_with("broker.conf:"), refusal);
  }
  for (const char* text : {"enableControllerInNamesrv=true", "clusterTest=true", "useTLS=true"}) {
    BOOST_TEST(namesrv_refusal(text).find("cannot be served") != std::string::npos, text);
    BOOST_TEST(
        namesrv_refusal(std::string(text).replace(std::string(text).find('='), 5, "=false")) == "");
  }
}

BOOST_AUTO_TEST_CASE(the_roles_of_replication_are_taken) {
  for (const char* text :
       {"brokerRole=SYNC_MASTER", "brokerRole=SLAVE\nbrokerId=1", "brokerRole=ASYNC_MASTER",
        "brokerRole=SYNC_MASTER\ninSyncReplicas=3\nminInSyncReplicas=2"}) {
    BOOST_TEST(broker_refusal(text) == "", text);
  }
  Config settings = daemon::make_broker_settings();
  settings.apply(
      Properties::parse("brokerRole=SYNC_MASTER\ninSyncReplicas=1\nhaListenPort=10920").value(),
      "broker.conf");
  daemon::explain_replication(settings);
  BOOST_TEST(settings.warnings().size() == 2u);
  const broker::BrokerConfig config = daemon::to_broker_config(settings);
  BOOST_TEST(config.replication.listen_at->port() == 10920);
  BOOST_TEST(config.replication.in_sync.in_sync_replicas == 1);
}

// As teams have it: accounts, an address, and no secret among brokers.
BOOST_AUTO_TEST_CASE(with_accounts_and_without_a_secret_the_ha_port_is_not_open_to_all) {
  const test::TempDirectory directory;
  const std::filesystem::path home = directory.path();
  std::filesystem::create_directories(home / "conf");
  std::ofstream(home / "conf/plain_acl.yml")
      << "accounts: [{accessKey: operator, secretKey: 'a-long-secret', admin: true}]\n";
  const std::string keys = "brokerIP1=10.1.2.3\naclEnable=true\nrocketmqHome=" + home.string();
  const std::string secret =
      "\ninnerClientAuthenticationCredentials="
      R"({"accessKey":"operator","secretKey":"a-long-secret"})";
  for (const bool has_secret : {false, true}) {
    Config settings = daemon::make_broker_settings();
    settings.apply(Properties::parse(keys + (has_secret ? secret : "")).value(), "broker.conf");
    BOOST_TEST(daemon::to_broker_config(settings).replication.listen_at.has_value() == has_secret);
  }
  const std::string refused = broker_refusal(keys + "\nbrokerRole=SYNC_MASTER");
  BOOST_TEST(refused.find("haSecret") != std::string::npos, refused);
}

BOOST_AUTO_TEST_CASE(numbers_are_moved_into_apaches_ranges_with_a_warning) {
  const std::map<std::string, std::int64_t> cases = {
      {"diskMaxUsedSpaceRatio=99", 95},       {"diskMaxUsedSpaceRatio=1", 10},
      {"diskSpaceWarningLevelRatio=99", 90},  {"diskSpaceWarningLevelRatio=5", 35},
      {"diskSpaceCleanForciblyRatio=99", 85}, {"diskSpaceCleanForciblyRatio=0", 30},
      {"registerNameServerPeriod=1", 10000},  {"registerNameServerPeriod=90000", 60000},
      {"timerPrecisionMs=5000", 1000},        {"timerRollWindowSlot=0", 60}};
  for (const auto& [text, held] : cases) {
    Config settings = daemon::make_broker_settings();
    settings.apply(Properties::parse(text).value(), "broker.conf");
    BOOST_TEST(settings.integer(text.substr(0, text.find('='))) == held, text);
    BOOST_TEST(settings.warnings().size() == 1u, text);
    BOOST_CHECK_NO_THROW((void)daemon::to_broker_config(settings));
  }
}

BOOST_AUTO_TEST_SUITE_END()

#include <boost/test/unit_test.hpp>

#include <fstream>
#include <sstream>
#include <string>

#include "comet/namesrv/live_settings.hpp"
#include "name_server_fixture.hpp"
#include "temp_directory.hpp"

using namespace comet;
using namespace comet::test;

namespace {

const std::vector<ConfigKey>& keys() {
  static const std::vector<ConfigKey> all = [] {
    std::vector<ConfigKey> table(std::begin(namesrv::kLiveKeys), std::end(namesrv::kLiveKeys));
    table.push_back(ConfigKey::integer("listenPort", "9876", 0, 65535, ""));
    table.push_back(ConfigKey::text("kvConfigPath", "kv.json", ""));
    table.push_back(ConfigKey::text("tls.server.keyPath", "", ""));
    table.push_back(ConfigKey::no_effect("serverWorkerThreads"));
    return table;
  }();
  return all;
}

std::string content(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream all;
  all << file.rdbuf();
  return all.str();
}

struct ConfigFixture : NameServerFixture {
  ConfigFixture() { restart(); }

  void restart() {
    Config settings(keys());
    namesrv::apply_stored_settings(settings, path());
    namesrv::NameServerConfig config = patient_config();
    static_cast<namesrv::LiveSettings&>(config) = namesrv::read_live_settings(settings);
    config.settings = settings;
    config.config_store_path = path();
    config.config_black_list = "orderMessageEnable;other";
    start(std::move(config));
  }
  [[nodiscard]] std::string path() const { return directory.path() + "/namesrv.properties"; }
  RemotingCommand update(const std::string& properties) {
    return peer().ask_with_body(RequestCode::update_namesrv_config, properties);
  }
  std::string shown(const std::string& key) {
    std::istringstream lines(peer().ask(RequestCode::get_namesrv_config).body.to_string());
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with(key + "=")) return line.substr(key.size() + 1);
    }
    return "absent";
  }

  TempDirectory directory;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(name_server_config, ConfigFixture)

BOOST_AUTO_TEST_CASE(an_accepted_change_holds_at_once_and_after_a_restart) {
  BOOST_TEST(shown("enableAllTopicList") == "true");
  BOOST_TEST(peer().ask(RequestCode::get_all_topic_list_from_nameserver).code == 0);
  BOOST_TEST(update("enableAllTopicList=false\n").code == 0);
  for (int round = 0; round < 2; ++round) {
    const auto answer = peer().ask(RequestCode::get_all_topic_list_from_nameserver);
    BOOST_TEST(answer.code == 1);
    BOOST_TEST(answer.remark == "disable");
    BOOST_TEST(shown("enableAllTopicList") == "false");
    restart();
  }
}

BOOST_AUTO_TEST_CASE(later_changes_are_added_to_the_stored_ones) {
  BOOST_TEST(update("enableTopicList=false").code == 0);
  BOOST_TEST(update("brokerNotActiveTimeoutMillis=30000").code == 0);
  BOOST_TEST(content(path()) ==
             "# Written by UPDATE_NAMESRV_CONFIG\nbrokerNotActiveTimeoutMillis=30000\n"
             "enableTopicList=false\n");
}

BOOST_AUTO_TEST_CASE(the_expiry_of_brokers_can_be_changed) {
  BOOST_TEST(update("brokerNotActiveTimeoutMillis=10000").code == 0);
  Peer& broker = peer();
  register_broker(broker);
  BOOST_TEST(peer().has_route("T1"));
  world.pass(16s);
  BOOST_TEST(!peer().has_route("T1"));
}

// CVE-2023-37582: configStorePath and a value that is written to any file.
BOOST_AUTO_TEST_CASE(paths_and_the_black_list_itself_are_refused_and_nothing_of_the_request_holds) {
  for (const std::string key : {"configStorePath", "kvConfigPath", "rocketmqHome",
                                "configBlackList", "orderMessageEnable"}) {
    const auto answer = update("enableTopicList=false\n" + key + "=/tmp/pwned\n");
    BOOST_TEST(answer.code == 16);
    BOOST_TEST(answer.remark == "Can not update config in black list.");
  }
  const auto answer = update("tls.server.keyPath=/tmp/pwned\nenableTopicList=false");
  BOOST_TEST(answer.code == 16);
  BOOST_TEST(answer.remark == "tls.server.keyPath cannot be changed over the network");
  BOOST_TEST(update("listenPort=1").code == 16);
  BOOST_TEST(shown("enableTopicList") == "true");
  BOOST_TEST(content(path()) == "");
}

BOOST_AUTO_TEST_CASE(a_value_cannot_smuggle_a_second_key_into_the_file) {
  const auto answer = update("enableTopicList=true\\nkvConfigPath\\=/tmp/pwned");
  BOOST_TEST(answer.code == 1);
  BOOST_TEST(content(path()) == "");
}

BOOST_AUTO_TEST_CASE(unknown_keys_and_those_without_effect_are_passed_over_as_apache_does) {
  BOOST_TEST(update("nonsense=1\nserverWorkerThreads=7\n").code == 0);
  BOOST_TEST(shown("nonsense") == "absent");
  BOOST_TEST(peer().ask(RequestCode::update_namesrv_config).code == 0);
}

BOOST_AUTO_TEST_CASE(values_that_cannot_be_change_nothing) {
  const auto answer = update("enableTopicList=false\nbrokerNotActiveTimeoutMillis=4999");
  BOOST_TEST(answer.code == 1);
  BOOST_TEST(answer.remark.find("brokerNotActiveTimeoutMillis") != std::string::npos);
  BOOST_TEST(shown("enableTopicList") == "true");
  BOOST_TEST(update("\xff\xfe=1").remark == "string2Properties error");
  BOOST_TEST(update("key=\\u12").remark == "string2Properties error");
}

BOOST_AUTO_TEST_CASE(what_cannot_be_saved_does_not_hold) {
  std::ofstream(directory.path() + "/file") << "in the way";
  Config settings(keys());
  namesrv::NameServerConfig config = patient_config();
  config.settings = settings;
  config.config_store_path = directory.path() + "/file/namesrv.properties";
  start(std::move(config));
  const auto answer = update("enableTopicList=false");
  BOOST_TEST(answer.code == 1);
  // A file in the way of the directory shows when the former settings are read, before the write.
  BOOST_TEST(answer.remark.find("/file/namesrv.properties cannot be read") != std::string::npos);
  BOOST_TEST(shown("enableTopicList") == "true");
}

BOOST_AUTO_TEST_CASE(without_a_configuration_nothing_can_be_changed) {
  start({});
  BOOST_TEST(update("enableTopicList=false").code == 16);
  BOOST_TEST(peer().ask(RequestCode::get_namesrv_config).body.empty());
}

BOOST_AUTO_TEST_SUITE_END()

// GET_BROKER_CONFIG and UPDATE_BROKER_CONFIG: some keys, at once, and no other ones ever.

#include "admin_fixture.hpp"
#include "comet/base/files.hpp"
#include "comet/base/properties.hpp"
#include "comet/broker/live_settings.hpp"

using namespace comet;
using namespace comet::test;
using namespace std::chrono_literals;

namespace {

class ConfigChanges : public AdminFixture {
 public:
  RemotingCommand update(const std::string& text) {
    return ask_body(RequestCode::update_broker_config, text);
  }
  std::string value(const std::string& key) {
    const RemotingCommand answer = ask_plain(RequestCode::get_broker_config);
    const auto all = Properties::parse(answer.body.view());
    const std::string* found = all->find(key);
    return found == nullptr ? "(absent)" : *found;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(config_changes, ConfigChanges)

BOOST_AUTO_TEST_CASE(the_configuration_is_shown_with_its_version) {
  start();
  const std::int64_t now = world.time.wall_millis();
  const RemotingCommand answer = ask_plain(RequestCode::get_broker_config);
  BOOST_TEST(answer.code == 0);
  BOOST_TEST(text(answer, "version") == R"({"counter":0,"timestamp":)" + std::to_string(now) + "}");
  BOOST_TEST(value("brokerPermission") == "6");
  BOOST_TEST(value("autoCreateTopicEnable") == "true");
  BOOST_TEST(value("brokerName") == "broker-a");
  BOOST_TEST(value("brokerIP1") == "10.9.9.9");
  BOOST_TEST(value("listenPort") == "10911");
  BOOST_TEST(value("storePathRootDir") == directory.path());
}

BOOST_AUTO_TEST_CASE(a_change_holds_at_once_and_counts) {
  start();
  BOOST_TEST(update("autoCreateTopicEnable=false\nmaxTransferCountOnMessageInMemory=2\n").code ==
             0);
  BOOST_TEST((ask(send_request("T", "x")).response_code() == ResponseCode::topic_not_exist));
  BOOST_TEST(update("autoCreateTopicEnable=true").code == 0);
  for (int i = 0; i < 5; ++i) BOOST_TEST(ask(send_request("T", "x")).code == 0);
  BOOST_TEST(bodies(ask(pull_request("T", 0, 0))).size() == 2u);
  BOOST_TEST(value("maxTransferCountOnMessageInMemory") == "2");
  BOOST_TEST(text(ask_plain(RequestCode::get_broker_config), "version").find("\"counter\":2") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_broker_can_be_closed_for_pulls_and_opened_again) {
  start();
  ask(send_request("T", "x"));
  BOOST_TEST(update("brokerPermission=2").code == 0);
  BOOST_TEST((ask(pull_request("T", 0, 0)).response_code() == ResponseCode::no_permission));
  BOOST_TEST(broker->stats().permission == 2);
  BOOST_TEST(update("brokerPermission=6").code == 0);
  BOOST_TEST(ask(pull_request("T", 0, 0)).code == 0);
}

BOOST_AUTO_TEST_CASE(every_key_that_can_be_changed_takes_a_value_and_shows_it) {
  start();
  for (const ConfigKey& key : broker::kLiveKeys) {
    const std::string name(key.name());
    const std::string before = value(name);
    const std::string other = key.type() == ConfigKey::Type::boolean
                                  ? (before == "true" ? "false" : "true")
                              : name == "brokerPermission" ? "4"
                                                           : std::to_string(std::stoll(before) + 1);
    const RemotingCommand answer = update(name + "=" + other);
    BOOST_TEST(answer.code == 0, name << ": " << answer.remark);
    BOOST_TEST(value(name) == other, name);
    // None may be a place to put things, a host to talk to or a program to run.
    for (const char* word :
         {"path", "Path", "Addr", "Ip", "IP", "home", "Home", "Dir", "command"}) {
      BOOST_TEST(name.find(word) == std::string::npos, name);
    }
  }
}

BOOST_AUTO_TEST_CASE(keys_of_paths_addresses_and_commands_are_refused_and_nothing_changes) {
  start();
  for (const char* key :
       {"storePathRootDir", "storePathCommitLog", "brokerConfigPath", "configBlackList",
        "rocketmqHome", "namesrvAddr", "brokerIP1", "brokerIP2", "filterServerNums", "listenPort",
        "haMasterAddress", "messageStorePlugIn", "rmqAddressServerDomain", "brokerName",
        "tls.server.keyPath", "aclEnable", "maxMessageSize", "no-such-key"}) {
    const RemotingCommand answer =
        update("brokerPermission=4\n" + std::string(key) + "=-c $@|sh . echo touch /tmp/x");
    BOOST_TEST(answer.code != 0, key);
    BOOST_TEST(answer.remark.find(key) != std::string::npos, key << ": " << answer.remark);
    BOOST_TEST(value("brokerPermission") == "6", key);
  }
  BOOST_TEST((ask(send_request("T", "x")).response_code() == ResponseCode::success));
}

BOOST_AUTO_TEST_CASE(keys_of_the_operators_black_list_cannot_be_changed_so) {
  static const std::vector<ConfigKey> keys = [] {
    std::vector<ConfigKey> table(std::begin(broker::kLiveKeys), std::end(broker::kLiveKeys));
    table.push_back(ConfigKey::text("configBlackList", "", ""));
    return table;
  }();
  Config settings(keys);
  settings.set("configBlackList", "brokerConfigPath;brokerPermission", "broker.conf");
  config.settings = settings;
  start();
  const RemotingCommand answer = update("longPollingEnable=false\nbrokerPermission=4");
  BOOST_TEST((answer.response_code() == ResponseCode::no_permission));
  BOOST_TEST(answer.remark.find("brokerPermission is in configBlackList") != std::string::npos);
  BOOST_TEST(value("brokerPermission") == "6");
  BOOST_TEST(value("longPollingEnable") == "true");
  BOOST_TEST(update("longPollingEnable=false").code == 0);
}

BOOST_AUTO_TEST_CASE(values_that_do_not_fit_are_refused_with_what_would) {
  start();
  for (const char* bad : {"brokerPermission=7", "brokerPermission=x", "brokerPermission=",
                          "longPollingEnable=perhaps", "shortPollingTimeMills=0",
                          "channelExpiredTimeout=99999999999999999999"}) {
    const RemotingCommand answer = update(bad);
    BOOST_TEST((answer.response_code() == ResponseCode::system_error), bad);
    BOOST_TEST(!answer.remark.empty(), bad);
  }
  for (const char* bad : {"", "\\u12", "\xff\xfe=1"}) {
    BOOST_TEST(update(bad).code != 0);
  }
  BOOST_TEST(value("brokerPermission") == "6");
}

BOOST_AUTO_TEST_CASE(changes_are_kept_in_a_file_from_which_the_next_start_takes_them) {
  start();
  BOOST_TEST(update("enablePropertyFilter=true").code == 0);
  BOOST_TEST(update("brokerPermission=4").code == 0);
  const std::string path = broker::stored_settings_path(directory.path());
  BOOST_TEST(*read_file(path) ==
             "# Written by UPDATE_BROKER_CONFIG\nbrokerPermission=4\nenablePropertyFilter=true\n");
  Config settings(broker::kLiveKeys);
  broker::apply_stored_settings(settings, path);
  BOOST_TEST(settings.integer("brokerPermission") == 4);
  BOOST_TEST(settings.boolean("enablePropertyFilter"));
  // Nothing else that somebody writes there.
  BOOST_TEST_REQUIRE(
      !write_file_atomically(path, "storePathRootDir=/\nlongPollingEnable=false\n", false));
  broker::apply_stored_settings(settings, path);
  BOOST_TEST(!settings.boolean("longPollingEnable"));
  broker::apply_stored_settings(settings, path + ".missing");
}

BOOST_AUTO_TEST_CASE(both_listeners_show_the_same) {
  start();
  BOOST_TEST(update("brokerPermission=4").code == 0);
  const Address vip("10.9.9.9", 10909);
  const RemotingCommand answer = world.run(client->invoke(
      vip, RemotingCommand::request(RequestCode::get_broker_config), world.time.now() + 3s));
  BOOST_TEST(answer.body.view().find("brokerPermission=4") != std::string_view::npos);
}

BOOST_AUTO_TEST_SUITE_END()

#include <boost/test/unit_test.hpp>

#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "comet/base/files.hpp"
#include "name_server_fixture.hpp"
#include "temp_directory.hpp"

using namespace comet;
using namespace comet::test;

namespace {

struct KvFixture : NameServerFixture {
  KvFixture() : path(directory.path() + "/namesrv/kvConfig.json") { restart(); }

  void restart() {
    namesrv::NameServerConfig config;
    config.kv_config_path = path;
    start(std::move(config));
  }
  RemotingCommand put(std::string name_space, std::string key, std::string value) {
    remoting::PutKvConfigHeader header;
    header.name_space = std::move(name_space);
    header.key = std::move(key);
    header.value = value;
    return peer().ask(RequestCode::put_kv_config, header);
  }
  RemotingCommand get(std::string name_space, std::string key) {
    return ask_key(RequestCode::get_kv_config, std::move(name_space), std::move(key));
  }
  RemotingCommand remove(std::string name_space, std::string key) {
    return ask_key(RequestCode::delete_kv_config, std::move(name_space), std::move(key));
  }
  RemotingCommand list(std::string name_space) {
    remoting::NamespaceHeader header;
    header.name_space = std::move(name_space);
    return peer().ask(RequestCode::get_kvlist_by_namespace, header);
  }
  std::string value(std::string name_space, std::string key) {
    const RemotingCommand answer = get(std::move(name_space), std::move(key));
    return std::string(answer.fields.find("value").value_or("absent"));
  }
  RemotingCommand ask_key(RequestCode code, std::string name_space, std::string key) {
    remoting::KvConfigHeader header;
    header.name_space = std::move(name_space);
    header.key = std::move(key);
    return peer().ask(code, header);
  }

  TempDirectory directory;
  std::string path;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(kv_configuration, KvFixture)

BOOST_AUTO_TEST_CASE(values_are_kept_listed_and_deleted) {
  BOOST_TEST(put("NS", "b", "2").code == 0);
  BOOST_TEST(put("NS", "a", "x\"主题\n").code == 0);
  BOOST_TEST(value("NS", "a") == "x\"主题\n");
  BOOST_TEST(list("NS").body.view() == "{\"table\":{\"a\":\"x\\\"主题\\n\",\"b\":\"2\"}}");
  BOOST_TEST(put("NS", "b", "3").code == 0);
  BOOST_TEST(value("NS", "b") == "3");
  BOOST_TEST(remove("NS", "a").code == 0);
  BOOST_TEST(remove("NS", "a").code == 0);
  BOOST_TEST(get("NS", "a").code == 22);
  remove("NS", "b");
  BOOST_TEST(list("NS").code == 0);
  BOOST_TEST(list("NS").body.view() == R"({"table":{}})");
}

BOOST_AUTO_TEST_CASE(what_is_not_there_gets_code_22_with_its_names) {
  const RemotingCommand key = get("NS", "K");
  BOOST_TEST(key.code == 22);
  BOOST_TEST(key.remark == "No config item, Namespace: NS Key: K");
  const RemotingCommand table = list("NS");
  BOOST_TEST(table.code == 22);
  BOOST_TEST(table.remark == "No config item, Namespace: NS");
}

BOOST_AUTO_TEST_CASE(a_put_without_namespace_or_key_is_refused) {
  remoting::PutKvConfigHeader header;
  header.key = "k";
  const RemotingCommand answer = peer().ask(RequestCode::put_kv_config, header);
  BOOST_TEST(answer.code == 1);
  BOOST_TEST(answer.remark == "namespace or key is null");
  BOOST_TEST(peer().ask(RequestCode::get_kv_config).code == 1);
  BOOST_TEST(peer().ask(RequestCode::delete_kv_config).code == 1);
  BOOST_TEST(peer().ask(RequestCode::get_kvlist_by_namespace).code == 1);
}

BOOST_AUTO_TEST_CASE(the_file_is_apaches_and_survives_a_restart) {
  put("ORDER_TOPIC_CONFIG", "t1", "broker-a:4");
  BOOST_TEST(read_file(path).value() ==
             R"({"configTable":{"ORDER_TOPIC_CONFIG":{"t1":"broker-a:4"}}})");
  restart();
  BOOST_TEST(value("ORDER_TOPIC_CONFIG", "t1") == "broker-a:4");
  remove("ORDER_TOPIC_CONFIG", "t1");
  BOOST_TEST(read_file(path).value() == R"({"configTable":{"ORDER_TOPIC_CONFIG":{}}})");
  BOOST_TEST(read_file(path + ".bak").value() ==
             R"({"configTable":{"ORDER_TOPIC_CONFIG":{"t1":"broker-a:4"}}})");
  restart();
  BOOST_TEST(list("ORDER_TOPIC_CONFIG").code == 0);
}

BOOST_AUTO_TEST_CASE(a_damaged_file_is_set_aside_for_its_backup) {
  put("NS", "k", "1");
  put("NS", "k", "2");
  stop();
  BOOST_REQUIRE(!write_file_atomically(path, "{\"configTable\":{\"NS\":", false));
  restart();
  BOOST_TEST(value("NS", "k") == "1");
  BOOST_TEST(read_file(path + ".damaged").value() == "{\"configTable\":{\"NS\":");
  restart();
  BOOST_TEST(value("NS", "k") == "1");
}

BOOST_AUTO_TEST_CASE(a_damaged_file_without_a_backup_is_set_aside) {
  put("NS", "k", "1");
  stop();
  std::filesystem::remove(path + ".bak");
  for (const std::string_view damage : {"", "[]", "{}", "{\"configTable\":3}", "\x00\xff"}) {
    BOOST_REQUIRE(!write_file_atomically(path, damage, false));
    restart();
    BOOST_TEST(get("NS", "k").code == 22);
    BOOST_TEST(read_file(path + ".damaged").value() == damage);
    stop();
  }
  restart();
  BOOST_TEST(put("NS", "k", "2").code == 0);
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_read_stops_the_start) {
  stop();
  std::filesystem::create_directories(path);
  try {
    restart();
    BOOST_ERROR("started without its configuration");
  } catch (const Error& error) {
    BOOST_TEST(error.context() == "read " + path + " (kvConfigPath)");
  }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_saved_is_refused_and_forgotten) {
  put("NS", "k", "1");
  stop();
  path = "/proc/self/no-such-place/kvConfig.json";
  restart();
  const RemotingCommand refused = put("NS", "k", "2");
  BOOST_TEST(refused.code == 1);
  BOOST_TEST(refused.remark.starts_with("the KV configuration cannot be saved to " + path));
  BOOST_TEST(get("NS", "k").code == 22);
}

BOOST_AUTO_TEST_CASE(a_value_may_be_as_large_as_a_frame_and_is_given_back) {
  const std::string large(16'700'000, 'x');
  BOOST_TEST(put("NS", "k", large).code == 0);
  BOOST_TEST((value("NS", "k") == large));
  restart();
  BOOST_TEST((value("NS", "k") == large));
  BOOST_TEST(put("NS", "other", "y").code == 0);
}

BOOST_AUTO_TEST_CASE(the_size_of_everything_is_bounded) {
  const std::string large(3'000'000, 'x');
  int stored = 0;
  RemotingCommand last = put("NS", "0", large);
  while (last.code == 0 && stored < 100) last = put("NS", std::to_string(++stored), large);
  BOOST_TEST(stored == 5);
  BOOST_TEST(last.code == 1);
  BOOST_TEST(last.remark == "the KV configuration would have 18000066 bytes, the most is 16777216");
  BOOST_TEST(get("NS", std::to_string(stored)).code == 22);
  BOOST_TEST(value("NS", "0").size() == large.size());
}

BOOST_AUTO_TEST_SUITE_END()

// Directories that an Apache 4.9.8 broker wrote are opened, continued and answered from as that
// broker answered.

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cstdlib>

#include "store_fixture.hpp"

using namespace comet;
using namespace comet::test;

namespace {

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

class ApacheFixture : public StoreFixture {
 public:
  ApacheFixture() {
    const std::string data = COMET_TEST_DATA;
    const std::string command = "tar xzf '" + data + "/apache_4_9_8_store.tar.gz' -C '" + directory.path() + "'";
    BOOST_REQUIRE(std::system(command.c_str()) == 0);
    manifest = boost::json::parse(*read_file(data + "/apache_4_9_8_store.json"));
    config.commit_log_file_size = 262'144;
    config.consume_queue_file_size = 6'000;
  }

  // Every message of the manifest, at its place, unaltered.
  int check_all() const {
    int checked = 0;
    for (const auto& [topic, queues] : manifest.at("topics").as_object()) {
      for (const auto& [queue, messages] : queues.as_object()) {
        const int queue_id = std::stoi(std::string(queue));
        for (const boost::json::value& expected : messages.as_array()) {
          store::ReadLimits one;
          one.max_count = 1;
          auto result = store->read(topic, queue_id, expected.at("queueOffset").as_int64(), one);
          BOOST_REQUIRE((result.status == store::ReadStatus::found));
          auto found = decode_records(result.records.to_string());
          BOOST_REQUIRE(found.size() == 1u);
          BOOST_TEST((found[0].body() == from_hex(expected.at("bodyHex").as_string())));
          if (const auto* id = expected.as_object().if_contains("msgId"); id != nullptr && id->is_string()) {
            BOOST_TEST(found[0].offset_message_id() == std::string(id->as_string()));
          }
          if (const auto* tag = expected.as_object().if_contains("tag"); tag != nullptr && tag->is_string()) {
            BOOST_TEST(found[0].tag() == std::string(tag->as_string()));
          }
          ++checked;
        }
        BOOST_TEST(store->max_offset(topic, queue_id) == static_cast<std::int64_t>(messages.as_array().size()));
      }
    }
    return checked;
  }

  boost::json::value manifest;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(apache_store, ApacheFixture)

BOOST_AUTO_TEST_CASE(every_message_of_apaches_directories_is_answered_and_the_log_goes_on) {
  for (const char* name : {"apache_4_9_8_clean", "apache_4_9_8_unclean"}) {
    config.root = directory.path() + "/" + name;
    open();
    BOOST_TEST(check_all() >= 1600);
    const std::int64_t next = store->max_offset("SampleTopic", 2);
    for (int i = 0; i < 1000; ++i) BOOST_TEST(append("SampleTopic", 2, "ours " + std::to_string(i)).queue_offset == next + i);
    close();
    open();
    std::vector<std::string> ours = bodies("SampleTopic", 2, next);
    BOOST_REQUIRE(ours.size() == 1000u);
    BOOST_TEST(ours[999] == "ours 999");
    close();
    for (const auto& file : std::filesystem::directory_iterator(config.root + "/commitlog")) {
      BOOST_TEST(file.file_size() == 262'144u);  // Apache's broker refuses other sizes
    }
    BOOST_TEST(!std::filesystem::exists(config.root + "/abort"));
  }
}

BOOST_AUTO_TEST_CASE(apaches_directory_survives_the_loss_of_all_its_queues) {
  config.root = directory.path() + "/apache_4_9_8_unclean";
  std::filesystem::remove_all(config.root + "/consumequeue");
  open();
  BOOST_TEST(check_all() >= 1600);
}

BOOST_AUTO_TEST_SUITE_END()

// Directories that an Apache RocketMQ 4.9.8 broker left behind, one killed and one stopped in
// order.

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdlib>

#include "comet/base/bytes.hpp"
#include "comet/base/timer.hpp"
#include "comet/message/message_id.hpp"
#include "comet/message/properties.hpp"
#include "comet/message/record.hpp"
#include "comet/message/validate.hpp"
#include "index_file.hpp"
#include "store_support.hpp"
#include "test_data.hpp"

using namespace comet;
using namespace comet::store;
using namespace comet::store::test;

namespace {

namespace json = boost::json;

constexpr const char* kDirectories[] = {"apache_4_9_8_clean", "apache_4_9_8_unclean"};

std::string unhex(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

// What that broker itself returned.
const json::object& manifest() {
  static const json::value value =
      json::parse(read_whole(fs::path(comet::test::test_data()) / "apache_4_9_8_store.json"));
  return value.as_object();
}

class World {
 public:
  World() {
    files.skip_syncs = true;
    std::string command = "tar -xzf '" + comet::test::test_data() +
                          "/apache_4_9_8_store.tar.gz' -C '" + directory.path().string() + "'";
    BOOST_TEST_REQUIRE(std::system(command.c_str()) == 0);
  }
  void open(const std::string& name) {
    core.reset();
    config.root = (directory.path() / name).string();
    config.commit_log_file_size = 262144;
    config.consume_queue_file_size = 6000;
    config.index_slots = 5000;
    config.index_entries = 20000;
    core.emplace(config, time, files);
  }

  TempDirectory directory;
  StoreConfig config;
  VirtualTime time;
  FaultyFiles files;
  std::optional<StoreCore> core;
};

void check_message(const MessageExt& message, const json::object& expected) {
  BOOST_TEST_REQUIRE(message.queue_offset == expected.at("queueOffset").as_int64());
  BOOST_TEST_REQUIRE((message.body() == unhex(expected.at("bodyHex").as_string())));
  BOOST_TEST_REQUIRE(message.unique_id() == std::string_view(expected.at("uniqKey").as_string()));
  const json::value* id = expected.if_contains("msgId");
  if (id != nullptr) {
    BOOST_TEST_REQUIRE(message.offset_message_id() == std::string_view(id->as_string()));
  }
  const json::value* tag = expected.if_contains("tag");
  if (tag != nullptr && tag->is_string()) {
    BOOST_TEST_REQUIRE(message.tag() == std::string_view(tag->as_string()));
  }
}

int check_every_message(const StoreCore& core) {
  int count = 0;
  for (const auto& [topic, queues] : manifest().at("topics").as_object()) {
    for (const auto& [id, messages] : queues.as_object()) {
      int queue_id = std::stoi(std::string(id));
      BOOST_TEST_CONTEXT("topic " << topic << " queue " << queue_id) {
        BOOST_TEST(core.max_offset(topic, queue_id) ==
                   static_cast<std::int64_t>(messages.as_array().size()));
        for (const json::value& expected : messages.as_array()) {
          ReadLimits one;
          one.max_count = 1;
          std::int64_t offset = expected.at("queueOffset").as_int64();
          ReadResult result = core.read(topic, queue_id, offset, one, {});
          BOOST_TEST_REQUIRE((result.status == ReadStatus::found));
          check_message(messages_of(result).at(0), expected.as_object());
          ++count;
        }
      }
    }
  }
  return count;
}

void check_every_unique_key(const StoreCore& core) {
  for (const auto& [topic, queues] : manifest().at("topics").as_object()) {
    for (const auto& [id, messages] : queues.as_object()) {
      for (const json::value& expected : messages.as_array()) {
        KeyQuery query;
        query.topic = topic;
        query.key = std::string_view(expected.at("uniqKey").as_string());
        std::vector<MessageExt> found = decode_records(core.query(query).records.to_string());
        BOOST_TEST_REQUIRE(!found.empty());
        BOOST_TEST_REQUIRE((found[0].body() == unhex(expected.at("bodyHex").as_string())));
      }
    }
  }
}

std::vector<std::string> bodies_in(const char* list) {
  std::vector<std::string> bodies;
  for (const json::value& body : manifest().at(list).as_array()) {
    bodies.push_back(unhex(body.as_string()));
  }
  return bodies;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(apache_store)

BOOST_DATA_TEST_CASE(every_message_is_returned_as_apache_returned_it,
                     boost::unit_test::data::make(kDirectories), name) {
  World world;
  world.open(name);
  BOOST_TEST(check_every_message(*world.core) == 1200 + 350 + 6 + 50 + 4);
  BOOST_TEST(world.core->recovery_report().truncated == 0);
  BOOST_TEST((bodies_of(*world.core, "%RETRY%SampleGroup", 0) == bodies_in("retry")));
  BOOST_TEST((bodies_of(*world.core, "%DLQ%SampleGroup", 0) == bodies_in("dlq")));
  // Level 18 waits in the schedule topic; level 1 was delivered.
  BOOST_TEST(world.core->max_offset("SCHEDULE_TOPIC_XXXX", 17) == 8);
  std::vector<std::string> delayed;
  for (const json::value& body : manifest().at("delayed").as_array()) {
    delayed.emplace_back(body.as_string());
  }
  BOOST_TEST((bodies_of(*world.core, "DelayTopic", 0) == delayed));
}

BOOST_DATA_TEST_CASE(it_goes_on_where_apache_stopped, boost::unit_test::data::make(kDirectories),
                     name) {
  World world;
  world.open(name);
  for (int i = 0; i < 1000; ++i) {
    AppendResult result =
        must_append(*world.core, record_of("SampleTopic", i % 4, std::string(1000, 'x')));
    BOOST_TEST_REQUIRE(result.queue_offset == 300 + i / 4);
  }
  world.core->close();
  world.open(name);
  BOOST_TEST(!world.core->recovery_report().unclean);
  BOOST_TEST(world.core->max_offset("SampleTopic", 3) == 550);
  BOOST_TEST(bodies_of(*world.core, "SampleTopic", 0).size() == 550U);
  BOOST_TEST(bodies_of(*world.core, "TagTopic", 0).size() == 350U);
}

BOOST_DATA_TEST_CASE(queues_built_from_apaches_log_are_apaches_to_the_byte,
                     boost::unit_test::data::make(kDirectories), name) {
  World world;
  fs::path queues = world.directory.path() / name / "consumequeue";
  fs::path apaches = world.directory.path() / "apaches";
  fs::rename(queues, apaches);
  world.open(name);
  world.core->close();
  int files = 0;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(apaches)) {
    if (!entry.is_regular_file()) continue;
    fs::path ours = queues / fs::relative(entry.path(), apaches);
    BOOST_TEST_CONTEXT(ours) {
      BOOST_TEST_REQUIRE(fs::exists(ours));
      BOOST_TEST((read_whole(ours) == read_whole(entry.path())));
    }
    ++files;
  }
  BOOST_TEST(files >= 15);
}

BOOST_DATA_TEST_CASE(every_message_is_found_by_its_unique_key,
                     boost::unit_test::data::make(kDirectories), name) {
  World world;
  world.open(name);
  check_every_unique_key(*world.core);
  must_append(*world.core, record_of("SampleTopic", 0, "new", "KEYS\1a new key"));
  world.core->close();
  world.open(name);
  check_every_unique_key(*world.core);
  KeyQuery query;
  query.topic = "SampleTopic";
  query.key = "new";
  BOOST_TEST(world.core->query(query).count == 1);
}

BOOST_AUTO_TEST_CASE(apaches_index_is_taken_over_as_it_is) {
  World world;
  fs::path index = world.directory.path() / "apache_4_9_8_clean" / "index";
  fs::path file = fs::directory_iterator(index)->path();
  std::string before = read_whole(file);
  world.open("apache_4_9_8_clean");
  check_every_unique_key(*world.core);
  world.core->close();
  BOOST_TEST((read_whole(file) == before));
  BOOST_TEST(std::distance(fs::directory_iterator(index), fs::directory_iterator()) == 1);
}

// Hash, offset in the log and seconds of each entry, in order.
std::vector<std::string> index_entries(const fs::path& file) {
  const std::string bytes = read_whole(file);
  const std::size_t begin = 40 + std::size_t{5000} * 4;
  const auto count = load_be<std::int32_t>(bytes.data() + 36);
  std::vector<std::string> entries;
  for (std::size_t i = 1; i < static_cast<std::size_t>(count); ++i) {
    entries.push_back(bytes.substr(begin + i * 20, 16));
  }
  return entries;
}

// 4.9 has no entries for tags, as 5.5 has.
BOOST_DATA_TEST_CASE(the_index_built_from_apaches_log_is_apaches_and_has_the_tags,
                     boost::unit_test::data::make(kDirectories), name) {
  World world;
  fs::path index = world.directory.path() / name / "index";
  const auto apaches = index_entries(fs::directory_iterator(index)->path());
  fs::remove_all(index);
  world.open(name);
  world.core->close();
  world.open(name);
  auto ours = index_entries(fs::directory_iterator(index)->path());
  const auto is_tag = [&world](const std::string& entry) {
    const SharedBytes bytes = world.core->read_record(load_be<std::int64_t>(entry.data() + 4));
    const auto record = parse_record(bytes.view(), CheckCrc::yes);
    BOOST_TEST_REQUIRE(record.has_value());
    const std::string tag(find_property(record->properties, property::kTags));
    return load_be<std::int32_t>(entry.data()) ==
           index_hash(std::string(record->topic) + "#T#" + tag);
  };
  BOOST_TEST(std::erase_if(ours, is_tag) > 1000u);
  BOOST_TEST((ours == apaches));
}

BOOST_AUTO_TEST_SUITE_END()

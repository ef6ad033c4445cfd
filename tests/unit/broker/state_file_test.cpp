// The small JSON files of state: whatever a crash or a bad disk does to one, the broker reads what
// was saved last or the time before, or says that it cannot.

#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "comet/base/files.hpp"
#include "comet/base/json.hpp"
#include "tables/state_file.hpp"
#include "temp_directory.hpp"

using namespace comet;
using namespace comet::broker;

namespace fs = std::filesystem;

namespace {

class World {
 public:
  // What a table would take for its content; empty: refused, or no file.
  std::string load() {
    std::string got;
    load_state_file(path, [&](std::string_view json) -> error_code {
      auto parsed = parse_json(json);  // as lenient as the tables are
      if (!parsed) return parsed.error();
      got = json;
      return {};
    });
    return got;
  }
  std::string content(const std::string& suffix = "") { return *read_file(path + suffix); }
  void damage(const std::string& text, const std::string& suffix = "") {
    BOOST_TEST_REQUIRE(!write_file_atomically(path + suffix, text, false));
  }

  test::TempDirectory directory;
  std::string path = directory.path() + "/config/state.json";
};

const std::string kOld = R"({"offsetTable":{"T@G":{"0":41}}})";
const std::string kNew = R"({"offsetTable":{"T@G":{"0":42}}})";

}  // namespace

BOOST_AUTO_TEST_SUITE(state_files)

BOOST_FIXTURE_TEST_CASE(what_is_saved_is_read, World) {
  BOOST_TEST(load().empty());
  BOOST_TEST(StateFile(path).save(kOld));
  BOOST_TEST(load() == kOld);
  BOOST_TEST(StateFile(path).save(kNew));
  BOOST_TEST(load() == kNew);
  BOOST_TEST(content(".bak").starts_with(kOld));
}

BOOST_FIXTURE_TEST_CASE(every_flipped_bit_is_noticed_and_the_backup_read, World) {
  BOOST_TEST(StateFile(path).save(kOld));
  BOOST_TEST(StateFile(path).save(kNew));
  const std::string good = content();
  const std::string backup = content(".bak");
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
      damage(bad);
      std::string got = load();
      // Behind the JSON nothing can be damaged but the checksum.
      BOOST_TEST_REQUIRE((got == kOld || (at >= kNew.size() && got.starts_with(kNew))),
                         "byte " << at << " bit " << bit << ": " << got);
      BOOST_TEST_REQUIRE(content(".bak") == backup);
    }
  }
}

BOOST_FIXTURE_TEST_CASE(cut_and_empty_files_are_replaced_by_the_backup, World) {
  BOOST_TEST(StateFile(path).save(kOld));
  BOOST_TEST(StateFile(path).save(kNew));
  const std::string good = content();
  for (std::size_t size = 0; size < kNew.size(); ++size) {
    damage(good.substr(0, size));
    BOOST_TEST_REQUIRE(load() == kOld);
  }
  damage(std::string(good.size(), '\0'));
  BOOST_TEST(load() == kOld);
  fs::remove(path);
  BOOST_TEST(load() == kOld);
}

BOOST_FIXTURE_TEST_CASE(a_damaged_file_is_restored_and_never_becomes_the_backup, World) {
  BOOST_TEST(StateFile(path).save(kOld));
  BOOST_TEST(StateFile(path).save(kOld));
  damage("{damaged");
  BOOST_TEST(load() == kOld);
  BOOST_TEST(content().starts_with(kOld));
  BOOST_TEST(content(".damaged") == "{damaged");
  BOOST_TEST(StateFile(path).save(kNew));
  BOOST_TEST(content(".bak").starts_with(kOld));
}

// The steps of a save: the temporary file, the backup, the new name.
BOOST_FIXTURE_TEST_CASE(a_crash_between_any_two_steps_of_a_save_leaves_the_old_or_the_new, World) {
  BOOST_TEST(StateFile(path).save(kOld));
  const std::string old_file = content();
  BOOST_TEST(StateFile(path).save(kNew));
  const std::string new_file = content();
  damage(old_file);
  fs::remove(path + ".bak");
  for (const std::string& part : {std::string(), new_file.substr(0, 10), new_file}) {
    damage(part, ".tmp");
    BOOST_TEST(load() == kOld);
  }
  damage(old_file, ".bak.tmp");
  BOOST_TEST(load() == kOld);
  fs::rename(path + ".bak.tmp", path + ".bak");
  BOOST_TEST(load() == kOld);
  fs::rename(path + ".tmp", path);
  BOOST_TEST(load() == kNew);
  // What is left over does not disturb the next one.
  damage("remains", ".tmp");
  damage("remains", ".bak.tmp");
  BOOST_TEST(StateFile(path).save(kOld));
  BOOST_TEST(load() == kOld);
}

BOOST_FIXTURE_TEST_CASE(files_of_apaches_broker_have_no_checksum, World) {
  damage(kNew);
  BOOST_TEST(load() == kNew);
  BOOST_TEST(StateFile(path).save(kOld));
  BOOST_TEST(content(".bak") == kNew);
}

BOOST_FIXTURE_TEST_CASE(nothing_readable_is_an_error_that_names_the_file, World) {
  damage("{damaged");
  damage("", ".bak");
  BOOST_CHECK_EXCEPTION(load(), Error, [&](const Error& error) {
    return std::string(error.what()).find(path) != std::string::npos;
  });
}

BOOST_AUTO_TEST_SUITE_END()

#include "comet/base/file_watch.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>
#include <string>

#include "temp_directory.hpp"

using comet::FileWatch;

namespace fs = std::filesystem;

namespace {

struct Files {
  [[nodiscard]] std::string path(const std::string& name) const {
    return directory.path() + "/" + name;
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name) + ".new") << text;  // another inode: the clock may be coarse
    fs::rename(path(name) + ".new", path(name));
  }
  comet::test::TempDirectory directory;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(file_watch)

BOOST_AUTO_TEST_CASE(nothing_is_seen_while_nothing_changes) {
  Files files;
  files.write("a", "1");
  FileWatch watch({files.path("a"), files.path("missing")});
  for (int i = 0; i < 3; ++i) BOOST_TEST(!watch.look());
}

BOOST_AUTO_TEST_CASE(a_replaced_file_is_seen_once_when_it_has_come_to_rest) {
  Files files;
  files.write("a", "1");
  files.write("b", "1");
  FileWatch watch({files.path("a"), files.path("b")});
  files.write("a", "2");
  BOOST_TEST(!watch.look());  // perhaps the other follows
  files.write("b", "2");
  BOOST_TEST(!watch.look());
  BOOST_TEST(watch.look());
  BOOST_TEST(!watch.look());
}

BOOST_AUTO_TEST_CASE(a_link_that_leads_elsewhere_and_a_file_that_comes_or_goes_are_changes) {
  Files files;
  files.write("one", "1");
  files.write("two", "2");
  fs::create_symlink("one", files.path("link"));
  FileWatch watch({files.path("link")});
  fs::create_symlink("two", files.path("link.new"));
  fs::rename(files.path("link.new"), files.path("link"));
  BOOST_TEST(!watch.look());
  BOOST_TEST(watch.look());
  fs::remove(files.path("two"));
  BOOST_TEST(!watch.look());
  BOOST_TEST(watch.look());
  files.write("two", "3");
  BOOST_TEST(!watch.look());
  BOOST_TEST(watch.look());
}

BOOST_AUTO_TEST_SUITE_END()

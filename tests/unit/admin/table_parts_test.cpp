// Tables that come in parts, from brokers that count and from those that do not.

#include <boost/test/unit_test.hpp>

#include "../../../libs/admin/src/table_parts.hpp"

using namespace comet;
using namespace comet::admin;

namespace {

using Parts = TableParts<int>;

routing::DataVersion version(std::int64_t counter) {
  routing::DataVersion made;
  made.counter = counter;
  return made;
}

// Entries from `begin` on, before `end`, by name.
Parts::Entries entries(int begin, int end) {
  Parts::Entries made;
  for (; begin < end; ++begin) made.emplace(std::to_string(100'000 + begin), begin);
  return made;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(table_parts)

BOOST_AUTO_TEST_CASE(a_table_whose_size_is_not_told_is_whole) {
  Parts parts;
  BOOST_TEST(*parts.next() == 0);
  BOOST_TEST(parts.version().empty());
  BOOST_TEST(!parts.take(entries(0, 5000), version(1), std::nullopt));
  BOOST_TEST(parts.entries().size() == 5000U);
}

BOOST_AUTO_TEST_CASE(parts_are_asked_for_until_there_are_as_many_entries_as_the_broker_has) {
  Parts parts;
  BOOST_TEST(parts.take(entries(0, 2000), version(1), 4100));
  BOOST_TEST(*parts.next() == 2000);
  BOOST_TEST((routing::parse_data_version(parts.version()).value() == version(1)));
  BOOST_TEST(parts.take(entries(2000, 4000), version(1), 4100));
  BOOST_TEST(!parts.take(entries(4000, 4100), version(1), 4100));
  BOOST_TEST((parts.entries() == entries(0, 4100)));
}

BOOST_AUTO_TEST_CASE(a_part_without_an_entry_is_the_last) {
  Parts parts;
  BOOST_TEST(parts.take(entries(0, 2000), version(1), 4100));
  BOOST_TEST(!parts.take({}, version(1), 4100));
}

BOOST_AUTO_TEST_CASE(a_table_that_has_changed_is_read_from_its_begin) {
  Parts parts;
  BOOST_TEST(parts.take(entries(0, 2000), version(1), 4000));
  BOOST_TEST(parts.take(entries(10, 2010), version(2), 4010));
  BOOST_TEST((parts.entries() == entries(10, 2010)));
  BOOST_TEST(!parts.take(entries(2010, 4020), version(2), 4010));
}

BOOST_AUTO_TEST_CASE(a_table_that_changes_without_end_is_asked_for_as_a_whole) {
  Parts parts;
  std::int64_t changes = 0;
  for (; parts.next() && changes < 100; ++changes) {
    BOOST_TEST(parts.take(entries(0, 2000), version(changes), 4000));
  }
  BOOST_TEST(changes == 12);
  BOOST_TEST(!parts.take(entries(0, 4000), version(changes), 4000));
  BOOST_TEST(parts.entries().size() == 4000U);
}

BOOST_AUTO_TEST_SUITE_END()

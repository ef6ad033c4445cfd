#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <ctime>
#include <set>
#include <thread>
#include <vector>

#include "comet/message/message_id.hpp"

using namespace comet;

BOOST_AUTO_TEST_SUITE(message_id)

BOOST_AUTO_TEST_CASE(offset_ids_are_host_and_offset_in_hex) {
  IpEndpoint host = IpEndpoint::v4({192, 168, 1, 2}, 10911);
  std::string id = make_offset_message_id(host, 1234567890);
  BOOST_TEST(id == "C0A8010200002A9F00000000499602D2");
  OffsetMessageId parsed = parse_offset_message_id(id).value();
  BOOST_TEST((parsed.store_host == host));
  BOOST_TEST(parsed.physical_offset == 1234567890);
  BOOST_TEST(parse_offset_message_id("c0a8010200002a9f00000000499602d2").value().physical_offset ==
             1234567890);
}

BOOST_AUTO_TEST_CASE(offset_ids_of_ipv6_hosts_have_56_characters) {
  std::array<std::uint8_t, 16> ip{0xfe, 0x80};
  IpEndpoint host = IpEndpoint::v6(ip, 1);
  std::string id = make_offset_message_id(host, 7);
  BOOST_TEST(id == "FE800000000000000000000000000000000000010000000000000007");
  OffsetMessageId parsed = parse_offset_message_id(id).value();
  BOOST_TEST((parsed.store_host == host));
  BOOST_TEST(parsed.physical_offset == 7);
}

BOOST_AUTO_TEST_CASE(other_texts_are_no_offset_ids) {
  for (const char* text :
       {"", "C0A8010200002A9F00000000499602D", "C0A8010200002A9F00000000499602DG",
        "C0A8010200012A9F00000000499602D2",  // port beyond 65535
        "C0A8010200002A9FF0000000499602D2",  // negative offset
        "C0A8010200002A9F00000000499602D200"}) {
    BOOST_TEST(parse_offset_message_id(text).has_error(), text);
  }
}

BOOST_AUTO_TEST_CASE(unique_ids_are_unique_over_threads) {
  constexpr int kThreads = 4;
  constexpr int kEach = 10000;
  std::vector<std::vector<std::string>> ids(kThreads);
  std::vector<std::thread> threads;
  for (auto& mine : ids) {
    threads.emplace_back([&mine] {
      for (int i = 0; i < kEach; ++i) mine.push_back(make_unique_id(1'700'000'000'000));
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::string> all;
  for (const auto& mine : ids) all.insert(mine.begin(), mine.end());
  BOOST_TEST(all.size() == static_cast<std::size_t>(kThreads * kEach));
  BOOST_TEST((all.begin()->size() == 32U || all.begin()->size() == 56U));
}

BOOST_AUTO_TEST_CASE(unique_ids_carry_the_time_since_the_month_began) {
  std::tm begin{};
  begin.tm_year = 126;
  begin.tm_mon = 10;
  begin.tm_mday = 1;
  begin.tm_isdst = -1;
  std::int64_t month = static_cast<std::int64_t>(std::mktime(&begin)) * 1000;
  auto time_part = [](const std::string& id) { return id.substr(id.size() - 12, 8); };
  BOOST_TEST(time_part(make_unique_id(month)) == "00000000");
  BOOST_TEST(time_part(make_unique_id(month + 0x1234567)) == "01234567");
  // The month before ends one millisecond earlier: October has 31 days.
  BOOST_TEST(time_part(make_unique_id(month - 1)) != "FFFFFFFF");
}

BOOST_AUTO_TEST_SUITE_END()

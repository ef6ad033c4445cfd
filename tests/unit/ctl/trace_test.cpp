#include "trace_records.hpp"

#include <boost/test/unit_test.hpp>

using namespace comet;
using namespace comet::ctl;

namespace {

MessageExt trace_of(const std::string& body) {
  MessageExt message;
  message.body(body);
  message.born_timestamp = 99;
  message.born_host = IpEndpoint::v4({10, 0, 0, 3}, 4711);
  return message;
}

std::string join(std::initializer_list<const char*> fields) {
  std::string text;
  for (const char* field : fields) text += (text.empty() ? "" : "\x01") + std::string(field);
  return text + '\x02';
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ctl_traces)

BOOST_AUTO_TEST_CASE(records_of_one_message_are_read_in_order) {
  const std::string body =
      join({"Pub", "1795218460000", "DefaultRegion", "PG", "T1", "ID1", "A", "k1", "10.0.0.1:10911",
            "5", "7", "0", "OFF", "true"}) +
      join({"Pub", "1795218460001", "DefaultRegion", "PG", "T1", "ID2", "A", "k1", "10.0.0.1:10911",
            "5", "7", "0", "OFF", "false"}) +
      join({"SubBefore", "1795218460002", "DefaultRegion", "CG", "R1", "ID1", "0", "k1"}) +
      join({"SubAfter", "R1", "ID1", "3", "true", "k1", "0", "1795218460005", "CG"}) +
      join({"SubAfter", "R1", "ID1", "4", "false", "k1"});
  std::vector<TraceRecord> records;
  parse_trace(trace_of(body), "ID1", records);
  BOOST_REQUIRE(records.size() == 4u);
  BOOST_TEST(records[0].type == "Pub");
  BOOST_TEST(records[0].group == "PG");
  BOOST_TEST(records[0].topic == "T1");
  BOOST_TEST(records[0].store_host == "10.0.0.1:10911");
  BOOST_TEST(records[0].spent == 7);
  BOOST_TEST(records[0].success);
  BOOST_TEST(records[0].client == "10.0.0.3:4711");
  BOOST_TEST(records[1].type == "SubBefore");
  BOOST_TEST(records[1].time == 1795218460002);
  BOOST_TEST(records[2].group == "CG");
  BOOST_TEST(records[2].time == 1795218460005);
  BOOST_TEST(!records[3].success);
  BOOST_TEST(records[3].time == 99);  // older clients do not say
}

BOOST_AUTO_TEST_CASE(what_is_no_trace_is_left_out) {
  std::vector<TraceRecord> records;
  for (const char* body : {"", "Pub", "Pub\x01x", "\x02\x02\x01", "Other\x01ID1\x01ID1"})
    parse_trace(trace_of(body), "ID1", records);
  BOOST_TEST(records.empty());
}

BOOST_AUTO_TEST_SUITE_END()

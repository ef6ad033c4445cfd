#include "comet/client/namespaces.hpp"

#include <boost/test/unit_test.hpp>

namespace comet::inline v0_1::client {
namespace {

BOOST_AUTO_TEST_SUITE(namespaces)

BOOST_AUTO_TEST_CASE(topics_and_groups_are_wrapped_as_apache_does) {
  BOOST_TEST(wrap_namespace("ns", "T") == "ns%T");
  BOOST_TEST(wrap_namespace("ns", "%RETRY%g") == "%RETRY%ns%g");
  BOOST_TEST(wrap_namespace("ns", "%DLQ%g") == "%DLQ%ns%g");
  BOOST_TEST(wrap_namespace("ns", "ns%T") == "ns%T");
  BOOST_TEST(wrap_namespace("ns", "%RETRY%ns%g") == "%RETRY%ns%g");
  BOOST_TEST(wrap_namespace("", "T") == "T");
  BOOST_TEST(wrap_namespace("ns", "") == "");
}

BOOST_AUTO_TEST_CASE(names_of_the_system_have_no_namespace) {
  for (const char* name : {"TBW102", "RMQ_SYS_TRACE_TOPIC", "rmq_sys_x", "CID_RMQ_SYS_y"}) {
    BOOST_TEST(wrap_namespace("ns", name) == name);
    BOOST_TEST(unwrap_namespace("ns", name) == name);
  }
}

BOOST_AUTO_TEST_CASE(unwrapping_is_the_way_back) {
  for (const char* name : {"T", "%RETRY%g", "%DLQ%g", "a%b"}) {
    BOOST_TEST(unwrap_namespace("ns", wrap_namespace("ns", name)) == name);
  }
  BOOST_TEST(unwrap_namespace("ns", "other%T") == "other%T");
  BOOST_TEST(unwrap_namespace("ns", "nsT") == "nsT");
  BOOST_TEST(unwrap_namespace("", "ns%T") == "ns%T");
}

BOOST_AUTO_TEST_CASE(lists_may_have_schemes_and_name_an_instance) {
  const NameServerList plain = parse_name_server_list("a:1;b:2;");
  BOOST_TEST(plain.addresses.size() == 2u);
  BOOST_TEST(plain.name_space.empty());
  BOOST_TEST(parse_name_server_list("http://a:1").addresses.at(0).host() == "a");
  BOOST_TEST(parse_name_server_list("http://MQ_INST_12_ab.h.x:80").name_space == "MQ_INST_12_ab");
  for (const char* none : {"MQ_INST_12.h:80", "MQ_INST__a.h:80", "MQ_INST_1_.h:80", "x.y:80"}) {
    BOOST_TEST(parse_name_server_list(none).name_space.empty());
  }
  BOOST_CHECK_THROW(parse_name_server_list("http://a"), Error);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace comet::inline v0_1::client

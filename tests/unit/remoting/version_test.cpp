#include "comet/remoting/version.hpp"

#include <boost/test/unit_test.hpp>

#include "comet/remoting/command.hpp"

using namespace comet::remoting;

BOOST_AUTO_TEST_SUITE(version)

BOOST_AUTO_TEST_CASE(versions_have_apaches_names) {
  BOOST_TEST(version_name(0) == "V3_0_0_SNAPSHOT");
  BOOST_TEST(version_name(15) == "V3_0_0_FINAL");
  BOOST_TEST(version_name(17) == "V3_0_1");
  BOOST_TEST(version_name(28) == "V3_0_7_SNAPSHOT");
  BOOST_TEST(version_name(62) == "V3_1_8_SNAPSHOT");
  BOOST_TEST(version_name(kVersionV3_4_9) == "V3_4_9");
  BOOST_TEST(version_name(kVersionV4_9_4) == "V4_9_4");
  BOOST_TEST(version_name(kVersion) == "V4_9_8");
  BOOST_TEST(version_name(kVersionV5_0_0) == "V5_0_0");
  BOOST_TEST(version_name(kVersionV5_3_1) == "V5_3_1");
  BOOST_TEST(version_name(-1) == "UNKNOWN");
}

BOOST_AUTO_TEST_SUITE_END()

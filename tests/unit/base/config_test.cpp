#include "comet/base/config.hpp"

#include <boost/test/unit_test.hpp>

#include <stdexcept>
#include <string>

using comet::Config;
using comet::ConfigKey;
using comet::Error;
using comet::Properties;

namespace {

constexpr ConfigKey kKeys[] = {
    ConfigKey::integer("listenPort", "9876", 1, 65535, "port to listen on"),
    ConfigKey::text("bindAddress", "127.0.0.1", "address to listen on"),
    ConfigKey::boolean("autoCreateTopicEnable", true, "create topics at the first send"),
    ConfigKey::choice("flushDiskType", "ASYNC_FLUSH", "ASYNC_FLUSH|SYNC_FLUSH", "when to answer"),
    ConfigKey::text("home", "", "home directory"),
    ConfigKey::no_effect("serverWorkerThreads"),
    ConfigKey::no_effect("useEpollNativeSelector"),
    ConfigKey::unsupported("enableController", "there is no embedded controller"),
    ConfigKey::clamped("diskRatio", "75", 10, 95, "% of the disk"),
    ConfigKey::refused("aclEnable", "false", "there are no rules; remove the line"),
    ConfigKey::refused("copies", "|0|1", "there is one copy"),
};

Properties parse(std::string_view text) { return Properties::parse(text).value(); }

std::string refusal(Config& config, std::string_view text) {
  try {
    config.apply(parse(text), "x.conf");
  } catch (const Error& error) {
    BOOST_TEST(error.code() == make_error_code(comet::BaseErrc::bad_value));
    return error.context();
  }
  return "accepted";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(config)

BOOST_AUTO_TEST_CASE(defaults_hold_without_settings) {
  Config config(kKeys);
  BOOST_TEST(config.integer("listenPort") == 9876);
  BOOST_TEST(config.text("bindAddress") == "127.0.0.1");
  BOOST_TEST(config.boolean("autoCreateTopicEnable"));
  BOOST_TEST(config.text("flushDiskType") == "ASYNC_FLUSH");
  BOOST_TEST(!config.is_set("listenPort"));
  BOOST_TEST(config.warnings().empty());
}

BOOST_AUTO_TEST_CASE(later_settings_replace_earlier_ones) {
  Config config(kKeys);
  config.apply(parse("listenPort = 1000 \nautoCreateTopicEnable=FALSE\n"), "x.conf");
  config.set("listenPort", "2000", "command line");
  BOOST_TEST(config.integer("listenPort") == 2000);
  BOOST_TEST(!config.boolean("autoCreateTopicEnable"));
  BOOST_TEST(config.is_set("listenPort"));
}

BOOST_AUTO_TEST_CASE(a_default_known_at_run_time_yields_to_settings) {
  Config config(kKeys);
  config.set_default("home", "/home/a");
  BOOST_TEST(config.text("home") == "/home/a");
  BOOST_TEST(!config.is_set("home"));
  config.set("home", "/home/b", "command line");
  config.set_default("home", "/home/c");
  BOOST_TEST(config.text("home") == "/home/b");
}

BOOST_AUTO_TEST_CASE(wrong_values_are_refused_with_what_is_allowed) {
  Config config(kKeys);
  BOOST_TEST(refusal(config, "listenPort=98x") ==
             "x.conf:1: listenPort = \"98x\" must be a whole number from 1 to 65535");
  BOOST_TEST(refusal(config, "listenPort=65536") ==
             "x.conf:1: listenPort = \"65536\" must be a whole number from 1 to 65535");
  BOOST_TEST(refusal(config, "listenPort=") ==
             "x.conf:1: listenPort = \"\" must be a whole number from 1 to 65535");
  BOOST_TEST(refusal(config, "autoCreateTopicEnable=yes") ==
             "x.conf:1: autoCreateTopicEnable = \"yes\" must be true or false");
  BOOST_TEST(refusal(config, "flushDiskType=SYNC") ==
             "x.conf:1: flushDiskType = \"SYNC\" must be one of ASYNC_FLUSH|SYNC_FLUSH");
  BOOST_TEST(config.error("home", "must exist").context() == "default: home = \"\" must exist");
}

BOOST_AUTO_TEST_CASE(all_wrong_values_of_a_file_are_named_with_their_lines_and_change_nothing) {
  Config config(kKeys);
  BOOST_TEST(
      refusal(config, "# a comment\nlistenPort=0\n\nhome=\\\n  /data\nflushDiskType=soon\n") ==
      "x.conf:2: listenPort = \"0\" must be a whole number from 1 to 65535\n"
      "x.conf:6: flushDiskType = \"soon\" must be one of ASYNC_FLUSH|SYNC_FLUSH");
  BOOST_TEST(config.integer("listenPort") == 9876);
  BOOST_TEST(config.text("home") == "/data");
}

BOOST_AUTO_TEST_CASE(numbers_are_read_with_their_sign_and_never_wrap_round) {
  Config config(kKeys);
  for (const char* bad : {"-1", "-9223372036854775808", "18446744073709551617", "65536", "1.5",
                          "0x10", "1 2", "+-1", "++1", "+"}) {
    BOOST_TEST(refusal(config, std::string("listenPort=") + bad) != "accepted", bad);
  }
  BOOST_TEST(refusal(config, "listenPort=+1000") == "accepted");
  BOOST_TEST(config.integer("listenPort") == 1000);
}

BOOST_AUTO_TEST_CASE(a_number_that_apache_moves_into_its_range_is_moved_with_a_warning) {
  Config config(kKeys);
  config.apply(parse("\ndiskRatio=99\n"), "x.conf");
  BOOST_TEST(config.integer("diskRatio") == 95);
  BOOST_TEST(config.shown("diskRatio") == "95");
  BOOST_REQUIRE(config.warnings().size() == 1u);
  BOOST_TEST(config.warnings()[0] == "x.conf:2: diskRatio = \"99\" is taken as 95, as Apache does");
  config.apply(parse("diskRatio=-9223372036854775808"), "x.conf");
  BOOST_TEST(config.integer("diskRatio") == 10);
  config.apply(parse("diskRatio=80"), "x.conf");
  BOOST_TEST(config.integer("diskRatio") == 80);
  BOOST_TEST(config.warnings().size() == 2u);
  BOOST_TEST(refusal(config, "diskRatio=x") ==
             "x.conf:1: diskRatio = \"x\" must be a whole number from 10 to 95");
}

BOOST_AUTO_TEST_CASE(a_key_that_must_not_be_ignored_takes_only_values_that_ask_for_nothing) {
  Config config(kKeys);
  BOOST_TEST(
      refusal(config, "aclEnable=true") ==
      "x.conf:1: aclEnable = \"true\" cannot be served: there are no rules; remove the line");
  BOOST_TEST(refusal(config, "aclEnable=yes") != "accepted");
  BOOST_TEST(refusal(config, "copies=2") != "accepted");
  BOOST_TEST(refusal(config, "aclEnable=False\ncopies=1\n") == "accepted");
  BOOST_TEST(refusal(config, "copies=\n") == "accepted");
  BOOST_TEST(config.warnings().empty());
  BOOST_TEST(!config.has("aclEnable"));
  BOOST_TEST(config.print().find("aclEnable") == std::string::npos);
  config.set("aclEnabled", "true", "x.conf");
  BOOST_TEST(config.unknown_keys().at(0) ==
             "x.conf: unknown key \"aclEnabled\" has no effect; did you mean aclEnable?");
}

BOOST_AUTO_TEST_CASE(an_unknown_key_names_the_nearest_one) {
  Config config(kKeys);
  config.set("listenport", "1", "x.conf");
  config.set("flushDiskTyp", "1", "x.conf");
  config.set("somethingElseEntirely", "1", "x.conf");
  config.set(std::string(100'000, 'q') + "\n", "1", "x.conf");
  const auto warnings = config.warnings();
  BOOST_REQUIRE(warnings.size() == 4u);
  BOOST_TEST(warnings[0] ==
             "x.conf: unknown key \"listenport\" has no effect; did you mean listenPort?");
  BOOST_TEST(warnings[1] ==
             "x.conf: unknown key \"flushDiskTyp\" has no effect; did you mean flushDiskType?");
  BOOST_TEST(warnings[2] == "x.conf: unknown key \"somethingElseEntirely\" has no effect");
  BOOST_TEST(warnings[3].size() < 200u);
  BOOST_TEST(config.integer("listenPort") == 9876);
}

BOOST_AUTO_TEST_CASE(keys_without_effect_share_one_warning_and_unsupported_ones_say_why) {
  Config config(kKeys);
  config.apply(parse("serverWorkerThreads=8\nuseEpollNativeSelector=true\nenableController=true\n"),
               "x.conf");
  const auto warnings = config.warnings();
  BOOST_REQUIRE(warnings.size() == 2u);
  BOOST_TEST(warnings[0] ==
             "x.conf:3: enableController has no effect here: there is no embedded controller");
  BOOST_TEST(warnings[1] ==
             "x.conf: accepted without effect: serverWorkerThreads, useEpollNativeSelector");
}

BOOST_AUTO_TEST_CASE(what_is_printed_reads_back_as_the_same_configuration) {
  Config config(kKeys);
  config.set("home", "C:\\data\tx", "command line");
  config.set("listenPort", "1234", "x.conf");
  const std::string printed = config.print();
  BOOST_TEST(printed ==
             "# defaults\nbindAddress=127.0.0.1\nautoCreateTopicEnable=true\n"
             "flushDiskType=ASYNC_FLUSH\ndiskRatio=75\n# from command line\nhome=C:\\\\data\\tx\n"
             "# from x.conf\nlistenPort=1234\n");
  BOOST_TEST(config.print_values() ==
             "bindAddress=127.0.0.1\nautoCreateTopicEnable=true\nflushDiskType=ASYNC_FLUSH\n"
             "diskRatio=75\nhome=C:\\\\data\\tx\nlistenPort=1234\n");
  Config again(kKeys);
  again.apply(parse(printed), "printed");
  BOOST_TEST(again.text("home") == "C:\\data\tx");
  BOOST_TEST(again.integer("listenPort") == 1234);
  BOOST_TEST(again.warnings().empty());
}

BOOST_AUTO_TEST_CASE(the_description_lists_every_used_key) {
  Config config(kKeys);
  config.set_default("home", "/root");
  BOOST_TEST(config.describe() ==
             "  listenPort             port to listen on (9876)\n"
             "  bindAddress            address to listen on (127.0.0.1)\n"
             "  autoCreateTopicEnable  create topics at the first send (true)\n"
             "  flushDiskType          when to answer (ASYNC_FLUSH)\n"
             "  home                   home directory (/root)\n"
             "  diskRatio              % of the disk (75)\n");
}

BOOST_AUTO_TEST_CASE(asking_for_a_key_that_is_not_in_the_table_is_a_programming_error) {
  Config config(kKeys);
  BOOST_CHECK_THROW((void)config.text("nothing"), std::logic_error);
  BOOST_CHECK_THROW((void)config.text("listenPort"), std::logic_error);
  BOOST_CHECK_THROW((void)config.text("serverWorkerThreads"), std::logic_error);
}

BOOST_AUTO_TEST_SUITE_END()

#include "arguments.hpp"

#include <boost/test/unit_test.hpp>
#include <set>

#include "help.hpp"
#include "subcommand.hpp"
#include "times.hpp"

using namespace comet;
using namespace comet::ctl;

namespace {

constexpr Option kOptions[] = {{"topic", 't', "TOPIC", "the topic", true},
                               {"number", 'r', "N", "a number"},
                               {"force", 'f', "BOOL", "a truth"},
                               {"showAll", 'a', "", "a flag"},
                               {"time", 's', "TIME", "a time"},
                               {"brokerAddr", 'b', "ADDRESS", "an address"}};

Arguments parse(const std::vector<std::string>& words) { return Arguments::parse(kOptions, words); }
std::string complaint(const std::vector<std::string>& words) {
  try {
    parse(words);
  } catch (const UsageError& error) {
    return error.what();
  }
  return {};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ctl_arguments)

BOOST_AUTO_TEST_CASE(letters_and_names_mean_the_same) {
  BOOST_TEST(parse({"-t", "T1"}).text("topic") == "T1");
  BOOST_TEST(parse({"--topic", "T1"}).text("topic") == "T1");
  BOOST_TEST(parse({"--topic=T1"}).text("topic") == "T1");
  BOOST_TEST(parse({"-tT1"}).text("topic") == "T1");
  BOOST_TEST(parse({"-t", " T1 "}).text("topic") == "T1");
  BOOST_TEST(parse({"-t", "T1", "-a"}).has("showAll"));
  BOOST_TEST(!parse({"-t", "T1"}).has("showAll"));
}

BOOST_AUTO_TEST_CASE(values_have_types_and_ranges) {
  const Arguments arguments =
      parse({"-t", "T", "-r", "17", "-f", "true", "-s", "-1", "-b", "10.0.0.1:10911"});
  BOOST_TEST(arguments.number("number", 5, 0, 20) == 17);
  BOOST_TEST(arguments.boolean("force", false));
  BOOST_TEST(arguments.time("time", 0) == kNow);
  BOOST_TEST((arguments.address("brokerAddr") == Address("10.0.0.1", 10911)));
  BOOST_CHECK_THROW(static_cast<void>(arguments.number("number", 5, 0, 16)), UsageError);
  const Arguments none = parse({"-t", "T"});
  BOOST_TEST(none.number("number", 5, 0, 20) == 5);
  BOOST_TEST(none.text_or("time", "x") == "x");
  BOOST_CHECK_THROW(static_cast<void>(none.text("time")), UsageError);
}

BOOST_AUTO_TEST_CASE(values_of_the_wrong_form_are_refused) {
  const Arguments wrong = parse({"-t", "T", "-r", "1x", "-f", "yes", "-s", "soon", "-b", "here"});
  BOOST_CHECK_THROW(static_cast<void>(wrong.number("number", 5, 0, 20)), UsageError);
  BOOST_CHECK_THROW(static_cast<void>(wrong.boolean("force", false)), UsageError);
  BOOST_CHECK_THROW(static_cast<void>(wrong.time("time", 0)), UsageError);
  BOOST_CHECK_THROW(static_cast<void>(wrong.address("brokerAddr")), UsageError);
}

BOOST_AUTO_TEST_CASE(wrong_command_lines_say_what_is_wrong) {
  BOOST_TEST(complaint({}) == "-t (--topic) is missing");
  BOOST_TEST(complaint({"-t", ""}) == "-t (--topic) is missing");
  BOOST_TEST(complaint({"-t", "T", "stray"}).find("behind an option") != std::string::npos);
  BOOST_TEST(complaint({"-t", "T", "--nothing", "x"}).find("nothing") != std::string::npos);
  BOOST_TEST(complaint({"-t"}).find("topic") != std::string::npos);
  BOOST_TEST(complaint({"--help"}).empty());
}

BOOST_AUTO_TEST_CASE(times_are_read_as_mqadmin_reads_them) {
  BOOST_TEST(parse_time("now").value() == -1);
  BOOST_TEST(parse_time("1795218460496").value() == 1795218460496);
  const std::int64_t day = parse_time("2026-11-21").value();
  BOOST_TEST(parse_time("2026-11-21#01:02:03:004").value() == day + 3'723'004);
  BOOST_TEST(parse_time("2026-11-21 01:02:03").value() == day + 3'723'000);
  BOOST_TEST(format_time(day + 3'723'004) == "2026-11-21 01:02:03.004");
  for (const char* text : {"", "soon", "2026-13-01", "2026-02-30", "2026-11-21#01:02:03",
                           "2026-11-21#01:61:03:004", "12h", "2026-11-21T01:02:03"})
    BOOST_TEST(!parse_time(text).has_value(), text);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(ctl_subcommands)

BOOST_AUTO_TEST_CASE(names_and_letters_are_unambiguous) {
  std::set<std::string_view> names;
  for (const Subcommand& one : subcommands()) {
    BOOST_TEST(names.insert(one.name).second, one.name);
    BOOST_TEST(!one.help.empty());
    std::set<std::string_view> options;
    std::set<char> letters;
    for (const auto table : {one.options, common_options()}) {
      for (const Option& option : table) {
        BOOST_TEST(options.insert(option.name).second, one.name << " --" << option.name);
        if (option.letter != 0)
          BOOST_TEST(letters.insert(option.letter).second, one.name << " -" << option.letter);
        BOOST_TEST((!option.required || !option.value.empty()));
      }
    }
  }
  BOOST_TEST(names.size() >= 40u);
}

BOOST_AUTO_TEST_CASE(subcommands_are_found_in_any_case_and_nearly) {
  BOOST_TEST(find_subcommand("TOPICLIST")->name == "topicList");
  BOOST_TEST(find_subcommand("topicLis") == nullptr);
  BOOST_TEST(nearest_subcommand("topicLis") == "topicList");
  BOOST_TEST(nearest_subcommand("queryMsgByld") == "queryMsgById");
  BOOST_TEST(nearest_subcommand("xxxxxxxxxxxxxxxxxxxx").empty());
}

BOOST_AUTO_TEST_CASE(help_and_completion_name_every_subcommand_and_option) {
  const std::string list = list_subcommands();
  const std::string script = bash_completion();
  const std::string reference = markdown_reference();
  for (const Subcommand& one : subcommands()) {
    const std::string name(one.name);
    BOOST_TEST(list.find("  " + name + " ") != std::string::npos, name);
    BOOST_TEST(script.find("    " + name + ") words=\"") != std::string::npos, name);
    BOOST_TEST(reference.find("#### " + name + "\n") != std::string::npos, name);
    const std::string help = describe(one);
    for (const Option& option : one.options) {
      BOOST_TEST(help.find("--" + std::string(option.name)) != std::string::npos);
      BOOST_TEST(script.find("--" + std::string(option.name)) != std::string::npos);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

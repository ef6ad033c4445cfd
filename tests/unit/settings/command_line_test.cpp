#include "command_line.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include "comet/base/error.hpp"

using namespace comet;
using program::CommandLine;
using program::UsageError;

namespace {

program::Options options() {
  program::Options description("Options");
  auto option = description.add_options();
  option("port,p", program::number_option(9876), "");
  option("rate", program::number_option(0), "");
  option("file,c", boost::program_options::value<std::string>(), "");
  option("print", "");
  return description;
}

CommandLine parse(std::vector<const char*> words, std::size_t most_words = 0) {
  words.insert(words.begin(), "program");
  return {static_cast<int>(words.size()), words.data(), options(), most_words};
}

template <class Body>
std::string refusal(Body body) {
  try {
    body();
  } catch (const UsageError& problem) {
    return problem.what();
  }
  return "accepted";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(command_line)

BOOST_AUTO_TEST_CASE(an_argument_behind_no_option_is_named) {
  BOOST_TEST(refusal([] { parse({"broker.conf"}); }) ==
             "'broker.conf' stands behind no option that takes a value");
  BOOST_TEST(refusal([] { parse({"--print", "41976"}); }).find("'41976'") != std::string::npos);
  BOOST_TEST(refusal([] { parse({"--", "x"}); }).find("'x'") != std::string::npos);
  BOOST_TEST(refusal([] { parse({"one", "two"}, 1); }).find("'two'") != std::string::npos);
  BOOST_TEST((parse({"one", "two"}, 2).words() == std::vector<std::string>{"one", "two"}));
}

BOOST_AUTO_TEST_CASE(a_number_is_read_with_its_sign_and_refused_with_its_range) {
  const auto port = [](const char* text) {
    return refusal([text] { (void)parse({"--port", text}).number("port", 0, 65535); });
  };
  BOOST_TEST(port("-1") == "--port -1: must be a whole number from 0 to 65535");
  for (const char* bad : {"65536", "-65535", "4294967296", "18446744073709551616", "1.5", "", " 1",
                          "1 ", "0x10", "one", "1e3"}) {
    BOOST_TEST(port(bad).find("must be a whole number from 0 to 65535") != std::string::npos, bad);
  }
  BOOST_TEST(parse({"--port=65535"}).number("port", 0, 65535) == 65535);
  BOOST_TEST(parse({"-p", "0"}).number("port", 0, 65535) == 0);
  BOOST_TEST(parse({}).number("port", 0, 65535) == 9876);
}

BOOST_AUTO_TEST_CASE(a_real_number_is_finite_and_in_its_range) {
  const auto rate = [](const char* text) {
    return refusal([text] { (void)parse({"--rate", text}).real("rate", 0, 1e7); });
  };
  for (const char* bad : {"nan", "inf", "-inf", "-0.5", "1e8", "1e400", "", "x"}) {
    BOOST_TEST(rate(bad).find("must be a number from 0 to") != std::string::npos, bad);
  }
  BOOST_TEST(parse({"--rate", "0.5"}).real("rate", 0, 1e7) == 0.5);
}

BOOST_AUTO_TEST_CASE(options_are_not_guessed_and_values_are_not_empty) {
  BOOST_TEST(refusal([] { parse({"--fil", "x"}); }) != "accepted");
  BOOST_TEST(refusal([] { parse({"--unknown"}); }) != "accepted");
  BOOST_TEST(refusal([] { parse({"--file"}); }) != "accepted");
  BOOST_TEST(refusal([] { (void)parse({"-c", ""}).text_or("file", "none"); }) == "--file is empty");
  BOOST_TEST(parse({}).text_or("file", "none") == "none");
}

BOOST_AUTO_TEST_CASE(what_is_thrown_decides_about_the_exit_code) {
  const auto code = [](auto problem, int code_of_errors = program::kFailed) {
    return program::run("program", [&]() -> int { throw problem; }, code_of_errors);
  };
  BOOST_TEST(program::run("program", [] { return program::kOk; }) == 0);
  BOOST_TEST(code(UsageError("x")) == 2);
  BOOST_TEST(code(std::runtime_error("x")) == 1);
  BOOST_TEST(code(Error(BaseErrc::bad_value, "x")) == 1);
  BOOST_TEST(code(Error(BaseErrc::bad_value, "x"), program::kUsage) == 2);
}

BOOST_AUTO_TEST_SUITE_END()

#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <limits>
#include <stdexcept>
#include <string>

#include "comet/base/address.hpp"
#include "comet/base/ascii.hpp"
#include "comet/base/body.hpp"
#include "comet/base/bytes.hpp"
#include "comet/base/files.hpp"
#include "comet/base/parse_number.hpp"
#include "comet/base/properties.hpp"

using namespace comet;

BOOST_AUTO_TEST_CASE(properties_are_read_as_java_reads_them) {
  auto properties = Properties::parse(
      "# comment\n! comment\n  brokerName = broker-a  \nlistenPort:10911\r\n"
      "path\\ with\\ spaces=C:\\\\x\nlong=one \\\n    two\nempty=\nkeyonly\nunicode=\\u4e2d\\u6587 "
      "\\uD83D\\uDE00\n"
      "listenPort=10912\nlast=no newline");
  BOOST_REQUIRE(properties);
  BOOST_TEST(*properties->find("brokerName") == "broker-a  ");
  BOOST_TEST(*properties->find("listenPort") == "10912");
  BOOST_TEST(*properties->find("path with spaces") == "C:\\x");
  BOOST_TEST(*properties->find("long") == "one two");
  BOOST_TEST(properties->find("empty")->empty());
  BOOST_TEST(properties->find("keyonly")->empty());
  BOOST_TEST(*properties->find("unicode") == "\u4e2d\u6587 \U0001F600");
  BOOST_TEST(*properties->find("last") == "no newline");
  BOOST_TEST(properties->find("# comment") == nullptr);
  BOOST_TEST(!Properties::parse("a=\\u12"));
}

BOOST_AUTO_TEST_CASE(a_missing_properties_file_is_named) {
  BOOST_CHECK_EXCEPTION(
      Properties::load("/nonexistent/broker.conf"), Error, [](const Error& error) {
        return std::string(error.what()).find("/nonexistent/broker.conf") != std::string::npos;
      });
}

BOOST_AUTO_TEST_CASE(addresses_parse_and_print) {
  BOOST_TEST(IpEndpoint::parse("192.168.1.2:10911")->to_string() == "192.168.1.2:10911");
  BOOST_TEST(IpEndpoint::parse("[::1]:80")->to_string() == "[::1]:80");
  BOOST_TEST(IpEndpoint::parse("[::1]:80")->is_loopback());
  BOOST_TEST(IpEndpoint::parse("127.1.2.3:80")->is_loopback());
  for (const char* bad : {"", ":", "1.2.3.4", "1.2.3.4:", "1.2.3.4:x", "1.2.3.4:65536",
                          "1.2.3.4:-1", "::1:80", "1.2.3:4"}) {
    BOOST_TEST(!IpEndpoint::parse(bad), bad);
  }
  for (const char* ip : {"::1", "[::1]"}) {
    BOOST_TEST(IpEndpoint::parse_ip(ip, 80)->to_string() == "[::1]:80", ip);
  }
  BOOST_TEST(IpEndpoint::parse_ip("10.0.0.1", 80)->to_string() == "10.0.0.1:80");
  for (const char* bad : {"", "[]", "[::1", "::1]", "10.0.0", "host", "::1:80:x"}) {
    BOOST_TEST(!IpEndpoint::parse_ip(bad, 80), bad);
  }
  auto list = Address::parse_list(" a:1; b.example:2;;[::1]:3;");
  BOOST_TEST(list.size() == 3u);
  BOOST_TEST(list[2].to_string() == "[::1]:3");
  BOOST_CHECK_EXCEPTION(Address::parse_list("a:1;b"), Error, [](const Error& error) {
    return error.context().find("'b'") != std::string::npos;
  });
}

BOOST_AUTO_TEST_CASE(a_byte_reader_fails_for_good_at_the_end) {
  ByteReader reader(std::string_view("\0\0\0\x05hello!", 10));
  BOOST_TEST(reader.read<std::int32_t>() == 5);
  BOOST_TEST(reader.read_bytes(5) == "hello");
  BOOST_TEST(reader.ok());
  BOOST_TEST(reader.read<std::int16_t>() == 0);
  BOOST_TEST(!reader.ok());
  BOOST_TEST(reader.read_bytes(0).empty());
  ByteReader negative("abc");
  BOOST_TEST(negative.read_bytes(-1).empty());
  BOOST_TEST(!negative.ok());
}

BOOST_AUTO_TEST_CASE(a_body_keeps_its_pieces_in_order) {
  Body body;
  BOOST_TEST(body.empty());
  body.append(SharedBytes::own("one "));
  body.append(SharedBytes());
  body.append(SharedBytes::own("two "));
  body.append(SharedBytes::own("three"));
  BOOST_TEST(body.size() == 13u);
  BOOST_TEST(body.pieces() == 3u);
  BOOST_TEST(body.to_string() == "one two three");
  BOOST_TEST(Body(std::string("x")).view() == "x");
}

BOOST_AUTO_TEST_CASE(an_atomic_write_replaces_the_file_and_keeps_the_old_one_as_backup) {
  auto directory =
      std::filesystem::temp_directory_path() / ("comet_files_" + std::to_string(::getpid()));
  std::string path = (directory / "deep" / "state.json").string();
  BOOST_TEST(!write_file_atomically(path, "one", true));
  BOOST_TEST(!read_file(path + ".bak"));
  BOOST_TEST(!write_file_atomically(path, "two", true));
  BOOST_TEST(!write_file_atomically(path, "three", true));
  BOOST_TEST(*read_file(path) == "three");
  BOOST_TEST(*read_file(path + ".bak") == "two");
  BOOST_TEST(!std::filesystem::exists(path + ".tmp"));
  BOOST_TEST(!write_file_atomically(path, "four", false));
  BOOST_TEST(*read_file(path + ".bak") == "two");
  std::filesystem::remove_all(directory);
}

BOOST_AUTO_TEST_CASE(changes_of_a_properties_file_leave_its_other_keys) {
  const std::filesystem::path file =
      std::filesystem::temp_directory_path() / ("comet_changes_" + std::to_string(::getpid()));
  std::filesystem::remove(file);
  Properties changes;
  changes.set("a", "1");
  BOOST_TEST(change_properties_file(file, changes, "TEST") == "");
  changes.set("a", "2");
  changes.set("b", "x y");
  BOOST_TEST(change_properties_file(file, changes, "TEST") == "");
  BOOST_TEST(read_file(file).value() == "# Written by TEST\na=2\nb=x y\n");
  const std::string below_a_file = file.string() + "/below";
  BOOST_TEST(change_properties_file(below_a_file, changes, "TEST")
                 .starts_with("the configuration in " + below_a_file + " cannot be read: "));
  std::filesystem::remove(file);
  std::filesystem::remove(file.string() + ".bak");
}

BOOST_AUTO_TEST_CASE(a_word_of_a_list_is_all_that_stands_between_two_separators) {
  BOOST_TEST(list_has("a;bc;d", ';', "a"));
  BOOST_TEST(list_has("a;bc;d", ';', "bc"));
  BOOST_TEST(list_has("a;bc;d", ';', "d"));
  BOOST_TEST(!list_has("a;bc;d", ';', "b"));
  BOOST_TEST(!list_has("a;bc;d", ',', "a"));
  BOOST_TEST(!list_has("", ';', ""));
  BOOST_TEST(list_has("a;;b", ';', ""));
}

BOOST_AUTO_TEST_CASE(a_number_is_the_whole_text_and_fits_its_type) {
  BOOST_TEST(parse_number<std::int64_t>("-9223372036854775808").value() ==
             std::numeric_limits<std::int64_t>::min());
  BOOST_TEST(parse_number<int>("007").value() == 7);
  for (const char* text : {"", " 1", "1 ", "+1", "1x", "-", "0x10", "2147483648"}) {
    BOOST_TEST(!parse_number<std::int32_t>(text).has_value(), text);
  }
  BOOST_TEST(!parse_number<std::uint16_t>("-1").has_value());
}

BOOST_AUTO_TEST_CASE(an_exception_has_a_text_and_a_code_of_errors_has_one_too) {
  const auto caught = [](auto problem) { return std::make_exception_ptr(problem); };
  BOOST_TEST(exception_text(caught(std::runtime_error("broken"))) == "broken");
  BOOST_TEST(exception_text(caught(7)) == "unknown exception");
  BOOST_TEST(exception_text(nullptr) == "");
  BOOST_TEST((exception_code(caught(Error(BaseErrc::bad_value, "x"))) == BaseErrc::bad_value));
  BOOST_TEST(!exception_code(caught(std::runtime_error("broken"))));
  BOOST_TEST(!exception_code(nullptr));
}

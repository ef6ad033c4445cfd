// Every typed header, through both serializations and past what strange peers put into fields.
#include "typed_headers.hpp"

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <regex>
#include <set>
#include <sstream>
#include <vector>

#include "comet/remoting/codec.hpp"
#include "test_data.hpp"

using namespace comet;
using namespace comet::remoting;
using namespace comet::remoting::test;

namespace {

// --- values for the members of any header, different for each member ---

template <class T>
struct Plain {
  using type = T;
};
template <class T>
struct Plain<std::optional<T>> {
  using type = T;
};

class Filler {
 public:
  template <class Member>
  void fill(Member& member) {
    ++number_;
    using Value = typename Plain<Member>::type;
    if constexpr (std::is_same_v<Value, std::string>) {
      member = text();
    } else if constexpr (std::is_same_v<Value, std::string_view>) {
      member = std::string_view(*texts_.emplace_back(std::make_unique<std::string>(text())));
    } else if constexpr (std::is_same_v<Value, bool>) {
      member = number_ % 2 == 1;
    } else {
      member = std::numeric_limits<Value>::min() + static_cast<Value>(number_);
    }
  }

 private:
  // With what JSON has to escape and what separates properties.
  [[nodiscard]] std::string text() const {
    return "value \x01" + std::to_string(number_) + "\x02 \"\\/\n %RETRY% \xc3\xa4\xe2\x82\xac";
  }
  int number_ = 0;
  std::vector<std::unique_ptr<std::string>> texts_;
};

template <class Header, class Visitor>
void for_each_member(Header& header, Visitor visit) {
  std::apply([&](const auto&... described) { (visit(header.*(described.member)), ...); },
             Header::fields);
}

template <class Header>
void require_equal(const Header& a, const Header& b) {
  auto compare = [&](const auto& one) {
    BOOST_TEST((a.*(one.member) == b.*(one.member)), "field " << one.name);
  };
  std::apply([&](const auto&... described) { (compare(described), ...); }, Header::fields);
}

template <class Header>
bool has_short_names() {
  return std::apply([](const auto&... described) { return (!described.short_name.empty() || ...); },
                    Header::fields);
}

// As it comes out at the other end of a connection.
RemotingCommand through(SerializeType type, RemotingCommand command) {
  command.serialize_type = type;
  std::string bytes;
  BOOST_REQUIRE(encode_frame_head(command, bytes) == bytes.size());
  Result<FrameInfo> frame = inspect_frame(bytes, bytes.size());
  BOOST_REQUIRE(frame.has_value());
  BOOST_TEST((frame->type == type));
  RemotingCommand received;
  BOOST_REQUIRE(!decode_header(frame->type, frame->header, received));
  return received;
}

template <class Header>
void check_round_trip(SerializeType type, FieldNames names, bool with_optional) {
  Filler filler;
  Header header;
  for_each_member(header, [&](auto& member) {
    filler.fill(member);
    using Member = std::remove_reference_t<decltype(member)>;
    if constexpr (detail::IsOptional<Member>::value) {
      if (!with_optional) member.reset();
    }
  });
  RemotingCommand command = RemotingCommand::request(RequestCode::send_message);
  write_header(header, command.fields, names);
  const RemotingCommand received = through(type, std::move(command));
  std::string missing;
  Result<Header> again = read_header<Header>(received.fields, names, &missing);
  BOOST_REQUIRE_MESSAGE(again.has_value(), "missing " << missing);
  require_equal(header, *again);
}

// --- fields that no sane peer sends ---

const std::vector<std::string> kJunk = {"",
                                        " ",
                                        "null",
                                        "NaN",
                                        "-",
                                        "+1",
                                        "1.5",
                                        "1e9",
                                        "0x10",
                                        "99999999999999999999",
                                        "-99999999999999999999",
                                        "2147483648",
                                        "-2147483649",
                                        "true",
                                        "TRUE",
                                        "tru",
                                        "yes",
                                        "[1,2]",
                                        std::string(1, '\0'),
                                        "\xff\xfe",
                                        "1 ",
                                        " 1",
                                        std::string(100'000, '9'),
                                        "\x01\x02"};

template <class Header>
Fields junk_fields(const std::string& junk, FieldNames names) {
  Fields fields;
  std::apply(
      [&](const auto&... described) {
        auto add = [&](const auto& one) {
          const bool short_form = names == FieldNames::short_form && !one.short_name.empty();
          fields.add(short_form ? one.short_name : one.name, std::string_view(junk));
        };
        (add(described), ...);
      },
      Header::fields);
  fields.add("a field that nobody knows", junk);
  return fields;
}

// Whatever was read must be what the text says, and never more than it.
template <class Header>
void check_junk(const std::string& junk) {
  for (FieldNames names : {FieldNames::full, FieldNames::short_form}) {
    const Fields fields = junk_fields<Header>(junk, names);
    std::string missing;
    Result<Header> header = read_header<Header>(fields, names, &missing);
    if (!header) {
      BOOST_TEST((header.error() == RemotingErrc::missing_field));
      BOOST_TEST(!missing.empty());
      continue;
    }
    for_each_member(*header, [&](const auto& member) {
      using Member = std::remove_cvref_t<decltype(member)>;
      using Value = typename Plain<Member>::type;
      if constexpr (std::is_same_v<Value, std::string> || std::is_same_v<Value, std::string_view>) {
        if constexpr (detail::IsOptional<Member>::value) {
          BOOST_REQUIRE(member.has_value());
          BOOST_TEST(*member == junk);
        } else {
          BOOST_TEST(member == junk);
        }
      } else if constexpr (std::is_same_v<Value, bool>) {
        const bool expected = junk == "true" || junk == "TRUE";
        if constexpr (detail::IsOptional<Member>::value) {
          BOOST_TEST(member.value() == expected);
        } else {
          BOOST_TEST(member == expected);
        }
      } else if constexpr (detail::IsOptional<Member>::value) {
        if (junk != "2147483648" && junk != "-2147483649") BOOST_TEST(!member.has_value());
      }
    });
  }
}

// The names of the structs that describe fields, from the sources.
std::multiset<std::string> described_in_sources() {
  const auto folder = std::filesystem::path(comet::test::test_data()).parent_path().parent_path() /
                      "libs/remoting/include/comet/remoting";
  std::multiset<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (!entry.path().filename().string().ends_with("_headers.hpp")) continue;
    std::ifstream file(entry.path());
    std::stringstream text;
    text << file.rdbuf();
    const std::string source = text.str();
    const std::regex using_line("using H = (\\w+);");
    for (std::sregex_iterator at(source.begin(), source.end(), using_line), end; at != end; ++at) {
      names.insert((*at)[1]);
    }
  }
  return names;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_typed_header_is_in_the_list_that_these_tests_go_through) {
  const std::multiset<std::string> names = described_in_sources();
  BOOST_TEST(names.size() == AllHeaders::size);
  BOOST_TEST(std::set<std::string>(names.begin(), names.end()).size() == names.size());
}

BOOST_AUTO_TEST_CASE(every_typed_header_comes_back_whole_through_both_serializations) {
  for_each_header([](const auto& header) {
    using Header = std::remove_cvref_t<decltype(header)>;
    for (SerializeType type : {SerializeType::json, SerializeType::rocketmq}) {
      for (bool with_optional : {true, false}) {
        check_round_trip<Header>(type, FieldNames::full, with_optional);
        if (has_short_names<Header>()) {
          check_round_trip<Header>(type, FieldNames::short_form, with_optional);
        }
      }
    }
  });
}

BOOST_AUTO_TEST_CASE(every_typed_header_survives_junk_in_all_its_fields) {
  for_each_header([](const auto& header) {
    using Header = std::remove_cvref_t<decltype(header)>;
    for (const std::string& junk : kJunk) check_junk<Header>(junk);
  });
}

BOOST_AUTO_TEST_CASE(every_typed_header_names_a_required_field_that_is_missing) {
  for_each_header([](const auto& header) {
    using Header = std::remove_cvref_t<decltype(header)>;
    std::string missing;
    Result<Header> read = read_header<Header>(Fields(), FieldNames::full, &missing);
    std::string_view first_required;
    std::apply(
        [&](const auto&... described) {
          auto look = [&](const auto& one) {
            using Member = std::remove_cvref_t<decltype(header.*(one.member))>;
            if (!detail::IsOptional<Member>::value && first_required.empty()) {
              first_required = one.name;
            }
          };
          (look(described), ...);
        },
        Header::fields);
    BOOST_TEST(read.has_value() == first_required.empty());
    BOOST_TEST(missing == first_required);
  });
}

BOOST_AUTO_TEST_CASE(no_header_describes_one_name_twice) {
  for_each_header([](const auto& header) {
    using Header = std::remove_cvref_t<decltype(header)>;
    std::multiset<std::string_view> names;
    std::apply(
        [&](const auto&... described) {
          (names.insert(described.name), ...);
          auto add_short = [&](const auto& one) {
            if (!one.short_name.empty()) names.insert(one.short_name);
          };
          (add_short(described), ...);
        },
        Header::fields);
    BOOST_TEST(std::set<std::string_view>(names.begin(), names.end()).size() == names.size());
  });
}

BOOST_AUTO_TEST_CASE(numbers_and_booleans_of_json_are_read_as_their_text) {
  RemotingCommand command;
  const std::string_view header =
      R"({"code":222,"extFields":{"topic":"t","group":7,"timestamp":-1,"isForce":true,)"
      R"("queueId":null,"offset":"9"}})";
  BOOST_REQUIRE(!decode_header(SerializeType::json, header, command));
  Result<ResetOffsetHeader> reset = read_header<ResetOffsetHeader>(command.fields);
  BOOST_REQUIRE(reset.has_value());
  BOOST_TEST(reset->group == "7");
  BOOST_TEST(reset->timestamp == -1);
  BOOST_TEST(reset->is_force.value());
  BOOST_TEST(!reset->queue_id.has_value());
  BOOST_TEST(reset->offset.value() == 9);
}

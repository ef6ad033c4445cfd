// What becomes of requests: the table of codes, remarks, signatures.
#include "comet/access/check.hpp"

#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <iterator>
#include <set>

#include "access_files.hpp"
#include "comet/access/request_rules.hpp"
#include "test_data.hpp"

using namespace comet;
using namespace comet::access;
using namespace comet::test;
using remoting::RemotingCommand;
namespace json = boost::json;

namespace {

const std::string kException = "org.apache.rocketmq.acl.common.AclException: ";

std::string account(std::string_view more) {
  return "accounts:\n- accessKey: team-seven\n  secretKey: 'orbit-secret'\n  secondSecretKey: "
         "'orbit-second'\n" +
         std::string(more) +
         "- accessKey: operator\n  secretKey: 'operator-secret'\n  admin: true\n";
}

Verdict judge(const AccountTable& table, const RemotingCommand& request) {
  return check(table, request, peer(), CheckOptions());
}
Verdict judge_signed(const AccountTable& table, RemotingCommand request) {
  return judge(table, signed_by(kAccess, kSecret, std::move(request)));
}

std::string from_base64(std::string_view text) {
  static constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  unsigned bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<unsigned>(kDigits.find(c));
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<char>(bits >> count & 0xff));
  }
  return bytes;
}

}  // namespace

BOOST_AUTO_TEST_CASE(signatures_of_the_reference) {
  std::ifstream file(test_data() + "/access/signatures.json");
  const std::string text(std::istreambuf_iterator<char>(file), {});
  std::size_t checked = 0;
  const json::value all = json::parse(text);
  for (const json::value& item : all.at("vectors").as_array()) {
    const json::object& vector = item.as_object();
    const std::string name(vector.at("name").as_string());
    RemotingCommand request =
        request_of(static_cast<std::int32_t>(vector.at("code").as_int64()), {});
    for (const auto& [key, value] : vector.at("extFields").as_object()) {
      request.fields.add(std::string_view(key), std::string(value.as_string()));
    }
    if (vector.at("bodyBase64").is_string()) {
      request.body = Body(from_base64(vector.at("bodyBase64").as_string()));
    }
    const std::string secret(vector.at("secretKey").as_string());
    BOOST_TEST(remoting::sign(request, secret) == std::string(vector.at("signature").as_string()),
               name);
    ++checked;
  }
  BOOST_TEST(checked == 26u);
}

BOOST_AUTO_TEST_CASE(who_is_not_known_learns_nothing) {
  const AccountTable table = read_text(account(""));
  const Verdict unsigned_one = judge(table, request_of(28, {}));
  BOOST_TEST(unsigned_one.remark == kException + "No accessKey is configured");
  BOOST_TEST((unsigned_one.reason == Reason::no_access_key));

  const auto asked = [] { return request_of(28, {}); };
  const Verdict unknown = judge(table, signed_by("nobody-known", kSecret, asked()));
  BOOST_TEST(unknown.remark == kException + "Check signature failed for accessKey=nobody-known");
  BOOST_TEST((unknown.reason == Reason::unknown_account));
  const Verdict wrong = judge(table, signed_by(kAccess, "wrong-secret", asked()));
  BOOST_TEST(wrong.remark == kException + "Check signature failed for accessKey=team-seven");
  BOOST_TEST((wrong.reason == Reason::bad_signature));
  // The secret of nobody is in the program's text, and opens nothing.
  const std::string nobodys = "nobody has this secret key";
  BOOST_TEST(!judge(table, signed_by("nobody-known", nobodys, asked())).is_allowed());
  BOOST_TEST(!judge(table, signed_by("operator", nobodys, asked())).is_allowed());

  BOOST_TEST(judge(table, signed_by(kAccess, kSecret, asked())).is_allowed());
  BOOST_TEST(judge(table, signed_by(kAccess, "orbit-second", asked())).is_allowed());
}

BOOST_AUTO_TEST_CASE(what_is_signed_may_not_change) {
  const AccountTable table = read_text(account("  defaultTopicPerm: PUB|SUB\n"));
  RemotingCommand request = signed_by(kAccess, kSecret, request_of(10, {{"topic", "T"}}, "body"));
  BOOST_TEST(judge(table, request).is_allowed());
  RemotingCommand body = request;
  body.body = Body(std::string("bodY"));
  BOOST_TEST(!judge(table, body).is_allowed());
  RemotingCommand field = request;
  field.fields.add("topic", "U");
  BOOST_TEST(!judge(table, field).is_allowed());
  RemotingCommand zone = request;
  zone.fields.add("__ZONE_NAME", "z1");
  zone.fields.add("__ZONE_MODE", "true");
  BOOST_TEST(judge(table, zone).is_allowed());
  RemotingCommand query = signed_by(kAccess, kSecret, request_of(12, {{"topic", "T"}}));
  query.fields.add("_UNIQUE_KEY_QUERY", "true");
  query.fields.add("__ZONE_MODE", "true");
  BOOST_TEST(judge(table, query).is_allowed());
}

// Every code that the project knows, and some that it does not.
BOOST_AUTO_TEST_CASE(a_code_without_a_row_is_for_administrators) {
  std::set<std::int32_t> codes = {-1, 0, 9, 99999, 2'000'000'000};
#define COMET_X(name, number) codes.insert(number);
  COMET_REQUEST_CODES(COMET_X)
#undef COMET_X
  std::set<std::int32_t> with_row;
  for (const RequestRule& rule : request_rules()) {
    with_row.insert(static_cast<std::int32_t>(rule.code));
  }
  const AccountTable table =
      read_text(account("  defaultTopicPerm: PUB|SUB\n  defaultGroupPerm: SUB\n"));
  for (const std::int32_t code : codes) {
    const Verdict verdict = judge_signed(table, request_of(code, {}, "{}"));
    BOOST_TEST(verdict.is_allowed() == with_row.contains(code), code);
    if (!with_row.contains(code)) {
      BOOST_TEST(verdict.remark == kException + "Need admin permission for request code=" +
                                       std::to_string(code) + ", but accessKey=team-seven is not");
      BOOST_TEST(verdict.missing == "admin");
    }
    const Verdict admins =
        judge(table, signed_by("operator", "operator-secret", request_of(code, {}, "{}")));
    BOOST_TEST(admins.is_allowed(), code);
  }
  // Those that the reference names for administrators, and which may never get a row.
  for (const std::int32_t code :
       {17,  18,  21,  25,  26,  43,  45,  50,  51,  52,  53,  54,  61,   100,  102,  103,  104,
        200, 201, 205, 207, 215, 216, 217, 220, 221, 222, 223, 225, 301,  305,  306,  309,  314,
        315, 316, 317, 318, 319, 321, 322, 323, 326, 327, 328, 329, 3001, 3010, 5001, 5002, 5003}) {
    BOOST_TEST(!with_row.contains(code), code);
  }
}

// Of each row: without the permission refused with Apache's words, with it allowed.
BOOST_AUTO_TEST_CASE(each_field_of_the_table_is_asked_for) {
  std::size_t checked = 0;
  for (const RequestRule& rule : request_rules()) {
    for (const FieldRule& wanted : rule.fields) {
      if (wanted.field.empty()) continue;
      const bool is_group = wanted.kind == ResourceKind::group;
      const std::string permission(to_string(wanted.needed));
      const std::string other = wanted.needed == Permission::pub ? "SUB" : "PUB";
      const std::string key = is_group ? "groupPerms" : "topicPerms";
      const std::string defaults = "  defaultTopicPerm: PUB|SUB\n  defaultGroupPerm: PUB|SUB\n";
      const std::int32_t code = static_cast<std::int32_t>(rule.code);
      for (const std::string& name : {std::string("Mine"), std::string("Mine_2")}) {
        const auto request = [&] { return request_of(code, {{std::string(wanted.field), name}}); };
        const AccountTable denied =
            read_text(account(defaults + "  " + key + ": [" + name + "=" + other + "]\n"));
        const Verdict verdict = judge_signed(denied, request());
        const std::string resource = (is_group ? "group:" : "topic:") + name;
        BOOST_TEST(verdict.remark == kException + "No default permission for " + resource, code);
        BOOST_TEST(verdict.missing == permission + " of " + resource, code);
        const AccountTable none = read_text(account(""));
        BOOST_TEST(!judge_signed(none, request()).is_allowed(), code);
        const AccountTable granted =
            read_text(account("  " + key + ": [" + name + "=" + permission + "]\n"));
        BOOST_TEST(judge_signed(granted, request()).is_allowed(), code);
        checked += 3;
      }
    }
  }
  BOOST_TEST(checked >= 200u);
}

BOOST_AUTO_TEST_CASE(a_retry_topic_is_its_groups) {
  const AccountTable table = read_text(account("  groupPerms: [G=SUB]\n"));
  BOOST_TEST(judge_signed(table, request_of(10, {{"topic", "%RETRY%G"}})).is_allowed());
  BOOST_TEST(judge_signed(table, request_of(310, {{"a", "H"}, {"b", "%RETRY%G"}})).is_allowed());
  // Another group's name in the producer's field opens nothing.
  const Verdict verdict = judge_signed(table, request_of(310, {{"a", "G"}, {"b", "%RETRY%H"}}));
  BOOST_TEST(verdict.remark == kException + "No default permission for group:H");
  BOOST_TEST(judge_signed(table, request_of(30, {{"topic", "%RETRY%G"}})).is_allowed());
}

BOOST_AUTO_TEST_CASE(traces_may_be_sent_by_all_accounts) {
  const AccountTable table = read_text(account(""));
  BOOST_TEST(judge_signed(table, request_of(310, {{"b", "RMQ_SYS_TRACE_TOPIC"}})).is_allowed());
  BOOST_TEST(judge_signed(table, request_of(10, {{"topic", "RMQ_SYS_TRACE_TOPIC"}})).is_allowed());
  BOOST_TEST(!judge_signed(table, request_of(30, {{"topic", "RMQ_SYS_TRACE_TOPIC"}})).is_allowed());
  BOOST_TEST(!judge(table, request_of(310, {{"b", "RMQ_SYS_TRACE_TOPIC"}})).is_allowed());
}

BOOST_AUTO_TEST_CASE(a_heartbeat_needs_all_that_it_subscribes_to) {
  const std::string body =
      R"({"clientID":"10.1.2.3@7","consumerDataSet":[{"groupName":"G","subscriptionDataSet":[)"
      R"({"topic":"%RETRY%G"},{"topic":"T"}]}],"producerDataSet":[{"groupName":"P"}]})";
  const auto heartbeat = [&body] { return request_of(34, {}, body); };
  const AccountTable all = read_text(account("  topicPerms: [T=SUB]\n  groupPerms: [G=SUB]\n"));
  BOOST_TEST(judge_signed(all, heartbeat()).is_allowed());
  const Verdict no_topic = judge_signed(read_text(account("  groupPerms: [G=SUB]\n")), heartbeat());
  BOOST_TEST(no_topic.missing == "SUB of topic:T");
  BOOST_TEST(no_topic.client_id == "10.1.2.3@7");
  const Verdict no_group = judge_signed(read_text(account("  topicPerms: [T=SUB]\n")), heartbeat());
  BOOST_TEST(no_group.remark == kException + "No default permission for group:G");
  BOOST_TEST(no_group.client_id == "10.1.2.3@7");
  // A name that is there twice, or a number: all that could be read is asked for.
  const std::string twice = R"({"consumerDataSet":[{"groupName":"G","groupName":"H"}]})";
  BOOST_TEST(judge_signed(all, request_of(34, {}, twice)).missing == "SUB of group:H");
  const std::string number = R"({"consumerDataSet":[{"groupName":7}]})";
  BOOST_TEST(judge_signed(all, request_of(34, {}, number)).missing == "SUB of group:7");
  const Verdict unreadable = judge_signed(all, request_of(34, {}, "{"));
  BOOST_TEST((unreadable.reason == Reason::unreadable_body));
}

BOOST_AUTO_TEST_CASE(locks_and_assignments_name_theirs_in_the_body) {
  const AccountTable table = read_text(account("  topicPerms: [T=SUB]\n  groupPerms: [G=SUB]\n"));
  const auto lock = [](const std::string& group, const std::string& topic) {
    return request_of(41, {},
                      R"({"consumerGroup":")" + group +
                          R"(","clientId":"c","mqSet":[{"topic":"T"},{"topic":")" + topic +
                          R"("}]})");
  };
  BOOST_TEST(judge_signed(table, lock("G", "T")).is_allowed());
  BOOST_TEST(judge_signed(table, lock("H", "T")).missing == "SUB of group:H");
  BOOST_TEST(judge_signed(table, lock("G", "U")).missing == "SUB of topic:U");
  BOOST_TEST(
      judge_signed(table, request_of(400, {}, R"({"topic":"U","consumerGroup":"G"})")).missing ==
      "SUB of topic:U");
}

BOOST_AUTO_TEST_CASE(white_addresses_of_all_and_of_an_account) {
  const AccountTable global = read_text("globalWhiteRemoteAddresses: [10.1.2.3]\n" + account(""));
  BOOST_TEST((judge(global, request_of(17, {})).reason == Reason::white_address));
  BOOST_TEST(!check(global, request_of(17, {}), peer("10.1.2.4"), CheckOptions()).is_allowed());

  const AccountTable own = read_text(account("  whiteRemoteAddress: 10.1.2.3\n"));
  BOOST_TEST((judge_signed(own, request_of(17, {})).reason == Reason::white_address));
  const RemotingCommand wrong = signed_by(kAccess, "wrong-secret", request_of(17, {}));
  BOOST_TEST(!judge(own, wrong).is_allowed());
  CheckOptions apaches;
  apaches.white_account_needs_no_signature = true;
  BOOST_TEST(check(own, wrong, peer(), apaches).is_allowed());
  BOOST_TEST(!check(own, wrong, peer("10.1.2.4"), apaches).is_allowed());
}

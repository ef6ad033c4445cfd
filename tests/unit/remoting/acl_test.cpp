// Signatures: the reference's vectors, what real clients have sent, and what must not pass.
#include "comet/remoting/acl.hpp"

#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <string>

#include "comet/base/error.hpp"
#include "test_data.hpp"

using namespace comet;
using namespace comet::remoting;
namespace json = boost::json;

namespace {

const std::string kAccess = "rocketmq2";
const std::string kSecret = "12345678";
const Address kBroker("broker", 10911);

RemotingCommand signed_request(RequestCode code, std::string_view topic = {}, std::string body = {},
                               std::string token = {}) {
  RemotingCommand request = RemotingCommand::request(code, Body(std::move(body)));
  if (!topic.empty()) request.fields.add("topic", topic);
  AclSigner(Credentials(kAccess, kSecret, std::move(token))).before_request(kBroker, request);
  return request;
}

std::string signature_of(const RemotingCommand& request) {
  return std::string(request.fields.find(acl_field::kSignature).value_or("(none)"));
}

}  // namespace

BOOST_AUTO_TEST_CASE(requests_are_signed_as_the_reference_shows) {
  RemotingCommand request = signed_request(RequestCode::get_broker_runtime_info);
  BOOST_TEST(request.fields.find("AccessKey").value_or("") == "rocketmq2");
  BOOST_TEST(signature_of(request) == "Ou1T58RIcyZWaTIwzkhJZWn/Zvs=");
  BOOST_TEST(signature_of(signed_request(RequestCode::get_topic_stats_info, "T1")) ==
             "3G4rF9vjNkRStDiPAXoCg159+0E=");
}

// The C++ client of another project signs with the empty key when it has none.
BOOST_AUTO_TEST_CASE(signatures_of_captured_requests_without_a_body_are_the_same) {
  std::ifstream file(comet::test::test_data() + "/remoting/captured_headers.jsonl");
  std::string line;
  int checked = 0;
  while (std::getline(file, line)) {
    const json::object header = json::parse(line).as_object();
    const json::value* fields = header.if_contains("extFields");
    if (header.at("code") != 105 || fields == nullptr) continue;
    if (!fields->as_object().contains("Signature")) continue;
    RemotingCommand request = RemotingCommand::request(RequestCode::get_routeinfo_by_topic);
    for (const auto& [key, value] : fields->as_object()) {
      request.fields.add(std::string_view(key.data(), key.size()), value.as_string().c_str());
    }
    BOOST_TEST(sign(request, "") == signature_of(request));
    BOOST_TEST(has_valid_signature(request, ""));
    ++checked;
  }
  BOOST_TEST(checked > 0);
}

BOOST_AUTO_TEST_CASE(the_order_of_fields_does_not_matter_and_the_values_do) {
  RemotingCommand one = RemotingCommand::request(RequestCode::pull_message);
  one.fields.add("a", "1");
  one.fields.add("b", "2");
  RemotingCommand other = RemotingCommand::request(RequestCode::pull_message);
  other.fields.add("b", "2");
  other.fields.add("a", "1");
  BOOST_TEST(sign(one, kSecret) == sign(other, kSecret));
  other.fields.clear();
  other.fields.add("a", "2");
  other.fields.add("b", "1");
  BOOST_TEST(sign(one, kSecret) != sign(other, kSecret));
  BOOST_TEST(sign(one, kSecret) != sign(one, "87654321"));
}

BOOST_AUTO_TEST_CASE(the_body_is_signed_whatever_its_pieces) {
  RemotingCommand whole =
      RemotingCommand::request(RequestCode::send_message_v2, Body(std::string("one body")));
  Body in_pieces(std::string("one "));
  in_pieces.append(SharedBytes::own("body"));
  RemotingCommand pieces = RemotingCommand::request(RequestCode::send_message_v2, in_pieces);
  BOOST_TEST(sign(whole, kSecret) == sign(pieces, kSecret));
  BOOST_TEST(sign(whole, kSecret) !=
             sign(RemotingCommand::request(RequestCode::send_message_v2), kSecret));
}

BOOST_AUTO_TEST_CASE(a_security_token_is_sent_and_signed) {
  RemotingCommand request =
      signed_request(RequestCode::get_topic_stats_info, "T1", {}, "token-of-a-session");
  BOOST_TEST(request.fields.find("SecurityToken").value_or("") == "token-of-a-session");
  BOOST_TEST(signature_of(request) != "3G4rF9vjNkRStDiPAXoCg159+0E=");
  BOOST_TEST(has_valid_signature(request, kSecret));
}

BOOST_AUTO_TEST_CASE(a_signed_request_is_valid_and_a_changed_one_is_not) {
  RemotingCommand request = signed_request(RequestCode::send_message_v2, "T1", "body");
  BOOST_TEST(has_valid_signature(request, kSecret));
  BOOST_TEST(!has_valid_signature(request, "1234567"));
  request.body = Body(std::string("Body"));
  BOOST_TEST(!has_valid_signature(request, kSecret));
  request.body = Body(std::string("body"));
  request.fields.add("more", "x");
  BOOST_TEST(!has_valid_signature(request, kSecret));
}

BOOST_AUTO_TEST_CASE(missing_and_malformed_signatures_are_not_valid) {
  RemotingCommand request = RemotingCommand::request(RequestCode::get_broker_runtime_info);
  request.fields.add("AccessKey", kAccess);
  BOOST_TEST(!has_valid_signature(request, kSecret));
  for (const char* signature : {"", "x", "Ou1T58RIcyZWaTIwzkhJZWn/Zvs",
                                "Ou1T58RIcyZWaTIwzkhJZWn/Zvt=", "Ou1T58RIcyZWaTIwzkhJZWn/Zvs=\n"}) {
    RemotingCommand wrong = request;
    wrong.fields.add("Signature", signature);
    BOOST_TEST(!has_valid_signature(wrong, kSecret), signature);
  }
  request.fields.add("Signature", "Ou1T58RIcyZWaTIwzkhJZWn/Zvs=");
  BOOST_TEST(has_valid_signature(request, kSecret));
}

// Clients up to 5.x disagree about it.
BOOST_AUTO_TEST_CASE(a_unique_key_query_may_be_signed_with_its_mark_or_without) {
  RemotingCommand with_mark = RemotingCommand::request(RequestCode::query_message);
  with_mark.fields.add("key", "k");
  with_mark.fields.add("AccessKey", kAccess);
  RemotingCommand without_mark = with_mark;
  with_mark.fields.add("_UNIQUE_KEY_QUERY", "true");
  for (const std::string& signature : {sign(with_mark, kSecret), sign(without_mark, kSecret)}) {
    RemotingCommand request = with_mark;
    request.fields.add("Signature", signature);
    BOOST_TEST(has_valid_signature(request, kSecret));
  }
}

BOOST_AUTO_TEST_CASE(a_request_that_is_signed_already_is_left_alone) {
  RemotingCommand request = signed_request(RequestCode::get_topic_stats_info, "T1");
  const std::size_t fields = request.fields.size();
  AclSigner(Credentials("another", "key-of-another")).before_request(kBroker, request);
  BOOST_TEST(request.fields.size() == fields);
  BOOST_TEST(has_valid_signature(request, kSecret));
}

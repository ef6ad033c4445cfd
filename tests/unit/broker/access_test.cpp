// Access control in a broker's way: both ports, remarks, files that change while it runs.
#include "access_files.hpp"
#include "broker_fixture.hpp"
#include "log_lines.hpp"

using namespace comet;
using namespace comet::test;
using namespace std::chrono_literals;

namespace {

const std::string kRemark = "org.apache.rocketmq.acl.common.AclException: ";

std::string account(std::string_view more, std::string_view secret = "orbit-secret") {
  return "accounts:\n- accessKey: team-seven\n  secretKey: '" + std::string(secret) + "'\n" +
         std::string(more);
}

class AccessBroker : public BrokerFixture {
 public:
  void start_with(std::string_view more, bool observe = false) {
    home.write("conf/plain_acl.yml", account(more));
    access::AccessOptions options;
    options.observe = observe;
    config.access = std::make_shared<access::AccessControl>(home.files(), options);
    start();
  }
  static RemotingCommand sign(RemotingCommand request, const std::string& secret = kSecret) {
    return signed_by(kAccess, secret, std::move(request));
  }
  AccessHome home;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(access_control, AccessBroker)

BOOST_AUTO_TEST_CASE(requests_are_refused_on_both_ports_and_nothing_is_changed) {
  start_with("  topicPerms: [T=PUB|SUB]\n");
  for (const Address& at : {config.listen_at, Address("10.9.9.9", 10909)}) {
    const auto ask_at = [&](RemotingCommand request) {
      return world.run(client->invoke(at, std::move(request), world.time.now() + 5s));
    };
    const RemotingCommand unsigned_one = ask_at(send_request("T", "x"));
    BOOST_TEST(unsigned_one.code == 1);
    BOOST_TEST(unsigned_one.remark == kRemark + "No accessKey is configured");
    const RemotingCommand wrong = ask_at(sign(send_request("T", "x"), "wrong-secret"));
    BOOST_TEST(wrong.remark == kRemark + "Check signature failed for accessKey=team-seven");
    const RemotingCommand other = ask_at(sign(send_request("Other", "x")));
    BOOST_TEST(other.code == 1);
    BOOST_TEST(other.remark == kRemark + "No default permission for topic:Other");
    const RemotingCommand admins =
        ask_at(sign(RemotingCommand::request(RequestCode::get_broker_config)));
    BOOST_TEST(admins.remark == kRemark +
                                    "Need admin permission for request code=26, but "
                                    "accessKey=team-seven is not");
    // Unknown codes too: a stranger learns of none whether it is served.
    BOOST_TEST(ask_at(RemotingCommand::request(static_cast<RequestCode>(9999))).code == 1);
  }
  RemotingCommand max = RemotingCommand::request(RequestCode::get_max_offset);
  max.fields.add("topic", "T");
  max.fields.add("queueId", "0");
  BOOST_TEST(text(ask(sign(max)), "offset") == "0");
  BOOST_TEST(ask(sign(send_request("T", "allowed"))).code == 0);
  const auto stats = broker->stats().access;
  BOOST_REQUIRE(stats.has_value());
  BOOST_TEST(stats->requests[static_cast<std::size_t>(access::Reason::no_access_key)] == 4u);
  BOOST_TEST(stats->requests[static_cast<std::size_t>(access::Reason::bad_signature)] == 2u);
}

BOOST_AUTO_TEST_CASE(observation_refuses_nothing_and_tells) {
  LogLines lines;
  start_with("", true);
  BOOST_TEST(ask(send_request("T", "x")).code == 0);
  BOOST_TEST(lines.count("access control would refuse 310 (SEND_MESSAGE_V2)") == 1u);
}

BOOST_AUTO_TEST_CASE(one_line_an_account_address_and_minute_and_no_secret) {
  LogLines lines;
  start_with("  groupPerms: [G=SUB]\n");
  const std::string body =
      R"({"clientID":"10.1.2.3@7","consumerDataSet":[{"groupName":"G","subscriptionDataSet":[{"topic":"T"}]}]})";
  const auto beat = [&] {
    return ask(sign(RemotingCommand::request(RequestCode::heart_beat, Body(body)))).code;
  };
  for (int i = 0; i < 5; ++i) BOOST_TEST(beat() == 1);
  BOOST_TEST(lines.count("account team-seven, client 10.1.2.3@7: it has no permission: SUB of "
                         "topic:T") == 1u);
  world.pass(61s);
  BOOST_TEST(beat() == 1);
  BOOST_TEST(lines.count("4 such lines left out") == 1u);
  BOOST_TEST(lines.count("orbit-secret") == 0u);
}

BOOST_AUTO_TEST_CASE(offsets_of_refused_consumers_are_not_answered_to_old_clients) {
  start_with("");
  RemotingCommand query = RemotingCommand::request(RequestCode::query_consumer_offset);
  query.fields.add("consumerGroup", "G");
  query.fields.add("topic", "T");
  query.fields.add("queueId", "0");
  query.version = remoting::kVersionV5_0_0;
  const RemotingCommand answer = ask(sign(query));
  BOOST_TEST(answer.code == 16);
  BOOST_TEST(answer.remark == kRemark + "No default permission for group:G");
  query.version = remoting::kVersion;
  BOOST_CHECK_EXCEPTION(ask(sign(query), 3s), Error, [](const Error& error) {
    return error.code() == remoting::RemotingErrc::timed_out;
  });
}

BOOST_AUTO_TEST_CASE(changed_files_hold_within_five_seconds_and_broken_ones_never) {
  LogLines lines;
  start_with("  topicPerms: [T=PUB]\n");
  const auto send = [this] { return ask(sign(send_request("T", "x"))).code; };
  BOOST_TEST(send() == 0);
  home.write("conf/plain_acl.yml", account("  topicPerms: [T=nonsense]\n"));
  world.pass(5s);
  BOOST_TEST(send() == 0);
  BOOST_TEST(lines.count("the accounts stay as they were: ") == 1u);
  world.pass(60s);
  BOOST_TEST(lines.count("the accounts stay as they were: ") == 1u);
  BOOST_TEST(broker->stats().access->failed_reloads == 1u);
  home.write("conf/plain_acl.yml", account("  topicPerms: [T=SUB]\n"));
  world.pass(5s);
  BOOST_TEST(send() == 1);
  home.write("conf/plain_acl.yml", account("  topicPerms: [T=PUB]  # again\n"));
  broker->reload_access();
  world.settle();
  BOOST_TEST(send() == 0);
}

BOOST_AUTO_TEST_CASE(accounts_are_not_seen_or_changed_over_the_wire) {
  home.write("conf/plain_acl.yml", account("  admin: true\n"));
  config.access = std::make_shared<access::AccessControl>(home.files(), access::AccessOptions());
  start();
  const std::pair<int, int> expected[] = {{50, 209}, {51, 210}, {52, 1}, {53, 211}, {54, 1}};
  for (const auto& [code, answer] : expected) {
    const RemotingCommand got = ask(sign(RemotingCommand::request(static_cast<RequestCode>(code))));
    BOOST_TEST(got.code == answer);
    BOOST_TEST(got.remark.find("orbit-secret") == std::string::npos);
    BOOST_TEST(got.body.empty());
  }
}

BOOST_AUTO_TEST_SUITE_END()

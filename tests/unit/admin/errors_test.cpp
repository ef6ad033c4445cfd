// What goes wrong, and how it is told.

#include <boost/asio/error.hpp>

#include "comet/base/async.hpp"
#include "comet/remoting/errors.hpp"
#include "scripted_cluster.hpp"

using namespace comet;
using namespace comet::test;
using namespace comet::admin;
using namespace std::chrono_literals;

BOOST_FIXTURE_TEST_SUITE(admin_errors, AdminWorld)

BOOST_AUTO_TEST_CASE(a_refusal_says_who_refused_what_and_why) {
  a.refuse(RequestCode::get_broker_runtime_info, ResponseCode::no_permission, "not you\nat all");
  const Refused refused = refusal(admin.runtime_info(at_a));
  BOOST_TEST(describe(refused) ==
             "GET_BROKER_RUNTIME_INFO at 10.0.0.1:10911: not you at all (NO_PERMISSION, code 16)");
  BOOST_TEST((refused.code() == ResponseCode::no_permission));
}

BOOST_AUTO_TEST_CASE(a_broker_that_cannot_be_reached_is_named) {
  network.set_down("10.0.0.1", true);
  const Error error = failure(admin.runtime_info(at_a));
  BOOST_TEST(describe(error).find("GET_BROKER_RUNTIME_INFO at 10.0.0.1:10911") == 0u);
  BOOST_TEST((error.code().category() != remoting::response_category()));
}

BOOST_AUTO_TEST_CASE(a_broker_that_does_not_answer_costs_the_timeout_and_no_more) {
  a.keep_silent(RequestCode::get_broker_runtime_info);
  const Instant begin = time.now();
  const Error error = failure(admin.runtime_info(at_a));
  BOOST_TEST((error.code() == remoting::RemotingErrc::timed_out));
  BOOST_TEST((time.now() - begin >= 5s));
  BOOST_TEST((time.now() - begin < 6s));
}

BOOST_AUTO_TEST_CASE(a_consumer_behind_a_broker_gets_three_times_as_long) {
  a.keep_silent(RequestCode::get_consumer_running_info);
  const Instant begin = time.now();
  const Error error = failure(admin.consumer_running_info("G1", "c1"));
  BOOST_TEST((error.code() == remoting::RemotingErrc::timed_out));
  BOOST_TEST((time.now() - begin >= 15s));
  BOOST_TEST((time.now() - begin < 17s));
}

BOOST_AUTO_TEST_CASE(all_name_servers_that_failed_are_named) {
  network.set_down("ns1", true);
  network.set_down("ns2", true);
  const Error error = failure(admin.topics());
  BOOST_TEST((error.code() == remoting::RemotingErrc::no_name_server));
  BOOST_TEST(std::string(error.what()).find("ns1:9876") != std::string::npos);
  BOOST_TEST(std::string(error.what()).find("ns2:9876") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_body_that_cannot_be_read_is_a_bad_answer) {
  a.answer(RequestCode::get_broker_runtime_info, "<html>");
  const Error error = failure(admin.runtime_info(at_a));
  BOOST_TEST((error.code() == ClientErrc::bad_answer));
  BOOST_TEST(std::string(error.what()).find("10.0.0.1:10911") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(one_server_that_fails_does_not_keep_others_from_a_change) {
  network.set_down("10.0.0.1", true);
  b.answer(RequestCode::clean_unused_topic);
  const std::vector<Outcome> outcomes = run(admin.clean_unused_topics(Scope::everywhere()));
  BOOST_TEST(!outcomes.at(0).ok());
  BOOST_TEST(outcomes.at(1).ok());
}

BOOST_AUTO_TEST_CASE(a_cancelled_operation_ends_at_once_and_the_admin_stays_usable) {
  a.keep_silent(RequestCode::get_broker_runtime_info);
  TaskGroup tasks(executor(), time);
  bool ended_early = false;
  auto wait_for_it = [](admin::Admin& asked, Address broker, bool& ended) -> asio::awaitable<void> {
    try {
      co_await asked.runtime_info(broker);
    } catch (const boost::system::system_error& error) {
      ended = error.code() == asio::error::operation_aborted;
    }
  };
  const Instant begin = time.now();
  tasks.spawn("question", wait_for_it(admin, at_a, ended_early));
  settle();
  tasks.cancel();
  run(tasks.join());
  BOOST_TEST(ended_early);
  BOOST_TEST((time.now() == begin));
  a.answer(RequestCode::get_broker_runtime_info, R"({"table":{}})");
  BOOST_TEST(run(admin.runtime_info(at_a)).empty());
}

BOOST_AUTO_TEST_CASE(an_admin_that_is_destroyed_closes_its_connections) {
  a.answer(RequestCode::get_broker_runtime_info, R"({"table":{}})");
  {
    admin::Admin other(executor(), config(), network, time);
    run(other.runtime_info(at_a));
    BOOST_TEST(a.connections() == 1u);
  }
  settle();
  BOOST_TEST(a.connections() == 0u);
}

BOOST_AUTO_TEST_CASE(requests_are_signed_where_keys_are_given) {
  AdminConfig signing = config();
  signing.access_key("key", "secret");
  admin::Admin signer(executor(), signing, network, time);
  a.answer(RequestCode::get_broker_runtime_info, R"({"table":{}})");
  run(signer.runtime_info(at_a));
  BOOST_TEST(a.received.back().fields.at("AccessKey") == "key");
  BOOST_TEST(a.received.back().fields.contains("Signature"));
  run(signer.stop());
}

BOOST_AUTO_TEST_SUITE_END()

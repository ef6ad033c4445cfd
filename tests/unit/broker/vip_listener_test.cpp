#include "broker_fixture.hpp"

using namespace comet;
using namespace comet::test;
using namespace std::chrono_literals;

BOOST_FIXTURE_TEST_SUITE(vip_listener, BrokerFixture)

BOOST_AUTO_TEST_CASE(it_takes_all_requests_but_pulls) {
  start();
  const Address vip("10.9.9.9", 10909);
  const auto ask_vip = [this, &vip](RemotingCommand request) {
    return world.run(client->invoke(vip, std::move(request), world.time.now() + 5s));
  };
  RemotingCommand sent = ask_vip(send_request("T", "by vip"));
  BOOST_TEST((sent.response_code() == ResponseCode::success));
  BOOST_TEST(text(sent, "msgId").starts_with("0A09090900002A9F"));  // where consumers will ask
  RemotingCommand pulled = ask_vip(pull_request("T", 0, 0));
  BOOST_TEST((pulled.response_code() == ResponseCode::request_code_not_supported));
  BOOST_TEST(pulled.remark == " request type 11 not supported");
  BOOST_TEST((bodies(ask(pull_request("T", 0, 0))) == std::vector<std::string>{"by vip"}));
  RemotingCommand max = RemotingCommand::request(RequestCode::get_max_offset);
  max.fields.add("topic", "T");
  max.fields.add("queueId", "0");
  BOOST_TEST(text(ask_vip(std::move(max)), "offset") == "1");
}

// Clients send heartbeats to the other port only (AR#10289).
BOOST_AUTO_TEST_CASE(its_connections_stay_open_while_their_client_lives_on_the_other_port) {
  start();
  const Address vip("10.9.9.9", 10909);
  remoting::ClientConfig patient;
  patient.connection.idle = 1000h;
  remoting::Client quiet(world.executor(), world.network, world.time, patient);
  const auto send = [&] {
    return world.run(quiet.invoke(vip, send_request("T", "x"), world.time.now() + 5s));
  };
  const auto beat = [&] {
    ask(RemotingCommand::request(
        RequestCode::heart_beat,
        Body(R"({"clientID":"c","producerDataSet":[{"groupName":"PG"}]})")));
  };
  beat();
  BOOST_TEST(send().code == 0);
  for (int i = 0; i < 20; ++i) {
    world.pass(30s);
    beat();
  }
  BOOST_TEST(quiet.find(vip) != nullptr);
  BOOST_TEST(send().code == 0);
  client->close(config.listen_at);  // the client is gone
  world.pass(250s);
  BOOST_TEST(quiet.find(vip) == nullptr);
  world.run(quiet.stop());
}

BOOST_AUTO_TEST_CASE(its_port_being_taken_is_said_clearly) {
  auto other = world.network.listen(world.executor(), Address("10.9.9.9", 10909));
  const auto is_clear = [](const Error& error) {
    return std::string(error.what()).find("VIP listener, on listenPort - 2: ") == 0 &&
           std::string(error.what()).find("10909") != std::string::npos;
  };
  BOOST_CHECK_EXCEPTION(start(), Error, is_clear);
  other->close();
}

BOOST_AUTO_TEST_CASE(with_port_zero_a_free_pair_is_found) {
  config.listen_at = Address("10.9.9.9", 0);
  start();
  const std::uint16_t port = broker->local().port();
  BOOST_TEST(port != 0);
  for (const int distance : {0, 2}) {
    const Address at("10.9.9.9", static_cast<std::uint16_t>(port - distance));
    RemotingCommand answer =
        world.run(client->invoke(at, send_request("T", "x"), world.time.now() + 5s));
    BOOST_TEST((answer.response_code() == ResponseCode::success));
  }
}

BOOST_AUTO_TEST_SUITE_END()

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>
#include <string>

#include "name_server_fixture.hpp"
#include "temp_directory.hpp"

using namespace comet;
using namespace comet::test;

namespace {

struct SavedRoutesFixture : NameServerFixture {
  SavedRoutesFixture() { restart(); }

  void restart() {
    namesrv::NameServerConfig config = patient_config();
    config.saved_routes_path = path();
    config.saved_routes_interval = 10s;
    config.saved_routes_expiry = 60s;
    start(std::move(config));
  }
  [[nodiscard]] std::string path() const { return directory.path() + "/sub/routes"; }
  [[nodiscard]] bool saved() const { return std::filesystem::exists(path()); }

  TempDirectory directory;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(name_server_saved_routes, SavedRoutesFixture)

BOOST_AUTO_TEST_CASE(a_restarted_name_server_answers_at_once) {
  register_broker(peer());
  restart();
  BOOST_TEST(peer().has_route("T1"));
  world.pass(59s);
  BOOST_TEST(peer().has_route("T1"));
  world.pass(10s);
  BOOST_TEST(!peer().has_route("T1"));
}

BOOST_AUTO_TEST_CASE(a_broker_that_registers_again_stays) {
  register_broker(peer());
  restart();
  register_broker(peer());
  world.pass(100s);
  BOOST_TEST(peer().has_route("T1"));
}

BOOST_AUTO_TEST_CASE(a_restored_broker_is_told_to_register) {
  register_broker(peer());
  restart();
  remoting::BrokerIdentityHeader identity;
  identity.broker_name = "broker-a";
  identity.broker_addr = "127.0.0.1:20911";
  identity.cluster_name = "DefaultCluster";
  const auto answer = peer().ask(RequestCode::query_data_version, identity,
                                 to_json(broker_body().topic_config.data_version));
  BOOST_TEST(answer.fields.find("changed").value() == "true");
}

BOOST_AUTO_TEST_CASE(routes_are_saved_from_time_to_time_when_they_have_changed) {
  BOOST_TEST(!saved());
  world.pass(11s);
  BOOST_TEST(!saved());
  register_broker(peer());
  BOOST_TEST(!saved());
  world.pass(11s);
  BOOST_TEST(saved());
  std::filesystem::remove(path());
  world.pass(30s);
  BOOST_TEST(!saved());
}

BOOST_AUTO_TEST_CASE(the_connections_that_a_stop_closes_take_no_routes_out_of_the_file) {
  Peer& broker = peer();
  register_broker(broker);
  stop();
  broker.stop();
  restart();
  BOOST_TEST(peer().has_route("T1"));
}

BOOST_AUTO_TEST_CASE(a_damaged_file_is_set_aside) {
  register_broker(peer());
  stop();
  std::ofstream(path(), std::ios::app) << "garbage";
  restart();
  BOOST_TEST(!peer().has_route("T1"));
  BOOST_TEST(!saved());
  BOOST_TEST(std::filesystem::exists(path() + ".damaged"));
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_read_stops_the_start) {
  std::filesystem::create_directories(path());
  BOOST_CHECK_THROW(restart(), Error);
  server.reset();
}

BOOST_AUTO_TEST_SUITE_END()

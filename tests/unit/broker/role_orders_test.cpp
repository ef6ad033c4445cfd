// What an operator has ordered of a slave, between two starts.

#include "comet/broker/role_orders.hpp"

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>

#include "temp_directory.hpp"

using namespace comet;
using namespace comet::broker;

namespace {

constexpr ConfigKey kKeys[] = {
    ConfigKey::text("storePathRootDir", "", "where"),
    ConfigKey::text("brokerRole", "ASYNC_MASTER", "what"),
    ConfigKey::integer("brokerId", "0", 0, 1000, "who"),
};

struct Orders {
  Config settings(const std::string& role, const std::string& id) const {
    Config settings(kKeys);
    settings.set("storePathRootDir", directory.path(), "test");
    settings.set("brokerRole", role, "test");
    settings.set("brokerId", id, "test");
    return settings;
  }
  BrokerConfig config(BrokerRole role) const {
    BrokerConfig config;
    config.store.root = directory.path();
    config.replication.role = role;
    return config;
  }
  std::string path(const std::string& name) const { return directory.path() + "/" + name; }
  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(path(name)).parent_path());
    std::ofstream(path(name)) << text;
  }
  test::TempDirectory directory;
};

BOOST_FIXTURE_TEST_SUITE(orders_of_an_operator, Orders)

BOOST_AUTO_TEST_CASE(a_promoted_slave_is_a_master_until_its_configuration_says_so_itself) {
  Config before = settings("SLAVE", "2");
  apply_promotion(before);
  BOOST_TEST(before.text("brokerRole") == "SLAVE");
  Promotion promotion;
  promotion.role = BrokerRole::async_master;
  promotion.slave_id = 2;
  BOOST_TEST(!write_promotion(directory.path(), promotion));
  Config after = settings("SLAVE", "2");
  apply_promotion(after);
  BOOST_TEST(after.text("brokerRole") == "ASYNC_MASTER");
  BOOST_TEST(after.integer("brokerId") == 0);
  BOOST_TEST(after.warnings().size() == 1);
  Config said = settings("SYNC_MASTER", "0");
  apply_promotion(said);
  BOOST_TEST(said.text("brokerRole") == "SYNC_MASTER");
  Config other = settings("SLAVE", "3");
  BOOST_CHECK_THROW(apply_promotion(other), Error);
  forget_promotion(directory.path());
  Config later = settings("SLAVE", "2");
  apply_promotion(later);
  BOOST_TEST(later.text("brokerRole") == "SLAVE");
}

BOOST_AUTO_TEST_CASE(a_promotion_that_says_nothing_stops_the_start) {
  for (const char* text : {"", "brokerRole=SLAVE\npromotedFrom=1\n", "brokerRole=SYNC_MASTER\n",
                           "brokerRole=SYNC_MASTER\npromotedFrom=x\n"}) {
    write("config/promoted", text);
    Config slave = settings("SLAVE", "1");
    BOOST_CHECK_THROW(apply_promotion(slave), Error);
  }
}

BOOST_AUTO_TEST_CASE(a_full_copy_begins_without_the_old_log_and_its_history) {
  write("commitlog/00000000000000000000", "log");
  write("config/replication", "history");
  write("config/replicationConfirmed", "note");
  write("config/topics.json", "{}");
  BOOST_TEST(!order_resync(directory.path(), "before-resync-1"));
  obey_resync(config(BrokerRole::slave));
  BOOST_TEST(std::filesystem::exists(path("before-resync-1/commitlog/00000000000000000000")));
  BOOST_TEST(std::filesystem::exists(path("before-resync-1/config/replication")));
  BOOST_TEST(std::filesystem::is_empty(path("commitlog")));
  BOOST_TEST(!std::filesystem::exists(path("config/replication")));
  BOOST_TEST(!std::filesystem::exists(path("config/replicationConfirmed")));
  BOOST_TEST(std::filesystem::exists(path("config/topics.json")));
  BOOST_TEST(!std::filesystem::exists(path("config/resync")));
  write("commitlog/00000000000000000000", "new log");
  obey_resync(config(BrokerRole::slave));
  BOOST_TEST(!std::filesystem::is_empty(path("commitlog")));
}

BOOST_AUTO_TEST_CASE(a_crash_while_the_log_is_moved_is_finished_by_the_next_start) {
  write("before-resync-1/commitlog/00000000000000000000", "log");
  write("consumequeue/T/0/00000000000000000000", "queue");
  write("config/replication", "history");
  BOOST_TEST(!order_resync(directory.path(), "before-resync-1"));
  obey_resync(config(BrokerRole::slave));
  BOOST_TEST(std::filesystem::exists(path("before-resync-1/consumequeue/T")));
  BOOST_TEST(!std::filesystem::exists(path("config/replication")));
}

BOOST_AUTO_TEST_CASE(a_master_keeps_its_log_whatever_was_ordered) {
  write("commitlog/00000000000000000000", "log");
  BOOST_TEST(!order_resync(directory.path(), "before-resync-1"));
  obey_resync(config(BrokerRole::sync_master));
  BOOST_TEST(!std::filesystem::is_empty(path("commitlog")));
  BOOST_TEST(!std::filesystem::exists(path("config/resync")));
  BOOST_TEST(!order_resync(directory.path(), "../elsewhere"));
  obey_resync(config(BrokerRole::slave));
  BOOST_TEST(!std::filesystem::is_empty(path("commitlog")));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace

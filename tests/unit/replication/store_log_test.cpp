// Replication over real stores: what a master's store has, its replica's store has.

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <string>

#include "comet/message/record.hpp"
#include "comet/replication/store_log.hpp"
#include "comet/store/message_store.hpp"
#include "temp_directory.hpp"
#include "world.hpp"

using namespace comet;
using namespace comet::replication;
using namespace comet::replication::test;

namespace {

// A store in a directory of its own, with the history of its log.
class Stored {
 public:
  explicit Stored(World& world, store::FlushMode flush = store::FlushMode::async_flush)
      : world_(world), history(std::make_unique<MemoryStateFile>(disk)) {
    config.root = directory.path() + "/store";
    config.commit_log_file_size = kFile;
    config.flush = flush;
    config.replicated = true;
    open();
  }
  ~Stored() { store->close(); }
  void open() {
    if (store) store->close();
    log.reset();
    store.reset();
    store.emplace(config, world_.executor(), world_.time);
    log.emplace(store->raw_log());
  }
  // Returns the queue offset.
  std::int64_t append(std::string_view body) {
    RecordView record;
    record.topic = "T";
    record.queue_id = 1;
    record.body = body;
    record.properties = "KEYS\1k";
    const store::AppendResult result = world_.run(store->append(record, false));
    BOOST_TEST_REQUIRE(!result.error, result.error.message());
    return result.queue_offset;
  }
  [[nodiscard]] std::vector<std::string> bodies() const {
    std::vector<std::string> found;
    for (std::int64_t at = 0; at < store->max_offset("T", 1);) {
      const store::ReadResult read = store->read("T", 1, at, store::ReadLimits());
      BOOST_TEST_REQUIRE((read.status == store::ReadStatus::found));
      for (const MessageExt& message : decode_records(read.records.to_string())) {
        found.push_back(message.body());
      }
      at = read.next_offset;
    }
    return found;
  }
  // The files of the log, one after the other.
  [[nodiscard]] std::string files() const {
    std::map<std::string, std::string> by_name;
    for (const auto& entry : std::filesystem::directory_iterator(config.root + "/commitlog")) {
      std::ifstream file(entry.path(), std::ios::binary);
      by_name[entry.path().filename()] = {std::istreambuf_iterator<char>(file),
                                          std::istreambuf_iterator<char>()};
    }
    std::string all;
    for (const auto& [name, content] : by_name) all += content;
    const auto end = static_cast<std::size_t>(log->end() - log->begin());
    return all.substr(0, end);
  }

 private:
  World& world_;

 public:
  comet::test::TempDirectory directory;
  store::StoreConfig config;
  std::shared_ptr<Disk> disk = std::make_shared<Disk>();  // of the history
  std::optional<store::MessageStore> store;
  std::optional<StoreLog> log;
  History history;
};

class StoredMaster {
 public:
  StoredMaster(World& world, Stored& stored, int masterships = 1)
      : world_(world), network_(world.network.as_host("10.0.0.1")) {
    for (int i = 0; i < masterships; ++i) {
      coordinator_ = std::make_unique<LocalCoordinator>(stored.history, *stored.log);
    }
    config_.self = peer_name(0);
    config_.listen_at = kHaAddress;
    set = std::make_unique<InSyncSet>(world.executor(), world.time, InSyncConfig(), *stored.log,
                                      *coordinator_, stored.history);
    service_ = std::make_unique<HaService>(
        world.executor(), *network_, world.time, config_,
        HaServiceParts(*stored.log, stored.history, *coordinator_, *set, nullptr));
    set->start();
    service_->start();
  }
  ~StoredMaster() {
    world_.run(service_->stop());
    world_.run(set->stop());
  }
  Confirmation confirmed(std::int64_t end) {
    return world_.run(set->wait_confirmed(end, world_.time.now() + 3s));
  }

 private:
  World& world_;
  std::unique_ptr<Network> network_;
  HaServiceConfig config_;
  std::unique_ptr<LocalCoordinator> coordinator_;

 public:
  std::unique_ptr<InSyncSet> set;

 private:
  std::unique_ptr<HaService> service_;
};

class StoredSlave {
 public:
  StoredSlave(World& world, Stored& stored)
      : world_(world), network_(world.network.as_host("10.0.0.2")) {
    config_.self = peer_name(1);
    config_.random_seed = 7;
    client = std::make_unique<HaClient>(world.executor(), *network_, world.time, config_,
                                        HaClientParts(*stored.log, stored.history));
    client->set_master(kHaAddress);
    client->start();
  }
  ~StoredSlave() { world_.run(client->stop()); }

 private:
  World& world_;
  std::unique_ptr<Network> network_;
  HaClientConfig config_;

 public:
  std::unique_ptr<HaClient> client;
};

// The stores' own threads take part, in real time.
void wait_until(World& world, const std::function<bool()>& condition) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition() && std::chrono::steady_clock::now() < limit) {
    world.pass(20ms);
    world.context.restart();
    world.context.run_one_for(10ms);
  }
  BOOST_TEST_REQUIRE(condition());
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(store_log, World)

BOOST_AUTO_TEST_CASE(a_replicas_store_has_the_masters_files_and_messages) {
  for (auto flush : {store::FlushMode::async_flush, store::FlushMode::sync_flush}) {
    Stored one(*this);
    Stored other(*this, flush);
    for (int i = 0; i < 40; ++i) one.append(std::to_string(i) + std::string(300, 'b'));
    StoredMaster master(*this, one);
    StoredSlave slave(*this, other);
    wait_until(*this, [&] { return master.set->size() == 2; });
    BOOST_TEST(one.append("the last") == 40);
    wait_until(*this, [&] { return master.set->confirmed() == one.log->end(); });
    BOOST_TEST((master.confirmed(one.log->end()) == Confirmation::put_ok));
    wait_until(*this, [&] { return other.store->max_offset("T", 1) == 41; });
    BOOST_TEST((other.files() == one.files()));
    BOOST_TEST((other.bodies() == one.bodies()));
    BOOST_TEST(one.store->max_offset("T", 1) == 41);
    BOOST_TEST((other.log->record_before(kNoLimit) == one.log->record_before(kNoLimit)));
  }
}

BOOST_AUTO_TEST_CASE(a_deposed_masters_store_is_cut_back_and_follows) {
  Stored one(*this);
  Stored other(*this);
  {
    StoredMaster master(*this, one);
    StoredSlave slave(*this, other);
    for (int i = 0; i < 20; ++i) one.append(std::to_string(i) + std::string(300, 'b'));
    wait_until(*this, [&] {
      return master.set->size() == 2 && master.set->confirmed() == one.log->end();
    });
  }
  // Nobody confirms what the first one stores alone; then the second is master.
  for (int i = 0; i < 10; ++i) one.append("alone " + std::string(300, 'a'));
  const std::int64_t alone = one.log->end();
  one.log->set_read_limit(kNoLimit);
  BOOST_TEST(one.store->max_offset("T", 1) == 30);
  StoredMaster master(*this, other, 2);
  BOOST_TEST(other.append("of the second") == 20);
  StoredSlave slave(*this, one);
  wait_until(*this, [&] { return one.log->end() < alone; });
  BOOST_TEST(other.append("of the second, too") == 21);
  wait_until(*this, [&] {
    return master.set->size() == 2 && master.set->confirmed() == other.log->end();
  });
  wait_until(*this, [&] { return one.store->max_offset("T", 1) == 22; });
  BOOST_TEST((one.files() == other.files()));
  BOOST_TEST((one.bodies() == other.bodies()));
  BOOST_TEST(one.bodies().back() == "of the second, too");
  BOOST_TEST(std::filesystem::exists(one.config.root + "/damaged"));
}

BOOST_AUTO_TEST_SUITE_END()

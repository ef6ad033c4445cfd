// Three brokers, a coordinator, and everything that goes wrong between them, in virtual time:
//
//   replication_seeds [--seeds N] [--seed FIRST] [--steps N]
//
// Kills, power cuts, torn records, cut and frozen hosts, a coordinator that does not answer or
// answers late, elections at any moment. Held up: what was answered 0 is, at that moment, on the
// disks of two brokers at least by their own flush mode; it is in the log of everybody who is
// elected afterwards and in everybody's at the end, once; and then all logs are equal, byte for
// byte.

#include <boost/asio/co_spawn.hpp>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <stdexcept>

#include "comet/base/log.hpp"
#include "comet/replication/ha_client.hpp"
#include "comet/replication/ha_service.hpp"
#include "memory_log.hpp"
#include "virtual_world.hpp"

using namespace comet;
using namespace comet::replication;
using namespace comet::replication::test;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t kFile = 4096;
constexpr int kBrokers = 3;
constexpr int kSenders = 3;

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what); }

// What the coordinator's cluster holds (failover.md 2: meta).
struct Meta {
  std::int64_t revision = 0;
  std::int64_t epoch = 0;
  MemberId master = 0;
  std::set<MemberId> members;  // without the master
};

class Simulation;

class MetaCoordinator final : public Coordinator {
 public:
  MetaCoordinator(Simulation& simulation, int broker, const EpochEntry& mastership)
      : simulation_(simulation), broker_(broker), mastership_(mastership) {}
  EpochEntry mastership() const override { return mastership_; }
  bool is_master() const override { return heard_ <= mastership_.epoch; }
  void heard_epoch(std::int64_t epoch, const std::string&) override {
    heard_ = std::max(heard_, epoch);
  }
  std::vector<MemberId> members() const override;
  bool admits_unnamed() const override { return false; }
  asio::awaitable<SetChange> change_set(std::vector<MemberId> from,
                                        std::vector<MemberId> to) override;
  asio::awaitable<std::vector<MemberId>> settle() override;

 private:
  [[nodiscard]] SetChange apply(std::int64_t revision, const std::vector<MemberId>& to);
  static asio::awaitable<void> apply_late(Simulation& simulation, std::int64_t epoch,
                                          std::int64_t revision, std::vector<MemberId> to);

  Simulation& simulation_;
  const int broker_;
  const EpochEntry mastership_;
  std::int64_t heard_ = 0;
};

// A broker from its start to its end.
struct Life {
  Life(asio::any_io_executor executor, TimeSource& time, std::shared_ptr<Disk> disk,
       MemoryLog::Flush flush)
      : log(executor, time, disk, kFile, flush), history(std::make_unique<MemoryStateFile>(disk)) {}
  MemoryLog log;
  History history;
  std::unique_ptr<MetaCoordinator> coordinator;
  std::unique_ptr<InSyncSet> set;
  std::unique_ptr<HaService> service;
  std::unique_ptr<HaClient> client;
  bool is_over = false;
  [[nodiscard]] bool is_master() const { return service != nullptr; }
};

struct Broker {
  std::shared_ptr<Disk> disk = std::make_shared<Disk>();
  MemoryLog::Flush flush = MemoryLog::Flush::async;
  std::unique_ptr<Network> network;
  std::shared_ptr<Life> life;
  bool sees_meta = true;
  [[nodiscard]] std::int64_t durable() const {
    return flush == MemoryLog::Flush::async ? disk->end() : std::min(disk->synced, disk->end());
  }
};

class Simulation {
 public:
  explicit Simulation(std::uint64_t seed)
      : random(seed), background_(world.executor(), world.time) {}
  ~Simulation() = default;

  void run(int steps);

  int pick(int from, int to) { return std::uniform_int_distribution<int>(from, to)(random); }
  bool happens(int percent) { return pick(1, 100) <= percent; }
  Duration some(Duration most) {
    return Duration(std::uniform_int_distribution<Duration::rep>(0, most.count())(random));
  }
  void in_background(asio::awaitable<void> task) {
    background_.spawn("simulation", std::move(task));
  }

  comet::test::VirtualWorld world;
  std::mt19937_64 random;
  Meta meta;
  std::map<int, Broker> brokers;
  std::uint64_t answers = 0, elections = 0, crashes = 0, truncated = 0;

 private:
  static std::string host(int id) { return "10.0.0." + std::to_string(id); }
  static Address address(int id) { return {host(id), 10912}; }
  PeerName name(int id) const;

  void start(int id);
  void crash(int id, bool power);
  void stop_roles(Life& life);
  void follow(int id);
  void elect(int id);
  void look_at_meta(int id);
  void step();
  void heal();
  void check_elected(int id);
  void check_answer(int id, std::int64_t begin, std::int64_t end);
  void check_end();
  [[nodiscard]] bool may_stand(int id) const;

  static asio::awaitable<void> send(Simulation& simulation, int id, std::shared_ptr<Life> life);
  static asio::awaitable<void> flush(Simulation& simulation, std::shared_ptr<Life> life);

  std::set<std::string> answered_;
  std::uint64_t number_ = 0;
  bool is_quiet_ = false;
  std::string broken_;
  TaskGroup background_;
};

// --- The coordinator ---

std::vector<MemberId> MetaCoordinator::members() const {
  return {simulation_.meta.members.begin(), simulation_.meta.members.end()};
}

SetChange MetaCoordinator::apply(std::int64_t revision, const std::vector<MemberId>& to) {
  Meta& meta = simulation_.meta;
  if (meta.revision != revision || meta.epoch != mastership_.epoch) return SetChange::refused;
  ++meta.revision;
  meta.members = std::set<MemberId>(to.begin(), to.end());
  return SetChange::granted;
}

asio::awaitable<void> MetaCoordinator::apply_late(Simulation& simulation, std::int64_t epoch,
                                                  std::int64_t revision, std::vector<MemberId> to) {
  Timer timer(simulation.world.executor(), simulation.world.time);
  co_await timer.wait_for(simulation.some(3s));
  Meta& meta = simulation.meta;
  if (meta.revision != revision || meta.epoch != epoch) co_return;
  ++meta.revision;
  meta.members = std::set<MemberId>(to.begin(), to.end());
}

asio::awaitable<SetChange> MetaCoordinator::change_set(std::vector<MemberId> /*from*/,
                                                       std::vector<MemberId> to) {
  Timer timer(simulation_.world.executor(), simulation_.world.time);
  const std::int64_t revision = simulation_.meta.revision;
  co_await timer.wait_for(simulation_.some(20ms));
  if (!simulation_.brokers.at(broker_).sees_meta || simulation_.happens(15)) {
    if (simulation_.happens(50)) {  // it was on its way, or there without an answer
      simulation_.in_background(apply_late(simulation_, mastership_.epoch, revision, to));
    }
    co_return SetChange::unknown;
  }
  const SetChange outcome = apply(revision, to);
  co_await timer.wait_for(simulation_.some(20ms));
  co_return simulation_.happens(10) ? SetChange::unknown : outcome;
}

asio::awaitable<std::vector<MemberId>> MetaCoordinator::settle() {
  Timer timer(simulation_.world.executor(), simulation_.world.time);
  for (;;) {
    co_await timer.wait_for(200ms + simulation_.some(200ms));
    if (!simulation_.brokers.at(broker_).sees_meta) continue;
    Meta& meta = simulation_.meta;
    if (meta.epoch != mastership_.epoch) {
      heard_ = meta.epoch;
      co_await timer.wait_until(Instant::max());
    }
    ++meta.revision;  // the same set again: what is still on its way finds another revision
    co_return members();
  }
}

// --- Brokers ---

PeerName Simulation::name(int id) const {
  PeerName name;
  name.broker_name = "broker-a";
  name.id = id;
  name.address = host(id);
  return name;
}

void Simulation::start(int id) {
  Broker& broker = brokers.at(id);
  broker.life = std::make_shared<Life>(world.executor(), world.time, broker.disk, broker.flush);
  in_background(flush(*this, broker.life));
  world.network.set_down(host(id), false);
  follow(id);
}

void Simulation::follow(int id) {
  Broker& broker = brokers.at(id);
  Life& life = *broker.life;
  HaClientConfig config;
  config.self = name(id);
  config.wire = WirePolicy::comet;
  config.random_seed = random() | 1;
  life.client = std::make_unique<HaClient>(world.executor(), *broker.network, world.time, config,
                                           HaClientParts(life.log, life.history));
  life.client->start();
  look_at_meta(id);
}

// What survives is copied; what the dying one still does is done to its own copy.
void Simulation::crash(int id, bool power) {
  Broker& broker = brokers.at(id);
  const std::shared_ptr<Life> life = std::exchange(broker.life, nullptr);
  life->is_over = true;
  auto survives = std::make_shared<Disk>(*broker.disk);
  if (power) {
    survives->cut_power(random);
  } else if (happens(30)) {
    survives->bytes +=
        std::string(life->log.bytes().substr(0, static_cast<std::size_t>(pick(0, 90))));
  }
  broker.disk = std::move(survives);
  world.network.set_down(host(id), true);
  ++crashes;
  life->log.close();
  stop_roles(*life);
}

void Simulation::stop_roles(Life& life) {
  if (life.client) {
    world.run(life.client->stop());
    truncated += life.client->counters().truncated_bytes;
  }
  if (life.service) world.run(life.service->stop());
  if (life.set) world.run(life.set->stop());
  life.client = nullptr;
  life.service = nullptr;
  life.set = nullptr;
  life.coordinator = nullptr;
}

bool Simulation::may_stand(int id) const {
  const Broker& broker = brokers.at(id);
  if (broker.life == nullptr || broker.life->is_master() || !broker.sees_meta) return false;
  return meta.members.contains(id) || meta.master == id;
}

// A member of the set no longer confirms the old epoch, wins the new one, and takes office.
void Simulation::elect(int id) {
  Broker& broker = brokers.at(id);
  Life& life = *broker.life;
  stop_roles(life);
  if (!may_stand(id)) return follow(id);
  ++meta.revision;
  ++meta.epoch;
  meta.master = id;
  meta.members.erase(id);
  ++elections;
  check_elected(id);
  const EpochEntry mastership(meta.epoch, life.log.end(), random());
  if (life.history.begin_mastership(mastership)) fail("no mastership");
  life.coordinator = std::make_unique<MetaCoordinator>(*this, id, mastership);
  life.set = std::make_unique<InSyncSet>(world.executor(), world.time, InSyncConfig(), life.log,
                                         *life.coordinator, life.history);
  HaServiceConfig config;
  config.self = name(id);
  config.listen_at = address(id);
  life.service = std::make_unique<HaService>(
      world.executor(), *broker.network, world.time, config,
      HaServiceParts(life.log, life.history, *life.coordinator, *life.set));
  life.set->start();
  life.service->start();
  for (int i = 0; i < kSenders; ++i) in_background(send(*this, id, broker.life));
}

void Simulation::look_at_meta(int id) {
  Broker& broker = brokers.at(id);
  if (broker.life == nullptr || !broker.sees_meta) return;
  Life& life = *broker.life;
  if (life.is_master()) {
    if (life.coordinator->mastership().epoch == meta.epoch) return;
    life.coordinator->heard_epoch(meta.epoch, "meta");
    stop_roles(life);
    return follow(id);
  }
  if (meta.master != 0 && meta.master != id) {
    life.client->set_master(address(static_cast<int>(meta.master)));
  }
}

asio::awaitable<void> Simulation::flush(Simulation& simulation, std::shared_ptr<Life> life) {
  Timer timer(simulation.world.executor(), simulation.world.time);
  while (!life->is_over) {
    co_await timer.wait_for(1ms + simulation.some(10ms));
    if (!life->is_over) life->log.sync();
  }
}

asio::awaitable<void> Simulation::send(Simulation& simulation, int id, std::shared_ptr<Life> life) {
  Timer timer(simulation.world.executor(), simulation.world.time);
  const std::int64_t epoch = life->coordinator->mastership().epoch;
  const auto holds_office = [&] {
    return !life->is_over && life->is_master() && life->coordinator->mastership().epoch == epoch;
  };
  while (!simulation.is_quiet_) {
    co_await timer.wait_for(simulation.some(60ms));
    if (!holds_office()) co_return;
    const std::string body = fmt::format("{}-{}-{}", id, epoch, ++simulation.number_) +
                             std::string(static_cast<std::size_t>(simulation.pick(0, 200)), 'x');
    const std::int64_t begin = life->log.end();
    const std::int64_t end = life->log.store(body);
    const Confirmation answer =
        co_await life->set->wait_confirmed(end, simulation.world.time.now() + 3s);
    if (life->is_over) co_return;  // nobody gets this answer
    if (answer != Confirmation::put_ok) continue;
    ++simulation.answers;
    simulation.answered_.insert(body);
    simulation.check_answer(id, begin, end);
  }
}

// --- What is held up ---

void Simulation::check_answer(int id, std::int64_t begin, std::int64_t end) {
  const Disk& own = *brokers.at(id).disk;
  const auto part = [&](const Disk& disk) {
    return std::string_view(disk.bytes)
        .substr(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
  };
  int copies = 0;
  for (const auto& [other, broker] : brokers) {
    if (broker.durable() >= end && part(*broker.disk) == part(own)) ++copies;
  }
  if (copies < 2 && broken_.empty()) {
    broken_ =
        fmt::format("answered 0 with {} copies: {} to {} of broker {}", copies, begin, end, id);
  }
}

void Simulation::check_elected(int id) {
  std::multiset<std::string> there;
  for (std::string& body : brokers.at(id).life->log.bodies()) there.insert(std::move(body));
  for (const std::string& body : answered_) {
    if (there.count(body) != 1) {
      fail(fmt::format("broker {} is elected with {} times {}", id, there.count(body),
                       body.substr(0, 20)));
    }
  }
}

void Simulation::check_end() {
  const int master = static_cast<int>(meta.master);
  check_elected(master);
  for (auto& [id, broker] : brokers) {
    if (broker.disk->bytes != brokers.at(master).disk->bytes) {
      fail(fmt::format("broker {} ends at {}, the master {} at {}: not equal", id,
                       broker.disk->end(), master, brokers.at(master).disk->end()));
    }
  }
}

// --- What happens ---

void Simulation::step() {
  const int id = pick(1, kBrokers);
  Broker& broker = brokers.at(id);
  const int what = pick(1, 100);
  if (what <= 14 && broker.life != nullptr) {
    crash(id, broker.flush == MemoryLog::Flush::sync && happens(50));
  } else if (what <= 34 && broker.life == nullptr) {
    start(id);
  } else if (what <= 42) {
    world.network.set_frozen(host(id), true);
  } else if (what <= 52) {
    world.network.set_frozen(host(id), false);
  } else if (what <= 58) {
    world.network.cut_connections(host(id));
  } else if (what <= 63) {
    broker.sees_meta = false;
  } else if (what <= 70) {
    broker.sees_meta = true;
  } else if (what <= 88) {
    look_at_meta(id);
  } else if (may_stand(id)) {
    elect(id);
  }
}

void Simulation::heal() {
  for (auto& [id, broker] : brokers) {
    world.network.set_frozen(host(id), false);
    broker.sees_meta = true;
    if (broker.life == nullptr) start(id);
  }
  for (int round = 0; round < 3; ++round) {
    for (auto& [id, broker] : brokers) look_at_meta(id);
    if (!brokers.at(static_cast<int>(meta.master)).life->is_master()) {
      elect(static_cast<int>(meta.master));
    }
    world.pass(1s);
  }
  world.pass(10s);
  is_quiet_ = true;
  world.pass(20s);
}

void Simulation::run(int steps) {
  world.network.set_latency(200us);
  for (int id = 1; id <= kBrokers; ++id) {
    Broker& broker = brokers[id];
    broker.flush = happens(50) ? MemoryLog::Flush::sync : MemoryLog::Flush::async;
    broker.network = world.network.as_host(host(id));
  }
  meta.master = 1;
  for (int id = 1; id <= kBrokers; ++id) start(id);
  elect(1);
  for (int i = 2; i <= kBrokers; ++i) look_at_meta(i);
  for (int i = 0; i < steps && broken_.empty(); ++i) {
    world.pass(some(happens(10) ? Duration(3s) : Duration(300ms)));
    step();
  }
  heal();
  if (!broken_.empty()) fail(broken_);
  check_end();
  for (auto& [id, broker] : brokers) {
    broker.life->is_over = true;
    stop_roles(*broker.life);
  }
  background_.cancel();
  world.run(background_.join());
}

int run_seeds(std::uint64_t first, std::uint64_t count, int steps) {
  std::uint64_t answers = 0, elections = 0, crashes = 0, truncated = 0;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    Simulation simulation(seed);
    try {
      simulation.run(steps);
    } catch (const std::exception& problem) {
      std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), problem.what());
      std::fflush(stdout);
      std::_Exit(1);  // what is suspended is not taken down in order
    }
    answers += simulation.answers;
    elections += simulation.elections;
    crashes += simulation.crashes;
    truncated += simulation.truncated;
  }
  std::printf(
      "%llu seeds from %llu: %llu sends answered 0, %llu elections, %llu crashes, %llu bytes "
      "of diverged tails cut; none lost\n",
      static_cast<unsigned long long>(count), static_cast<unsigned long long>(first),
      static_cast<unsigned long long>(answers), static_cast<unsigned long long>(elections),
      static_cast<unsigned long long>(crashes), static_cast<unsigned long long>(truncated));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t first = 1, count = 100;
  int steps = 60;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string option = argv[i];
    const std::uint64_t value = std::strtoull(argv[i + 1], nullptr, 10);
    if (option == "--seed") first = value;
    if (option == "--seeds") count = value;
    if (option == "--steps") steps = static_cast<int>(value);
  }
  log::configure(std::getenv("COMET_LOG") != nullptr ? log::Level::info : log::Level::off);
  return run_seeds(first, count, steps);
}

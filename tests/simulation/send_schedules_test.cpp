// Sends through every fault that a seed can think of: each ends exactly once, by its deadline, with
// a result that a broker's log bears out or with an error that fits.
//
// COMET_SCHEDULES=100000 and COMET_FIRST_SEED=1 in the environment run more of them; a failure
// names its seed.

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <list>
#include <random>

#include "comet/producer/producer.hpp"
#include "comet/remoting/errors.hpp"
#include "fake_cluster.hpp"

using namespace std::chrono_literals;

namespace comet::inline v0_1::test {
namespace {

using Act = FakeBroker::Act;

constexpr Duration kTick = 1ms;
constexpr Duration kFaultsUntil = 4s;

// What went on, over all schedules.
class Tally {
 public:
  std::uint64_t schedules = 0;
  std::uint64_t sends = 0;
  std::uint64_t stored = 0;
  std::uint64_t failed = 0;
  std::uint64_t cancelled = 0;
  std::uint64_t refused = 0;  // after a shutdown
};

class Schedule : public VirtualWorld {
 public:
  explicit Schedule(std::uint64_t seed) : random_(seed) {}

  void play(Tally& tally) {
    choose_route();
    start_producer();
    plan_faults();
    plan_sends();
    while (!events_.empty()) {
      auto next = events_.extract(events_.begin());
      pass(next.key() - time.now());
      next.mapped()();
    }
    run_until([this] { return all_done(); }, 60s);
    mend();
    run(producer_->shutdown());
    settle();
    check(tally);
    producer_.reset();
    if (garbage_) garbage_->close();
    pass(1s);
    for (FakeBroker* broker : {&broker_a_, &broker_b_}) broker->stop();
    name_server_.stop();
    pass(1s);
  }

 private:
  class Sending {
   public:
    Instant begun{};
    Instant ended{};
    Duration timeout{};
    std::size_t count = 1;
    int ends = 0;
    bool cancel_asked = false;
    bool oneway = false;
    std::exception_ptr problem;
    SendResult result;
    asio::cancellation_signal signal;
  };

  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
  bool one_in(std::uint64_t chances) { return below(chances) == 0; }
  Duration up_to(Duration most) {
    return Duration(
        static_cast<Duration::rep>(below(static_cast<std::uint64_t>(most.count()) + 1)));
  }
  template <class T>
  T one_of(std::initializer_list<T> choices) {
    return *(choices.begin() + below(choices.size()));
  }
  FakeBroker& any_broker() { return one_in(2) ? broker_a_ : broker_b_; }
  const char* any_host() { return one_of({"host-a", "host-b", "ns1"}); }
  void at(Instant when, std::function<void()> what) { events_.emplace(when, std::move(what)); }

  void choose_route() {
    std::vector<const FakeBroker*> brokers{&broker_a_};
    if (!one_in(4)) brokers.push_back(&broker_b_);
    routing::TopicRouteData route = make_route(brokers, 1 + static_cast<std::int32_t>(below(4)));
    if (one_in(8)) add_garbage_broker(route);
    if (!one_in(10)) name_server_.routes[one_in(4) ? "TBW102" : "orders"] = route;
    if (one_in(4)) network.set_latency(up_to(200ms));
    if (one_in(8)) network.set_max_read(1 + below(50));
  }

  void start_producer() {
    ProducerConfig config("schedules");
    config.name_servers("ns1:9876").retries(static_cast<int>(below(4)));
    timeout_ = one_of<Duration>({300ms, 1s, 3s});
    config.send_timeout(timeout_);
    if (one_in(3))
      config.latency_fault_tolerance(true, one_of({FaultRules::v4_9, FaultRules::v5_3}));
    if (one_in(8)) config.reachability_detector(true);
    if (one_in(3)) config.auto_batch(true, up_to(50ms), 1 + below(1000));
    if (one_in(4)) config.max_in_flight(1 + below(3), 1 + below(2000));
    if (one_in(4)) config.max_timeout_per_try(1ms + up_to(1s));
    if (one_in(4)) config.retry_pause(0s);
    if (one_in(4)) config.retry_when_not_store_ok(true);
    if (one_in(8)) config.message_trace(true);
    config.client().watch_routes = one_in(2);
    config.client().random_seed = random_();
    producer_ = std::make_unique<Producer>(executor(), config, network, time);
    run(producer_->start());
  }

  // A broker whose every answer is noise.
  void add_garbage_broker(routing::TopicRouteData& route) {
    garbage_ = network.listen(executor(), Address("host-g", 10911));
    auto ignore = [](std::exception_ptr) {};
    asio::co_spawn(context, accept_for_garbage(*this, *garbage_), ignore);
    routing::QueueData queue = route.queues.front();
    queue.broker_name = "broker-g";
    route.queues.push_back(queue);
    routing::BrokerData broker = route.brokers.front();
    broker.broker_name = "broker-g";
    broker.broker_addrs[routing::kMasterId] = "host-g:10911";
    route.brokers.push_back(broker);
  }
  static asio::awaitable<void> accept_for_garbage(Schedule& world, Listener& listener) {
    auto ignore = [](std::exception_ptr) {};
    for (;;) {
      std::unique_ptr<Stream> stream = co_await listener.accept(world.executor());
      asio::co_spawn(world.context, answer_garbage(world.random_(), std::move(stream)), ignore);
    }
  }
  static asio::awaitable<void> answer_garbage(std::uint64_t seed, std::unique_ptr<Stream> stream) {
    std::mt19937_64 random(seed);
    std::string chunk(4096, '\0');
    for (;;) {
      IoResult got = co_await stream->read_some(asio::buffer(chunk));
      if (got.error) co_return;
      std::string noise;
      // Sometimes with the beginning of a frame of a plausible length.
      if (random() % 2 == 0) noise.append("\0\0\0\x20\0\0\0\x10", 8);
      while (noise.size() < 64) noise += static_cast<char>(random());
      const asio::const_buffer piece(noise.data(), noise.size());
      got = co_await stream->write(std::span(&piece, 1));
      if (got.error) co_return;
    }
  }

  Act any_act() {
    switch (below(8)) {
      case 0:
        return Act::hang();
      case 1:
        return Act::close();
      case 2:
        return Act::empty_answer();
      case 3:
        return Act();
      default:
        break;
    }
    return Act::code(one_of({ResponseCode::system_error, ResponseCode::system_busy,
                             ResponseCode::service_not_available, ResponseCode::no_permission,
                             ResponseCode::topic_not_exist, ResponseCode::no_buyer_id,
                             ResponseCode::not_in_current_unit, ResponseCode::message_illegal,
                             ResponseCode::flush_disk_timeout, ResponseCode::flush_slave_timeout,
                             ResponseCode::slave_not_available, ResponseCode::go_away}));
  }

  void plan_faults() {
    const std::uint64_t faults = below(8);
    for (std::uint64_t i = 0; i < faults; ++i) {
      const Instant begin = time.now() + up_to(kFaultsUntil);
      const Instant end = begin + up_to(2s);
      const std::string host = any_host();
      switch (below(8)) {
        case 0:
          at(begin, [this, host] { network.set_down(host, true); });
          at(end, [this, host] { network.set_down(host, false); });
          break;
        case 1:
          at(begin, [this, host] { network.set_frozen(host, true); });
          at(end, [this, host] { network.set_frozen(host, false); });
          break;
        case 2:
          at(begin, [this, host] { network.cut_connections(host); });
          break;
        case 3:
          at(begin, [this, slow = up_to(800ms)] { network.set_latency(slow); });
          at(end, [this] { network.set_latency(0ms); });
          break;
        case 4:
          at(begin, [act = any_act(), &broker = any_broker()] { broker.otherwise = act; });
          at(end, [this] { broker_a_.otherwise = broker_b_.otherwise = Act(); });
          break;
        case 5: {
          FakeBroker& broker = any_broker();
          at(begin, [&broker, first = any_act(), second = any_act()] {
            broker.script.push_back(first);
            broker.script.push_back(second);
          });
          break;
        }
        case 6:
          at(begin, [this] { spoil_name_server(); });
          at(end, [this] { mend_name_server(); });
          break;
        default:
          at(begin, [this, &broker = any_broker()] {
            name_server_.routes["orders"] = make_route({&broker});
          });
          break;
      }
    }
    if (one_in(5)) {
      at(time.now() + up_to(kFaultsUntil), [this] {
        shutting_down_ = true;
        auto ignore = [](std::exception_ptr) {};
        asio::co_spawn(context, producer_->shutdown(), ignore);
      });
    }
  }
  void spoil_name_server() {
    switch (below(3)) {
      case 0:
        name_server_.silent = true;
        break;
      case 1:
        name_server_.refuse = ResponseCode::system_error;
        break;
      default:
        name_server_.body = "{\"brokerDatas\":[{]";
        break;
    }
  }
  void mend_name_server() {
    name_server_.silent = false;
    name_server_.refuse.reset();
    name_server_.body.reset();
  }
  void mend() {
    for (const char* host : {"host-a", "host-b", "ns1"}) {
      network.set_down(host, false);
      network.set_frozen(host, false);
    }
    network.set_latency(0ms);
    mend_name_server();
  }

  void plan_sends() {
    const std::uint64_t sends = 1 + below(8);
    for (std::uint64_t i = 0; i < sends; ++i) {
      const Instant begin = time.now() + up_to(kFaultsUntil);
      sendings_.emplace_back();
      Sending& sending = sendings_.back();
      at(begin, [this, &sending] { begin_send(sending); });
      if (!one_in(6)) continue;
      at(begin + up_to(timeout_), [&sending] {
        if (sending.ends > 0) return;
        sending.cancel_asked = true;
        sending.signal.emit(asio::cancellation_type::terminal);
      });
    }
  }
  void begin_send(Sending& sending) {
    sending.begun = time.now();
    sending.timeout = timeout_;
    auto on_end = [this, &sending](std::exception_ptr problem, SendResult result) {
      ++sending.ends;
      sending.ended = time.now();
      sending.problem = problem;
      sending.result = std::move(result);
    };
    asio::co_spawn(context, any_send(sending),
                   asio::bind_cancellation_slot(sending.signal.slot(), on_end));
  }
  asio::awaitable<SendResult> any_send(Sending& sending) {
    const std::string body(1 + below(one_in(10) ? 9000 : 100), 'x');
    Message message("orders", body);
    SendOptions options;
    switch (below(8)) {
      case 0:
        return producer_->send(std::move(message),
                               SendOptions(MessageQueue("orders", "broker-a", 0)));
      case 1:
        return producer_->send(std::move(message), options.ordered_by("key"));
      case 2:
        sending.count = 1 + below(5);
        return producer_->send_batch(std::vector<Message>(sending.count, message));
      case 3:
        sending.timeout = 1ms + up_to(2s);
        return producer_->send(std::move(message), options.timeout(sending.timeout));
      case 4:
        sending.oneway = true;
        return without_result(producer_->send_oneway(std::move(message)));
      default:
        return producer_->send(std::move(message));
    }
  }
  static asio::awaitable<SendResult> without_result(asio::awaitable<std::string> sending) {
    (void)co_await std::move(sending);
    co_return SendResult();
  }

  [[nodiscard]] bool all_done() const {
    return std::all_of(sendings_.begin(), sendings_.end(),
                       [](const Sending& sending) { return sending.ends > 0; });
  }

  void check(Tally& tally) {
    ++tally.schedules;
    for (const Sending& sending : sendings_) {
      ++tally.sends;
      BOOST_TEST(sending.ends == 1);
      const Duration took = sending.ended - sending.begun;
      BOOST_TEST((took <= sending.timeout + kTick),
                 "a send of " << to_millis(sending.timeout) << " ms took " << to_millis(took));
      if (!sending.problem) {
        ++tally.stored;
        if (!sending.oneway) check_stored(sending.result);
      } else {
        check_error(sending, tally);
      }
    }
  }
  void check_stored(const SendResult& result) {
    std::string_view ids = result.message_id;
    BOOST_TEST(!ids.empty());
    while (!ids.empty()) {
      const std::size_t end = std::min(ids.find(','), ids.size());
      const std::string id(ids.substr(0, end));
      BOOST_TEST((broker_a_.log.contains(id) || broker_b_.log.contains(id)), "lost: " << id);
      ids.remove_prefix(std::min(end + 1, ids.size()));
    }
  }
  void check_error(const Sending& sending, Tally& tally) {
    try {
      std::rethrow_exception(sending.problem);
    } catch (const SendError& error) {
      const bool is_cancelled = error.code() == asio::error::operation_aborted;
      ++(is_cancelled ? tally.cancelled : tally.failed);
      if (is_cancelled) BOOST_TEST(sending.cancel_asked, error.what());
      const bool is_known = is_cancelled || error.code().category() == client_category() ||
                            error.code() == remoting::RemotingErrc::too_many_requests ||
                            error.code().category() == remoting::response_category();
      BOOST_TEST(is_known, error.what());
      for (const SendTry& attempt : error.tries()) BOOST_TEST(!attempt.text.empty());
    } catch (const boost::system::system_error& error) {
      if (error.code() == asio::error::operation_aborted) {
        ++tally.cancelled;
        BOOST_TEST(sending.cancel_asked, error.what());
      } else if (error.code() == ClientErrc::not_running) {
        ++tally.refused;
        BOOST_TEST(shutting_down_, error.what());
      } else {
        ++tally.failed;
        const bool fits = error.code() == ClientErrc::no_name_server ||
                          error.code() == ClientErrc::topic_not_found ||
                          error.code() == ClientErrc::bad_answer ||
                          error.code() == ClientErrc::illegal_message ||
                          error.code() == remoting::RemotingErrc::too_many_requests ||
                          error.code().category() == remoting::response_category();
        BOOST_TEST(fits, error.what());
      }
    }
  }

  std::mt19937_64 random_;
  FakeNameServer name_server_{*this};
  FakeBroker broker_a_{*this, "broker-a", "host-a"};
  FakeBroker broker_b_{*this, "broker-b", "host-b"};
  std::unique_ptr<Listener> garbage_;
  std::unique_ptr<Producer> producer_;
  Duration timeout_{};
  bool shutting_down_ = false;
  std::multimap<Instant, std::function<void()>> events_;
  std::list<Sending> sendings_;
};

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

BOOST_AUTO_TEST_SUITE(send_schedules)

BOOST_AUTO_TEST_CASE(every_send_ends_once_in_time_and_what_is_acknowledged_is_stored) {
  const std::uint64_t count = from_environment("COMET_SCHEDULES", 1000);
  const std::uint64_t first = from_environment("COMET_FIRST_SEED", 1);
  Tally tally;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    BOOST_TEST_CONTEXT("COMET_FIRST_SEED=" << seed << " COMET_SCHEDULES=1") {
      try {
        Schedule schedule(seed);
        schedule.play(tally);
      } catch (const std::exception& error) {
        BOOST_ERROR(error.what());
      }
    }
  }
  BOOST_TEST_MESSAGE(tally.schedules << " schedules, " << tally.sends << " sends: " << tally.stored
                                     << " stored, " << tally.failed << " failed, "
                                     << tally.cancelled << " cancelled, " << tally.refused
                                     << " refused after a shutdown");
  BOOST_TEST(tally.schedules == count);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace comet::inline v0_1::test

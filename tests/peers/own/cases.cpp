// Runs the cases of our own producer against the nameserver given, ours or Apache's, and prints one
// line a case: "case", name, seconds, result. A result is "ok", what was seen where servers differ,
// or "failed: ...".
//
//   peer_producer NAMESERVER RUN [CASE...]

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "comet/base/awaitable.hpp"
#include "comet/base/error.hpp"
#include "comet/base/time.hpp"
#include "comet/base/timer.hpp"
#include "comet/client/client_instance.hpp"
#include "comet/client/queue_reader.hpp"
#include "comet/producer/producer.hpp"
#include "comet/producer/request_reply.hpp"
#include "comet/producer/transaction_producer.hpp"

namespace asio = boost::asio;
using namespace std::chrono_literals;
using comet::client::QueueReader;

template <class T>
using task = asio::awaitable<T>;

namespace {

constexpr auto kPatience = 60s;
constexpr auto kLongestDelivery = 15s;

class Mismatch : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

void check(bool holds, const std::string& what) {
  if (!holds) throw Mismatch(what);
}

// What one case has: a topic of its own, and how to read it.
class World {
 public:
  World(asio::any_io_executor executor_in, std::string name_server, const std::string& run,
        const std::string& name)
      : executor(std::move(executor_in)),
        topic(run + "-own-" + name),
        name_server_(std::move(name_server)) {}

  [[nodiscard]] comet::ProducerConfig config() const {
    comet::ProducerConfig made("p-" + topic);
    made.name_servers(name_server_);
    made.send_timeout(10s);
    return made;
  }
  [[nodiscard]] comet::Message message(int number) const {
    comet::Message made(topic, "body " + std::to_string(number));
    made.tag("tag" + std::to_string(number % 2)).key("key" + std::to_string(number));
    return made;
  }
  task<void> pause(comet::Duration time) const {
    comet::Timer timer(executor, comet::real_time());
    co_await timer.wait_for(time);
  }

  asio::any_io_executor executor;
  std::string topic;

 private:
  std::string name_server_;
};

// A started producer whose first send has made the topic, "body 0".
task<std::shared_ptr<comet::Producer>> started(World& world, comet::ProducerConfig config) {
  auto producer = std::make_shared<comet::Producer>(world.executor, std::move(config));
  co_await producer->start();
  co_return producer;
}

task<std::shared_ptr<comet::Producer>> with_topic(World& world, comet::ProducerConfig config) {
  auto producer = co_await started(world, std::move(config));
  co_await producer->send(world.message(0));
  co_return producer;
}

// All messages of a topic, once there are so many; what comes within half a second more, too.
task<std::vector<comet::MessageExt>> stored(World& world, comet::Producer& producer,
                                            std::size_t count, std::string topic) {
  const comet::Instant deadline = comet::real_time().now() + kPatience;
  for (bool enough = false;;) {
    std::vector<comet::MessageExt> messages;
    try {
      for (const comet::MessageQueue& queue :
           co_await comet::client::readable_queues(producer.client(), topic)) {
        QueueReader reader(producer.client(), queue);
        for (;;) {
          auto more = co_await reader.read();
          if (more.empty()) break;
          std::ranges::move(more, std::back_inserter(messages));
        }
      }
    } catch (const comet::Error&) {
      if (comet::real_time().now() > deadline) throw;  // the route of a new topic is on its way
    }
    if (enough) co_return messages;
    enough = messages.size() >= count;
    check(enough || comet::real_time().now() < deadline,
          "waited in vain: " + std::to_string(count) + " messages, " +
              std::to_string(messages.size()) + " came");
    co_await world.pause(500ms);
  }
}

// "body 0" to "body COUNT-1" are in the topic, each once.
task<std::vector<comet::MessageExt>> holds(World& world, comet::Producer& producer, int count) {
  auto messages = co_await stored(world, producer, static_cast<std::size_t>(count), world.topic);
  std::map<std::string, int> counts;
  for (const auto& one : messages) ++counts[one.body()];
  for (int i = 0; i < count; ++i) {
    const std::string body = "body " + std::to_string(i);
    check(counts[body] == 1, body + " is stored " + std::to_string(counts[body]) + " times");
  }
  check(messages.size() == static_cast<std::size_t>(count),
        std::to_string(messages.size()) + " messages, not " + std::to_string(count));
  co_return messages;
}

using Result = std::string;  // empty: ok

// -- sends

task<Result> send_sync_with(World& world, comet::ProducerConfig config) {
  auto producer = co_await with_topic(world, std::move(config));
  std::set<std::string> ids;
  for (int i = 1; i < 40; ++i) {
    const auto result = co_await producer->send(world.message(i));
    ids.insert(result.message_id);
  }
  check(ids.size() == 39, "ids are not unique");
  const auto messages = co_await holds(world, *producer, 40);
  for (const auto& one : messages) {
    check(one.body() == "body 0" || ids.contains(std::string(one.unique_id())),
          "an id is not as told");
  }
  co_await producer->shutdown();
  co_return "";
}

task<Result> send_sync(World& world) { return send_sync_with(world, world.config()); }

task<Result> send_binary_headers(World& world) {
  comet::ProducerConfig config = world.config();
  config.serialize_type(comet::remoting::SerializeType::rocketmq);
  return send_sync_with(world, std::move(config));
}

task<Result> send_vip_channel(World& world) {
  comet::ProducerConfig config = world.config();
  config.vip_channel(true);
  return send_sync_with(world, std::move(config));
}

task<Result> send_async_with(World& world, comet::ProducerConfig config) {
  auto producer = co_await with_topic(world, std::move(config));
  int done = 0;
  int failed = 0;
  for (int i = 1; i < 100; ++i) {
    producer->async_send(world.message(i), [&](comet::error_code error, comet::SendOutcome) {
      ++done;
      if (error) ++failed;
    });
  }
  while (done < 99) co_await world.pause(20ms);
  check(failed == 0, "failed sends: " + std::to_string(failed));
  co_await holds(world, *producer, 100);
  co_await producer->shutdown();
  co_return "";
}

task<Result> send_async(World& world) { return send_async_with(world, world.config()); }

task<Result> send_auto_batch(World& world) {
  comet::ProducerConfig config = world.config();
  config.auto_batch(true);
  return send_async_with(world, std::move(config));
}

task<Result> send_oneway(World& world) {
  auto producer = co_await with_topic(world, world.config());
  for (int i = 1; i < 50; ++i) co_await producer->send_oneway(world.message(i));
  co_await holds(world, *producer, 50);
  co_await producer->shutdown();
  co_return "";
}

task<Result> send_batch(World& world) {
  auto producer = co_await started(world, world.config());
  std::vector<comet::Message> batch;
  for (int i = 0; i < 30; ++i) batch.push_back(world.message(i));
  const comet::SendResult told = co_await producer->send_batch(batch);
  std::set<std::string> ids;
  for (const auto& one : co_await holds(world, *producer, 30)) {
    check(told.message_id.find(one.unique_id()) != std::string::npos, "an id is not as told");
    ids.emplace(one.unique_id());
  }
  check(ids.size() == 30, "different ids at the reader: " + std::to_string(ids.size()));
  co_await producer->shutdown();
  co_return "";
}

task<Result> send_ordered(World& world) {
  auto producer = co_await with_topic(world, world.config());
  std::array<std::set<int>, 2> queues;
  for (int i = 1; i < 21; ++i) {
    comet::SendOptions options;
    options.ordered_by("order " + std::to_string(i % 2));
    const auto result = co_await producer->send(world.message(i), options);
    queues.at(static_cast<std::size_t>(i % 2)).insert(result.queue.queue_id);
  }
  check(queues[0].size() == 1 && queues[1].size() == 1, "several queues for one key");
  co_await holds(world, *producer, 21);
  co_await producer->shutdown();
  co_return "";
}

task<Result> send_properties(World& world) {
  auto producer = co_await started(world, world.config());
  comet::Message message = world.message(0);
  message.property("colour", "gr\u00fcn");
  const auto result = co_await producer->send(message);
  const auto messages = co_await holds(world, *producer, 1);
  const comet::MessageExt& got = messages.front();
  check(got.tag() == "tag0" && got.keys() == "key0", "tag or key");
  check(got.properties().get("colour") == "gr\u00fcn", "a property");
  check(got.unique_id() == result.message_id, "id");
  co_await producer->shutdown();
  co_return "";
}

task<Result> large(World& world, comet::CompressionType type) {
  comet::ProducerConfig config = world.config();
  config.compression(type);
  auto producer = co_await started(world, std::move(config));
  std::string body;
  for (int i = 0; i < 20'000; ++i) body += "line " + std::to_string(i) + '\n';
  co_await producer->send(comet::Message(world.topic, body));
  const auto messages = co_await stored(world, *producer, 1, world.topic);
  const comet::MessageExt& got = messages.front();
  check(got.body() == body, "the body differs");
  check(got.store_size < static_cast<std::int32_t>(body.size()), "it is not stored compressed");
  co_await producer->shutdown();
  co_return "";
}

task<Result> send_large_zlib(World& world) { return large(world, comet::CompressionType::zlib); }
task<Result> send_large_lz4(World& world) { return large(world, comet::CompressionType::lz4); }
task<Result> send_large_zstd(World& world) { return large(world, comet::CompressionType::zstd); }

task<Result> send_namespace(World& world) {
  comet::ProducerConfig config = world.config();
  config.name_space("INST");
  auto producer = co_await started(world, std::move(config));
  for (int i = 0; i < 6; ++i) co_await producer->send(world.message(i));
  const std::string name = "INST%" + world.topic;
  const auto messages = co_await stored(world, *producer, 6, name);
  check(messages.size() == 6, "messages");
  co_await producer->shutdown();
  co_return "";
}

task<Result> send_trace(World& world) {
  comet::ProducerConfig config = world.config();
  config.message_trace(true);
  auto producer = co_await started(world, std::move(config));
  const auto result = co_await producer->send(world.message(0));
  const comet::Instant deadline = comet::real_time().now() + kPatience;
  for (bool found = false; !found;) {
    for (const auto& one : co_await stored(world, *producer, 1, "RMQ_SYS_TRACE_TOPIC")) {
      found = found || one.body().find(result.message_id) != std::string::npos;
    }
    check(found || comet::real_time().now() < deadline, "waited in vain: the trace");
  }
  co_await producer->shutdown();
  co_return "";
}

// -- later deliveries

task<Result> delayed(World& world, bool level) {
  auto producer = co_await started(world, world.config());
  comet::Message message = world.message(0);
  if (level) {
    message.delay_level(2);
  } else {
    message.deliver_after(3s);
  }
  co_await producer->send(message);
  const auto messages = co_await holds(world, *producer, 1);
  const comet::MessageExt& got = messages.front();
  const std::chrono::milliseconds waited(got.store_timestamp - got.born_timestamp);
  if (waited < 1s) co_return "delivered at once";
  check(waited > (level ? 4000ms : 1900ms) && waited < kLongestDelivery,
        "delivered after " + std::to_string(waited.count()) + " ms");
  co_await producer->shutdown();
  co_return "";
}

task<Result> send_delay_level(World& world) { return delayed(world, true); }
task<Result> timer_delay(World& world) { return delayed(world, false); }

task<Result> timer_recall(World& world) {
  auto producer = co_await started(world, world.config());
  comet::Message message = world.message(1);
  message.deliver_after(6s);
  const auto result = co_await producer->send(message);
  comet::Message other = world.message(0);
  other.deliver_after(8s);
  co_await producer->send(other);
  if (result.recall_handle.empty()) co_return "no recall handle";
  const std::string id = co_await producer->recall(world.topic, result.recall_handle);
  check(id == result.message_id, "id of what was recalled: " + id);
  co_await holds(world, *producer, 1);
  co_await producer->shutdown();
  co_return "";
}

// -- transactions

using State = comet::TransactionState;

task<Result> transaction(World& world, State local, State checked) {
  auto asked = std::make_shared<int>(0);
  auto check_back = [asked, checked](const comet::MessageExt&) -> task<State> {
    ++*asked;
    co_return checked;
  };
  auto producer =
      std::make_shared<comet::TransactionProducer>(world.executor, world.config(), check_back);
  co_await producer->start();
  auto run = [local](const comet::Message&) -> task<State> { co_return local; };
  const auto result = co_await producer->send_in_transaction(world.message(0), run);
  check(!result.end_error && !result.problem, "the transaction's end");
  if (local == State::rollback) {
    co_await world.pause(6s);
    check(*asked == 0, "the broker has asked");
    co_await producer->producer().send(world.message(1));  // so that the topic is there
    const auto all = co_await stored(world, producer->producer(), 1, world.topic);
    check(all.size() == 1 && all.front().body() == "body 1", "it is there");
  } else {
    const auto all = co_await holds(world, producer->producer(), 1);
    check(all.front().unique_id() == result.send.message_id, "id");
    check((*asked > 0) == (local == State::unknown), "asked " + std::to_string(*asked) + " times");
  }
  co_await producer->shutdown();
  co_return "";
}

task<Result> transaction_commit(World& world) {
  return transaction(world, State::commit, State::rollback);
}
task<Result> transaction_rollback(World& world) {
  return transaction(world, State::rollback, State::commit);
}
task<Result> transaction_check_back(World& world) {
  return transaction(world, State::unknown, State::commit);
}

// -- requests

task<void> answer_one(World& world, comet::Producer& producer) {
  auto queues = co_await comet::client::readable_queues(producer.client(), world.topic);
  for (;;) {
    for (const comet::MessageQueue& queue : queues) {
      QueueReader reader(producer.client(), queue);
      for (const auto& one : co_await reader.read()) {
        if (one.body() != "body 1") continue;
        comet::Message reply = comet::make_reply(one, "re: " + one.body());
        co_await producer.send(reply);
        co_return;
      }
    }
    co_await world.pause(100ms);
  }
}

task<Result> request_reply(World& world) {
  auto producer = co_await with_topic(world, world.config());
  co_await holds(world, *producer, 1);
  std::exception_ptr problem;
  auto on_end = [&problem](std::exception_ptr error) { problem = std::move(error); };
  asio::co_spawn(world.executor, answer_one(world, *producer), on_end);
  const auto reply = co_await producer->request(world.message(1), 20s);
  if (problem) std::rethrow_exception(problem);
  check(reply.body() == "re: body 1", "the reply: " + reply.body());
  co_await producer->shutdown();
  co_return "";
}

// -- refusals

task<Result> refused(World& world, comet::Message message, comet::SendOptions options) {
  auto producer = co_await with_topic(world, world.config());
  Result result = "done";
  try {
    co_await producer->send(std::move(message), std::move(options));
  } catch (const comet::SendError& error) {
    result =
        error.code().category().name() + std::string(" ") + std::to_string(error.code().value());
  }
  co_await producer->shutdown();
  co_return result;
}

task<Result> error_queue_out_of_range(World& world) {
  comet::SendOptions options(comet::MessageQueue(world.topic, "broker-a", 1000));
  return refused(world, world.message(1), std::move(options));
}

task<Result> error_message_too_large(World& world) {
  auto producer = co_await with_topic(world, world.config());
  Result result = "done";
  try {  // the client's own limit is the broker's
    co_await producer->send(comet::Message(world.topic, std::string(5 << 20, 'x')));
  } catch (const comet::SendError& error) {
    result = error.code().message();
  }
  co_await producer->shutdown();
  co_return result;
}

using Case = std::function<task<Result>(World&)>;

const std::vector<std::pair<std::string, Case>> kCases = {
    {"send_sync", send_sync},
    {"send_binary_headers", send_binary_headers},
    {"send_vip_channel", send_vip_channel},
    {"send_async", send_async},
    {"send_auto_batch", send_auto_batch},
    {"send_oneway", send_oneway},
    {"send_batch", send_batch},
    {"send_ordered", send_ordered},
    {"send_properties", send_properties},
    {"send_large_zlib", send_large_zlib},
    {"send_large_lz4", send_large_lz4},
    {"send_large_zstd", send_large_zstd},
    {"send_namespace", send_namespace},
    {"send_trace", send_trace},
    {"send_delay_level", send_delay_level},
    {"timer_delay", timer_delay},
    {"timer_recall", timer_recall},
    {"transaction_commit", transaction_commit},
    {"transaction_rollback", transaction_rollback},
    {"transaction_check_back", transaction_check_back},
    {"request_reply", request_reply},
    {"error_queue_out_of_range", error_queue_out_of_range},
    {"error_message_too_large", error_message_too_large},
};

task<void> run_case(std::string name, Case run, std::shared_ptr<World> world) {
  const auto begin = std::chrono::steady_clock::now();
  std::string result;
  try {
    result = co_await run(*world);
    if (result.empty()) result = "ok";
  } catch (const std::exception& error) {
    result = std::string("failed: ") + error.what();
  }
  std::ranges::replace(result, '\n', ' ');
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  std::printf("case\t%s\t%.1f\t%s\n", name.c_str(), seconds.count(), result.c_str());
  std::fflush(stdout);
}

task<void> run_all(asio::any_io_executor executor, std::string name_server, std::string run,
                   std::set<std::string> wanted) {
  std::size_t left = 0;
  std::size_t count = 0;
  auto on_end = [&left](std::exception_ptr) { --left; };
  for (const auto& [name, one] : kCases) {
    if (!wanted.empty() && !wanted.contains(name)) continue;
    ++left;
    ++count;
    auto world = std::make_shared<World>(executor, name_server, run, name);
    asio::co_spawn(executor, run_case(name, one, std::move(world)), on_end);
  }
  comet::Timer timer(executor, comet::real_time());
  while (left > 0) co_await timer.wait_for(50ms);
  std::printf("end\t%zu cases\n", count);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: peer_producer NAMESERVER RUN [CASE...]\n";
    return 2;
  }
  asio::io_context context(1);
  const std::set<std::string> wanted(argv + 3, argv + argc);
  auto on_end = [](std::exception_ptr) {
    std::fflush(stdout);
    std::_Exit(0);  // a case that has failed may have left its producer running
  };
  asio::co_spawn(context, run_all(context.get_executor(), argv[1], argv[2], wanted), on_end);
  context.run();
}

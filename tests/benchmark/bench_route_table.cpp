// What a name server's table costs: registrations of 20,000 topics as they arrive (JSON), queries,
// the end of a broker; and the memory of 20,000 topics on 50 brokers:
//   bench_route_table                          times
//   bench_route_table --memory [topics] [brokers]   resident bytes, one line per step

#include <benchmark/benchmark.h>
#include <malloc.h>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <utility>

#include "tables/route_table.hpp"

namespace {

using namespace comet;
using namespace comet::namesrv;
using namespace comet::routing;

constexpr int kTopics = 20'000;
constexpr Instant kNow{};

std::string topic_name(int i) { return "orders-of-region-" + std::to_string(100'000 + i); }

RegisterBrokerBody make_body(int topics, std::int64_t version) {
  RegisterBrokerBody body;
  body.topic_config.data_version.counter = version;
  for (int i = 0; i < topics; ++i) {
    TopicConfig config;
    config.topic_name = topic_name(i);
    config.read_queue_nums = config.write_queue_nums = 8;
    body.topic_config.topics.emplace(config.topic_name, config);
  }
  return body;
}

BrokerRegistration make_registration(int broker) {
  BrokerRegistration registration;
  registration.cluster = "DefaultCluster";
  registration.broker_name = "broker-" + std::to_string(broker);
  registration.address = "10.0.0." + std::to_string(broker + 1) + ":10911";
  registration.ha_server_addr = "10.0.0." + std::to_string(broker + 1) + ":10912";
  registration.connection = static_cast<std::uint64_t>(broker) + 1;
  return registration;
}

void register_json(RouteTable& table, int broker, std::string_view json) {
  BrokerRegistration registration = make_registration(broker);
  registration.body = parse_register_broker_body(json).value();
  registration.body_digest = std::hash<std::string_view>{}(json) | 1;
  table.register_broker(std::move(registration), kNow);
}

void fill(RouteTable& table, int topics, int brokers) {
  const std::string json = to_json(make_body(topics, 1));
  for (int broker = 0; broker < brokers; ++broker) register_json(table, broker, json);
}

void sweep_all(RouteTable& table) {
  while (table.sweep()) continue;
}

void decode_registration(benchmark::State& state) {
  const std::string json = to_json(make_body(kTopics, 1));
  for (auto round : state) benchmark::DoNotOptimize(parse_register_broker_body(json));
  state.counters["bytes"] = static_cast<double>(json.size());
}
BENCHMARK(decode_registration)->Unit(benchmark::kMillisecond);

// Decoding included.
void first_registration(benchmark::State& state) {
  const std::string json = to_json(make_body(kTopics, 1));
  for (auto round : state) {
    state.PauseTiming();
    auto table = std::make_unique<RouteTable>();
    fill(*table, kTopics, 2);
    state.ResumeTiming();
    register_json(*table, 2, json);
    state.PauseTiming();
    table.reset();
    state.ResumeTiming();
  }
}
BENCHMARK(first_registration)->Unit(benchmark::kMillisecond);

void registration_with_a_new_version(benchmark::State& state) {
  RouteTable table;
  fill(table, kTopics, 3);
  std::int64_t version = 2;
  for (auto round : state) {
    state.PauseTiming();
    const std::string json = to_json(make_body(kTopics, version++));
    state.ResumeTiming();
    register_json(table, 2, json);
  }
}
BENCHMARK(registration_with_a_new_version)->Unit(benchmark::kMillisecond);

void repeated_registration(benchmark::State& state) {
  const std::string json = to_json(make_body(kTopics, 1));
  RouteTable table;
  fill(table, kTopics, 3);
  BrokerRegistration registration = make_registration(2);
  for (auto round : state) {
    registration.body_digest = std::hash<std::string_view>{}(json) | 1;
    if (!table.register_again(registration, kNow)) state.SkipWithError("not known");
  }
}
BENCHMARK(repeated_registration)->Unit(benchmark::kMicrosecond);

// Out of sight: what clients wait for.
void end_of_a_broker(benchmark::State& state) {
  const std::string json = to_json(make_body(kTopics, 1));
  RouteTable table;
  fill(table, kTopics, 50);
  for (auto round : state) {
    table.connection_closed(7);
    state.PauseTiming();
    sweep_all(table);
    register_json(table, 6, json);
    state.ResumeTiming();
  }
}
BENCHMARK(end_of_a_broker)->Unit(benchmark::kMicrosecond)->Iterations(20);

void sweeping_after_it(benchmark::State& state) {
  const std::string json = to_json(make_body(kTopics, 1));
  RouteTable table;
  fill(table, kTopics, 50);
  for (auto round : state) {
    state.PauseTiming();
    table.connection_closed(7);
    state.ResumeTiming();
    sweep_all(table);
    state.PauseTiming();
    register_json(table, 6, json);
    state.ResumeTiming();
  }
}
BENCHMARK(sweeping_after_it)->Unit(benchmark::kMillisecond)->Iterations(20);

void hot_query(benchmark::State& state) {
  RouteTable table;
  fill(table, 1000, static_cast<int>(state.range(0)));
  int i = 0;
  for (auto round : state) {
    benchmark::DoNotOptimize(table.find_route_json(topic_name(i++ % 1000), IntegerKeys::quoted));
  }
}
BENCHMARK(hot_query)->Arg(3)->Arg(50);

void first_query_after_a_change(benchmark::State& state) {
  RouteTable table;
  fill(table, 1000, static_cast<int>(state.range(0)));
  int i = 0;
  for (auto round : state) {
    if (i % 1000 == 0) table.set_options({});
    benchmark::DoNotOptimize(table.find_route_json(topic_name(i++ % 1000), IntegerKeys::quoted));
  }
}
BENCHMARK(first_query_after_a_change)->Arg(3)->Arg(50);

// Of a topic that does not exist.
void query_in_vain(benchmark::State& state) {
  RouteTable table;
  fill(table, 1000, 3);
  for (auto round : state) {
    benchmark::DoNotOptimize(table.find_route_json("no-such-topic", IntegerKeys::quoted));
  }
}
BENCHMARK(query_in_vain);

std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t all = 0;
  std::size_t resident = 0;
  file >> all >> resident;
  return resident * 4096;
}

void report(const char* step) {
  std::printf("%-40s %7.1f MB resident\n", step, static_cast<double>(resident_bytes()) / 1e6);
}

int show_memory(int topics, int brokers) {
  RouteTable table;
  std::string json = to_json(make_body(topics, 1));
  report("one body, encoded");
  for (int broker = 0; broker < brokers; ++broker) register_json(table, broker, json);
  report("after the registrations");
  ::malloc_trim(0);
  report("what the allocator kept, given back");
  for (int i = 0; i < topics; ++i) {
    (void)table.find_route_json(topic_name(i), IntegerKeys::quoted);
  }
  report("after a query for every topic");
  std::printf("%zu topics\n", table.topic_count());
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::strcmp(argv[1], "--memory") == 0) {
    return show_memory(argc > 2 ? std::atoi(argv[2]) : kTopics, argc > 3 ? std::atoi(argv[3]) : 50);
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return EXIT_SUCCESS;
}

// SQL92 filters of a broker: messages judged in a second, and what compiling costs.

#include <benchmark/benchmark.h>

#include <string>

#include "allocation_count.hpp"
#include "comet/filter/sql_filter.hpp"

namespace {

using comet::filter::SqlFilter;

constexpr const char* kFiveTerms =
    "region = 'eu' AND amount BETWEEN 100 AND 5000 AND level > 3 AND kind IN ('order', 'return') "
    "AND "
    "note IS NULL";

std::string properties_of(int message) {
  std::string text;
  const auto add = [&text](const char* name, const std::string& value) {
    text.append(name).append(1, '\x01').append(value).append(1, '\x02');
  };
  add("KEYS", "key-" + std::to_string(message));
  add("UNIQ_KEY", "7F0000010A2B18B4AAC2" + std::to_string(100000000000 + message));
  add("TAGS", "TagA");
  add("region", message % 8 == 7 ? "us" : "eu");
  add("amount", std::to_string(100 + message % 4000));
  add("level", std::to_string(4 + message % 5));
  add("kind", message % 2 == 0 ? "order" : "return");
  return text;
}

void judge(benchmark::State& state, const char* expression, bool has_properties) {
  const SqlFilter filter = SqlFilter::compile(expression);
  std::vector<std::string> messages;
  for (int i = 0; i < 1024; ++i) {
    messages.push_back(has_properties ? properties_of(i)
                                      : "UNIQ_KEY\x01"
                                        "7F0000010A2B18B4AAC2\x02");
  }
  std::size_t next = 0, matched = 0;
  const auto before = comet::benchmark_support::allocations();
  for (auto _ : state) matched += filter.matches(messages[next++ % messages.size()]);
  state.counters["allocations"] =
      static_cast<double>(comet::benchmark_support::allocations() - before) /
      static_cast<double>(state.iterations());
  state.counters["matched"] =
      static_cast<double>(matched) / static_cast<double>(state.iterations());
  state.SetItemsProcessed(state.iterations());
}

void five_terms(benchmark::State& state) { judge(state, kFiveTerms, true); }
void five_terms_without_properties(benchmark::State& state) { judge(state, kFiveTerms, false); }
void one_term(benchmark::State& state) { judge(state, "level > 3", true); }
void compile(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(SqlFilter::compile(kFiveTerms));
}

BENCHMARK(five_terms);
BENCHMARK(five_terms_without_properties);
BENCHMARK(one_term);
BENCHMARK(compile);

}  // namespace

BENCHMARK_MAIN();

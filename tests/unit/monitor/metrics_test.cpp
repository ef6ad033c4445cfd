// Prometheus' text, and the counting of requests.

#include <boost/test/unit_test.hpp>
#include <string>
#include <thread>
#include <vector>

#include "comet/monitor/metrics.hpp"
#include "comet/monitor/request_metrics.hpp"

using namespace comet;
using namespace comet::monitor;
using namespace std::chrono_literals;
using remoting::RemotingCommand;
using remoting::RequestCode;
using remoting::RequestIdentity;
using remoting::ResponseCode;

namespace {

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

std::size_t count(const std::string& text, std::string_view part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

void request(RequestMetrics& metrics, RequestCode code, ResponseCode outcome, Duration took,
             bool oneway = false) {
  RemotingCommand command = RemotingCommand::request(code);
  if (oneway) command.mark_oneway();
  const RemotingCommand answer = RemotingCommand::response(command, outcome);
  metrics.on_request(RequestIdentity(command), &answer, took);
}

std::string text_of(const RequestMetrics& metrics) {
  Scrape scrape({});
  metrics.report(scrape);
  return scrape.text();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(metrics)

BOOST_AUTO_TEST_CASE(a_family_has_one_head_and_every_sample_has_the_common_labels) {
  Metrics all(Labels{{"node_id", "broker-a"}});
  all.add([](Scrape& scrape) {
    scrape.counter("x_total", "counts x", 3, {{"topic", "t"}});
    scrape.gauge("y", "is y", -1.5);
    scrape.counter("x_total", "counts x", 4, {{"topic", "u"}});
  });
  const std::string text = all.text();
  BOOST_TEST(count(text, "# HELP x_total counts x\n# TYPE x_total counter\n") == 1u, text);
  BOOST_TEST(has(text, "x_total{node_id=\"broker-a\",topic=\"t\"} 3"), text);
  BOOST_TEST(has(text, "x_total{node_id=\"broker-a\",topic=\"u\"} 4"), text);
  BOOST_TEST(has(text, "# TYPE y gauge\ny{node_id=\"broker-a\"} -1.5"), text);
}

BOOST_AUTO_TEST_CASE(label_values_are_escaped) {
  Metrics all;
  all.add([](Scrape& scrape) { scrape.gauge("y", "is y", 1, {{"topic", "a\"b\\c\nd"}}); });
  BOOST_TEST(has(all.text(), R"(y{topic="a\"b\\c\nd"} 1)"), all.text());
}

BOOST_AUTO_TEST_CASE(histograms_are_cumulative_in_milliseconds) {
  LatencyHistogram values;
  for (Duration value : {Duration(3us), Duration(1ms), Duration(2ms), Duration(1h)}) {
    values.record(value);
  }
  Scrape scrape({});
  scrape.histogram("h", "help", values);
  const std::string text = scrape.text();
  BOOST_TEST(has(text, "h_count 4\n"), text);
  BOOST_TEST(has(text, "h_sum 3600003.003"), text);
  BOOST_TEST(has(text, "h_bucket{le=\"0.005\"} 1\n"), text);
  BOOST_TEST(has(text, "h_bucket{le=\"1\"} 2\n"), text);  // the bound belongs to its bucket
  BOOST_TEST(has(text, "h_bucket{le=\"3\"} 3\n"), text);
  BOOST_TEST(has(text, "h_bucket{le=\"10000\"} 3\n"), text);
  BOOST_TEST(has(text, "h_bucket{le=\"+Inf\"} 4\n"), text);
}

BOOST_AUTO_TEST_CASE(a_negative_duration_counts_as_none) {
  LatencyHistogram values;
  values.record(-1s);
  BOOST_TEST(values.count(0) == 1u);
  BOOST_TEST((values.sum() == Duration::zero()));
}

BOOST_AUTO_TEST_CASE(the_process_reports_memory_time_and_descriptors) {
  Scrape scrape({});
  report_process(scrape);
  const std::string text = scrape.text();
  for (const char* name :
       {"process_resident_memory_bytes ", "process_cpu_seconds_total ", "process_open_fds ",
        "process_max_fds ", "process_start_time_seconds "}) {
    const auto at = text.find(std::string("\n") + name);
    BOOST_REQUIRE_MESSAGE(at != std::string::npos, name);
    BOOST_TEST(std::stod(text.substr(at + 1 + std::string(name).size())) > 0, name);
  }
}

BOOST_AUTO_TEST_CASE(requests_are_told_apart_by_code_and_outcome) {
  RequestMetrics metrics;
  for (int i = 0; i < 2; ++i) {
    request(metrics, RequestCode::get_routeinfo_by_topic, ResponseCode::success, 1ms);
  }
  request(metrics, RequestCode::get_routeinfo_by_topic, ResponseCode::topic_not_exist, 1ms);
  request(metrics, RequestCode::register_broker, ResponseCode::success, 1ms, true);
  const std::string text = text_of(metrics);
  const std::string head =
      "rocketmq_rpc_latency_milliseconds_count{protocol_type=\"remoting\",request_code=";
  const std::string tail = ",is_long_polling=\"false\",result=";
  BOOST_TEST(has(text, head + "\"get_routeinfo_by_topic\",response_code=\"success\"" + tail +
                           "\"success\"} 2\n"),
             text);
  BOOST_TEST(has(text, head + "\"get_routeinfo_by_topic\",response_code=\"topic_not_exist\"" +
                           tail + "\"success\"} 1\n"),
             text);
  BOOST_TEST(
      has(text, head + "\"register_broker\",response_code=\"success\"" + tail + "\"oneway\"} 1\n"),
      text);
}

BOOST_AUTO_TEST_CASE(a_request_that_is_held_counts_as_long_polling) {
  RequestMetrics metrics;
  const RemotingCommand pull = RemotingCommand::request(RequestCode::pull_message);
  metrics.on_request(RequestIdentity(pull), nullptr, 1ms);
  BOOST_TEST(has(text_of(metrics),
                 "request_code=\"pull_message\",response_code=\"\","
                 "is_long_polling=\"true\",result=\"success\"} 1\n"));
}

BOOST_AUTO_TEST_CASE(unknown_codes_make_it_grow_by_one) {
  RequestMetrics metrics;
  for (std::int32_t code = 500'000; code < 502'000; ++code) {
    request(metrics, static_cast<RequestCode>(code), ResponseCode::request_code_not_supported, 1ms);
  }
  request(metrics, static_cast<RequestCode>(-7), ResponseCode::request_code_not_supported, 1ms);
  const std::string text = text_of(metrics);
  BOOST_TEST(count(text, "rocketmq_rpc_latency_milliseconds_count") == 2u, text);
  BOOST_TEST(has(text,
                 "request_code=\"unknown\",response_code=\"request_code_not_supported\","
                 "is_long_polling=\"false\",result=\"success\"} 2001\n"),
             text);
}

BOOST_AUTO_TEST_CASE(combinations_beyond_the_limit_count_as_others) {
  RequestMetrics metrics;
  for (std::int32_t outcome = 0; outcome < 2000; ++outcome) {
    request(metrics, RequestCode::heart_beat, static_cast<ResponseCode>(outcome), 1ms);
  }
  const std::string text = text_of(metrics);
  BOOST_TEST(has(text, "request_code=\"other\"} 1488\n"), text);
}

BOOST_AUTO_TEST_CASE(threads_count_together) {
  RequestMetrics metrics;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&metrics] {
      for (int i = 0; i < 5000; ++i) {
        request(metrics, i % 2 == 0 ? RequestCode::heart_beat : RequestCode::send_message,
                ResponseCode::success, 10us);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  const std::string text = text_of(metrics);
  BOOST_TEST(has(text,
                 "request_code=\"heart_beat\",response_code=\"success\","
                 "is_long_polling=\"false\",result=\"success\"} 10000\n"),
             text);
}

BOOST_AUTO_TEST_SUITE_END()

// A broker's Prometheus page against that of Apache's 5.5.0 (tests/data/apache_metrics.tsv).

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "broker_metrics.hpp"
#include "comet/monitor/request_metrics.hpp"
#include "comet/remoting/command.hpp"
#include "test_data.hpp"

using namespace comet;

namespace {

using Names = std::set<std::string>;

Names split(const std::string& text) {
  Names names;
  std::istringstream in(text);
  for (std::string name; std::getline(in, name, ',');) {
    if (name != "-") names.insert(name);
  }
  return names;
}

struct Family {
  std::string type;
  Names labels;
};
using Page = std::map<std::string, Family>;

// "name{a="b",c="d"} value": the labels' names; `at` is behind the brace.
Names label_names(const std::string& line, std::size_t at) {
  Names names;
  while (at != std::string::npos && line[at] != '}') {
    const std::size_t end = line.find("=\"", at);
    if (end == std::string::npos) break;
    names.insert(line.substr(at, end - at));
    at = line.find('"', end + 2);
    at = line.find_first_not_of("\",", at);
  }
  return names;
}

Page read_page(const std::string& text) {
  Page page;
  std::istringstream in(text);
  std::string name;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string hash, what, type;
    if (line.starts_with("# TYPE ")) {
      words >> hash >> what >> name >> type;
      page[name].type = type;
    } else if (const std::size_t brace = line.find('{');
               !line.starts_with('#') && brace != std::string::npos) {
      page[name].labels.merge(label_names(line, brace + 1));
    }
  }
  return page;
}

// With something of everything.
std::string full_page() {
  broker::BrokerStats stats;
  broker::TrafficStats stored;
  stored.topic = std::string("%DLQ%") + "G";
  stored.messages = 1;
  stored.types.resize(1);
  stored.committed = stored.rolled_back = 1;
  broker::TrafficStats given;
  given.topic = "T";
  given.consumer_group = "G";
  stats.traffic = {stored, given};
  stats.lags.resize(1);
  stats.clients.resize(2);
  stats.clients[0].is_consumer = true;
  stats.store.earliest_store_time = 0;
  monitor::RequestMetrics requests;
  const auto request = remoting::RemotingCommand::request(remoting::RequestCode::send_message);
  const auto answer =
      remoting::RemotingCommand::response(request, remoting::ResponseCode::success, {});
  requests.on_request(remoting::RequestIdentity(request), &answer, std::chrono::milliseconds(1));
  monitor::Metrics metrics(daemon::broker_labels(broker::BrokerConfig()));
  metrics.add([&](monitor::Scrape& scrape) {
    daemon::report_broker(stats, scrape);
    requests.report(scrape);
  });
  return metrics.text();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(metrics_page)

BOOST_AUTO_TEST_CASE(all_that_5_5_0_has_is_there_or_missing_for_a_reason) {
  const std::string text = full_page();
  const Page page = read_page(text);
  std::ifstream file(std::string(test::test_data()) + "/apache_metrics.tsv");
  int rows = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream in(line);
    std::string name, type, labels, missing, reason;
    for (std::string* field : {&name, &type, &labels, &missing, &reason})
      std::getline(in, *field, '\t');
    ++rows;
    const auto found = page.find(name);
    const bool is_missing = missing == "all";
    BOOST_TEST((found == page.end()) == is_missing, name);
    BOOST_TEST((missing == "-" || reason != "-"), name + " is missing without a reason");
    if (found == page.end()) continue;
    BOOST_TEST(found->second.type == type, name);
    Names wanted = split(labels), left_out;
    std::ranges::set_difference(wanted, found->second.labels,
                                std::inserter(left_out, left_out.end()));
    BOOST_TEST((left_out == split(missing)), name);
    for (const char* common : {"cluster", "node_type", "node_id"}) {
      BOOST_TEST(found->second.labels.contains(common), name + " " + common);
    }
  }
  BOOST_TEST(rows > 40);
  for (const char* bound : {"1", "3", "5", "7", "10", "100", "1000", "2000", "3000"}) {
    BOOST_TEST(text.find(",le=\"" + std::string(bound) + "\"") != std::string::npos, bound);
  }
}

BOOST_AUTO_TEST_CASE(messages_are_told_by_type_and_clients_by_version) {
  broker::BrokerStats stats;
  broker::TrafficStats stored;
  stored.topic = "T";
  stored.types.resize(1);
  stored.types[0].type = broker::MessageType::delay;
  stored.types[0].messages = stored.types[0].sizes[1] = 3;
  stats.traffic = {stored};
  stats.clients.resize(1);
  stats.clients[0].language = "JAVA";
  stats.clients[0].version = remoting::kVersionV5_0_0;
  monitor::Metrics metrics;
  metrics.add([&](monitor::Scrape& scrape) { daemon::report_broker(stats, scrape); });
  const std::string text = metrics.text();
  for (const char* wanted :
       {R"(rocketmq_messages_in_total{topic="T",is_system="false",message_type="delay"} 3)",
        R"(protocol_type="remoting",language="java",version="v5_0_0")"}) {
    BOOST_TEST(text.find(wanted) != std::string::npos, text);
  }
  BOOST_TEST(text.find("normal") == std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

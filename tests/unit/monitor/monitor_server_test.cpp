// The HTTP endpoint: what it answers, and what it does not let itself in for.

#include <boost/test/unit_test.hpp>
#include <random>

#include "monitor_world.hpp"

using namespace comet;
using namespace std::chrono_literals;

namespace {

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(monitor_server, test::MonitorWorld)

BOOST_AUTO_TEST_CASE(metrics_are_answered_as_text) {
  start();
  const std::string answer = get("/metrics");
  BOOST_TEST(answer.starts_with("HTTP/1.1 200 OK\r\n"), answer);
  BOOST_TEST(has(answer, "Content-Type: text/plain; version=0.0.4"), answer);
  BOOST_TEST(has(answer, "Content-Length: 11\r\n"), answer);
  BOOST_TEST(answer.ends_with("\r\n\r\na_metric 1\n"), answer);
}

BOOST_AUTO_TEST_CASE(health_is_200_when_well_and_503_with_the_reason_when_not) {
  start();
  std::string answer = get("/health");
  BOOST_TEST(answer.starts_with("HTTP/1.1 200 OK\r\n"), answer);
  BOOST_TEST(answer.ends_with("\r\n\r\n{\"status\":\"ok\"}\n"), answer);
  health = monitor::Health(false, "it \"stops\"");
  answer = get("/health");
  BOOST_TEST(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), answer);
  BOOST_TEST(has(answer, R"({"status":"unavailable","reason":"it \"stops\""})"), answer);
}

BOOST_AUTO_TEST_CASE(a_query_behind_the_path_is_ignored) {
  start();
  BOOST_TEST(get("/health?verbose=1").starts_with("HTTP/1.1 200 "));
}

BOOST_AUTO_TEST_CASE(head_is_answered_without_a_body) {
  start();
  const std::string answer = ask("HEAD /metrics HTTP/1.1\r\nConnection: close\r\n\r\n");
  BOOST_TEST(has(answer, "Content-Length: 11\r\n"), answer);
  BOOST_TEST(answer.ends_with("\r\n\r\n"), answer);
}

BOOST_AUTO_TEST_CASE(other_paths_and_methods_are_refused) {
  start();
  BOOST_TEST(get("/").starts_with("HTTP/1.1 404 "));
  BOOST_TEST(get("/metrics/../../etc/passwd").starts_with("HTTP/1.1 404 "));
  const std::string answer = ask("DELETE /metrics HTTP/1.1\r\nConnection: close\r\n\r\n");
  BOOST_TEST(answer.starts_with("HTTP/1.1 405 "), answer);
  BOOST_TEST(has(answer, "Allow: GET, HEAD\r\n"), answer);
}

BOOST_AUTO_TEST_CASE(a_request_with_a_body_is_refused_and_the_connection_closed) {
  start();
  BOOST_TEST(
      ask("GET /metrics HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello").starts_with("HTTP/1.1 413 "));
  BOOST_TEST(ask("POST /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
                 .starts_with("HTTP/1.1 413 "));
}

BOOST_AUTO_TEST_CASE(what_is_no_http_is_refused_and_the_connection_closed) {
  start();
  BOOST_TEST(ask("hello\r\n\r\n").starts_with("HTTP/1.1 400 "));
  BOOST_TEST(ask(std::string("\0\0\0\x10 frame of another protocol\r\n\r\n", 34))
                 .starts_with("HTTP/1.1 400 "));
  BOOST_TEST(ask("GET /metrics HTTP/9.9\r\n\r\n").starts_with("HTTP/1.1 400 "));
  BOOST_TEST(get("/health").starts_with("HTTP/1.1 200 "), "it goes on");
}

BOOST_AUTO_TEST_CASE(a_header_beyond_the_limit_is_refused) {
  start();
  const std::string endless = "GET /metrics HTTP/1.1\r\nX: " + std::string(20'000, 'x');
  BOOST_TEST(ask(endless).starts_with("HTTP/1.1 431 "));
  std::string many = "GET /metrics HTTP/1.1\r\n";
  while (many.size() < 20'000) many += "A: b\r\n";
  BOOST_TEST(ask(many).starts_with("HTTP/1.1 431 "));
  BOOST_TEST(ask("GET /" + std::string(20'000, 'x')).starts_with("HTTP/1.1 431 "));
}

BOOST_AUTO_TEST_CASE(damaged_requests_do_no_harm) {
  start();
  const std::string good =
      "GET /metrics?x=1 HTTP/1.1\r\nHost: a.example:80\r\nContent-Length: 0\r\n"
      "Connection: keep-alive, close\r\nAccept: text/plain;version=0.0.4\r\n\r\n";
  std::mt19937 random(20261121);
  const auto any = [&](std::size_t n) { return static_cast<std::size_t>(random()) % n; };
  for (int round = 0; round < 2000; ++round) {
    std::string bytes = good;
    for (std::size_t changes = 1 + any(4); changes > 0; --changes) {
      switch (any(4)) {
        case 0:
          bytes[any(bytes.size())] = static_cast<char>(any(256));
          break;
        case 1:
          bytes.erase(any(bytes.size()), any(8));
          break;
        case 2:
          bytes.insert(any(bytes.size()), any(8), static_cast<char>(any(256)));
          break;
        default:
          bytes.insert(any(bytes.size()), bytes.substr(any(bytes.size()), any(30)));
      }
      if (bytes.empty()) bytes = good;
    }
    auto stream = connect();
    send(*stream, bytes);
    pass(1ms);
    stream->close();
  }
  settle();
  BOOST_TEST(get("/health").starts_with("HTTP/1.1 200 "));
}

BOOST_AUTO_TEST_CASE(a_connection_serves_many_requests_also_when_they_come_at_once) {
  start();
  auto stream = connect();
  for (int i = 0; i < 3; ++i) {
    send(*stream, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    BOOST_TEST(receive(*stream, "a_metric 1\n").starts_with("HTTP/1.1 200 "));
  }
  send(*stream, "GET /metrics HTTP/1.1\r\n\r\nGET /health HTTP/1.1\r\nConnection: close\r\n\r\n");
  const std::string both = receive(*stream);
  BOOST_TEST(has(both, "a_metric 1\n"), both);
  BOOST_TEST(has(both, "{\"status\":\"ok\"}\n"), both);
}

BOOST_AUTO_TEST_CASE(requests_that_come_byte_by_byte_are_understood) {
  network.set_max_read(1);
  start();
  BOOST_TEST(get("/metrics").ends_with("a_metric 1\n"));
}

BOOST_AUTO_TEST_CASE(a_peer_that_trickles_its_request_is_cut_off) {
  start();
  auto stream = connect();
  const Instant begin = time.now();
  const std::string request = "GET /metrics HTTP/1.1\r\nX: ";
  for (char c : request) {  // a byte a second: never idle, never done
    send(*stream, std::string_view(&c, 1));
    pass(1s);
  }
  BOOST_TEST(receive(*stream).empty());
  BOOST_TEST((time.now() - begin <= 1s * static_cast<int>(request.size())));
  BOOST_TEST(get("/health").starts_with("HTTP/1.1 200 "));
}

BOOST_AUTO_TEST_CASE(an_idle_connection_is_closed_after_the_patience) {
  start();
  auto stream = connect();
  settle();
  const Instant begin = time.now();
  BOOST_TEST(receive(*stream).empty());
  BOOST_TEST((time.now() - begin == monitor::MonitorConfig().patience));
}

BOOST_AUTO_TEST_CASE(connections_beyond_the_limit_are_closed_and_room_comes_back) {
  monitor::MonitorConfig config;
  config.max_connections = 2;
  start(config);
  auto first = connect();
  auto second = connect();
  settle();
  BOOST_TEST(get("/health").empty());
  first->close();
  settle();
  BOOST_TEST(get("/health").starts_with("HTTP/1.1 200 "));
}

BOOST_AUTO_TEST_CASE(a_health_check_that_hangs_ends_with_the_patience) {
  health_takes = 1h;
  start();
  const Instant begin = time.now();
  BOOST_TEST(get("/health").empty());
  BOOST_TEST((time.now() - begin == monitor::MonitorConfig().patience));
}

BOOST_AUTO_TEST_CASE(stop_closes_what_is_open) {
  start();
  auto stream = connect();
  settle();
  run(server->stop());
  server.reset();
  BOOST_TEST(receive(*stream).empty());
}

BOOST_AUTO_TEST_SUITE_END()

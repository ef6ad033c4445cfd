#pragma once
// A monitor endpoint on virtual time, and a client that says what it is told to.

#include <boost/asio/buffer.hpp>
#include <memory>
#include <string>

#include "comet/base/async.hpp"
#include "comet/base/timer.hpp"
#include "comet/monitor/monitor_server.hpp"
#include "virtual_world.hpp"

namespace comet::inline v0_1::test {

class MonitorWorld : public VirtualWorld {
 public:
  ~MonitorWorld() {
    if (server) run(server->stop());
  }

  void start(monitor::MonitorConfig config = {}) {
    config.listen_at = address;
    auto check = [this]() { return check_health(); };
    auto text = [this] { return metrics; };
    server =
        std::make_unique<monitor::MonitorServer>(executor(), network, time, config, check, text);
    server->start();
  }

  std::unique_ptr<Stream> connect() { return run(network.connect(address, time.now() + kLimit)); }

  void send(Stream& stream, std::string_view bytes) { run(write_all(stream, std::string(bytes))); }
  // What the server says until it closes, or until `marker` has come.
  std::string receive(Stream& stream, std::string_view marker = {}) {
    std::string all;
    run(read_until(stream, all, std::string(marker)));
    return all;
  }
  // One request on a connection of its own.
  std::string ask(std::string_view request) {
    auto stream = connect();
    send(*stream, request);
    return receive(*stream);
  }
  std::string get(std::string_view path) {
    return ask("GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  }

  Address address{"10.0.0.9", 9464};
  monitor::Health health{true};
  Duration health_takes{};
  std::string metrics = "a_metric 1\n";
  std::unique_ptr<monitor::MonitorServer> server;

 private:
  static constexpr Duration kLimit = std::chrono::seconds(5);

  asio::awaitable<monitor::Health> check_health() {
    Timer timer(executor(), time);
    co_await timer.wait_for(health_takes);
    co_return health;
  }
  static asio::awaitable<void> write_all(Stream& stream, std::string bytes) {
    const asio::const_buffer buffer(bytes.data(), bytes.size());
    (void)co_await stream.write(std::span<const asio::const_buffer>(&buffer, 1));
  }
  static asio::awaitable<void> read_until(Stream& stream, std::string& all, std::string marker) {
    std::string piece(1024, '\0');
    for (;;) {
      const IoResult result = co_await stream.read_some(asio::buffer(piece));
      if (result.error) co_return;
      all.append(piece, 0, result.size);
      if (!marker.empty() && all.find(marker) != std::string::npos) co_return;
    }
  }
};

}  // namespace comet::inline v0_1::test

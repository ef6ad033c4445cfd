#include "comet/monitor/monitor_server.hpp"

#include <boost/asio/error.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <utility>

#include "comet/base/async.hpp"
#include "comet/base/log.hpp"
#include "http_exchange.hpp"

namespace comet::inline v0_1::monitor {
namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kText = "text/plain; charset=utf-8";
constexpr std::string_view kMetricsText = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace

struct MonitorServer::Impl {
  Impl(asio::any_io_executor executor_in, Network& network_in, TimeSource& time_in,
       MonitorConfig config_in, HealthCheck health_in, MetricsText metrics_in)
      : executor(std::move(executor_in)),
        network(network_in),
        time(time_in),
        config(std::move(config_in)),
        health(std::move(health_in)),
        metrics(std::move(metrics_in)),
        accepting(executor, time),
        sessions(executor, time) {}

  static asio::awaitable<void> accept_all(std::shared_ptr<Impl> impl);
  static asio::awaitable<void> serve(std::shared_ptr<Impl> impl, std::unique_ptr<Stream> stream);
  asio::awaitable<void> exchange(Stream& stream, std::string& input, bool& go_on);
  asio::awaitable<HttpRequest> read_request(Stream& stream, std::string& input) const;
  asio::awaitable<HttpAnswer> answer(const HttpRequest& request) const;

  const asio::any_io_executor executor;
  Network& network;
  TimeSource& time;
  const MonitorConfig config;
  const HealthCheck health;
  const MetricsText metrics;
  std::unique_ptr<Listener> listener;
  TaskGroup accepting;
  TaskGroup sessions;
};

asio::awaitable<void> MonitorServer::Impl::accept_all(std::shared_ptr<Impl> impl) {
  for (;;) {
    std::unique_ptr<Stream> stream = co_await impl->listener->accept(impl->executor);
    if (impl->sessions.size() >= impl->config.max_connections) continue;
    impl->sessions.spawn("monitor session", serve(impl, std::move(stream)));
  }
}

// One connection: request by request, each within the patience.
asio::awaitable<void> MonitorServer::Impl::serve(std::shared_ptr<Impl> impl,
                                                 std::unique_ptr<Stream> stream) {
  std::string input;
  bool go_on = true;
  try {
    while (go_on) {
      const Instant deadline = impl->time.now() + impl->config.patience;
      co_await with_deadline(impl->exchange(*stream, input, go_on), deadline, impl->time,
                             "monitor request");
    }
  } catch (const boost::system::system_error& error) {
    if (error.code() != asio::error::timed_out) throw;
  }
  stream->close();
}

asio::awaitable<void> MonitorServer::Impl::exchange(Stream& stream, std::string& input,
                                                    bool& go_on) {
  const HttpRequest request = co_await read_request(stream, input);
  go_on = request.keep_alive;
  if (request.state == HttpRequest::State::incomplete) co_return;  // the peer has gone
  const HttpAnswer reply = co_await answer(request);
  const std::string bytes = write_http_answer(reply, request);
  const asio::const_buffer out(bytes.data(), bytes.size());
  const IoResult written = co_await stream.write(std::span<const asio::const_buffer>(&out, 1));
  if (written.error) go_on = false;
}

// Leaves behind it what came after the request. Incomplete: the connection has ended.
asio::awaitable<HttpRequest> MonitorServer::Impl::read_request(Stream& stream,
                                                               std::string& input) const {
  for (;;) {
    HttpRequest request = read_http_request(input, config.max_header);
    if (request.state != HttpRequest::State::incomplete) {
      input.erase(0, request.size);
      co_return request;
    }
    const std::size_t begin = input.size();
    input.resize(config.max_header);
    const asio::mutable_buffer room(input.data() + begin, input.size() - begin);
    const IoResult result = co_await stream.read_some(room);
    input.resize(begin + result.size);
    if (result.error) co_return HttpRequest();
  }
}

asio::awaitable<HttpAnswer> MonitorServer::Impl::answer(const HttpRequest& request) const {
  if (request.state == HttpRequest::State::bad) {
    co_return HttpAnswer(request.status, kText, request.complaint + "\n");
  }
  const bool is_health = request.path == "/health";
  if (!is_health && request.path != "/metrics") {
    co_return HttpAnswer(404, kText, "there is /health and /metrics\n");
  }
  if (!request.is_get && !request.is_head) {
    HttpAnswer refusal(405, kText, "only GET and HEAD\n");
    refusal.allow = "GET, HEAD";
    co_return refusal;
  }
  if (!is_health) co_return HttpAnswer(200, kMetricsText, metrics());
  const Health state = co_await health();
  boost::json::object body;
  body["status"] = state.ok ? "ok" : "unavailable";
  if (!state.detail.empty()) body["reason"] = state.detail;
  co_return HttpAnswer(state.ok ? 200 : 503, kJson, boost::json::serialize(body) + "\n");
}

MonitorServer::MonitorServer(asio::any_io_executor executor, Network& network, TimeSource& time,
                             MonitorConfig config, HealthCheck health, MetricsText metrics)
    : impl_(std::make_shared<Impl>(std::move(executor), network, time, std::move(config),
                                   std::move(health), std::move(metrics))) {}

MonitorServer::~MonitorServer() = default;

void MonitorServer::start() {
  impl_->listener = impl_->network.listen(impl_->executor, impl_->config.listen_at);
  impl_->accepting.spawn("monitor accept", Impl::accept_all(impl_));
}

asio::awaitable<void> MonitorServer::stop() {
  const std::shared_ptr<Impl> impl = impl_;
  if (impl->listener != nullptr) impl->listener->close();
  co_await impl->accepting.join();
  impl->sessions.cancel();
  co_await impl->sessions.join();
}

IpEndpoint MonitorServer::local() const { return impl_->listener->local(); }

}  // namespace comet::inline v0_1::monitor

#include "service.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <exception>
#include <utility>

#include "answers.hpp"
#include "comet/base/log.hpp"

namespace comet::inline v0_1::namesrv {
namespace {

constexpr Duration kRefusalLineEvery = std::chrono::seconds(10);

// Runs the handler on the executor; the calling coroutine, which owns the request, waits for it.
asio::awaitable<Reply> run_on(asio::any_io_executor executor, Service& service, Handler handler,
                              Request& request) {
  auto initiate = [&](auto done) {
    auto run = [&service, handler, &request, done = std::move(done)]() mutable {
      std::exception_ptr problem;
      Reply reply;
      try {
        reply = handler(service, request);
      } catch (...) {
        problem = std::current_exception();
      }
      const auto home = asio::get_associated_executor(done);
      auto complete = [done = std::move(done), problem, reply = std::move(reply)]() mutable {
        std::move(done)(problem, std::move(reply));
      };
      asio::post(home, std::move(complete));
    };
    asio::post(executor, std::move(run));
  };
  using Signature = void(std::exception_ptr, Reply);
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, Signature>(
      initiate, asio::use_awaitable);
}

// Bytes that wait for the worker, as long as this lives.
class Waiting {
 public:
  Waiting(std::atomic<std::size_t>& total, std::size_t bytes) : total_(total), bytes_(bytes) {
    now_ = total_.fetch_add(bytes_) + bytes_;
  }
  ~Waiting() { total_ -= bytes_; }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

  [[nodiscard]] std::size_t total() const noexcept { return now_; }

 private:
  std::atomic<std::size_t>& total_;
  std::size_t bytes_;
  std::size_t now_;
};

asio::awaitable<Reply> handle_on_worker(std::shared_ptr<Service> service, Handler handler,
                                        Request request) {
  const Waiting waiting(service->bytes_for_worker, request.command.memory_size());
  if (waiting.total() > service->config.max_waiting) {
    co_return failure(request, ResponseCode::system_busy, "too many requests are waiting");
  }
  co_return co_await run_on(service->worker, *service, handler, request);
}

void sweep_on(const std::shared_ptr<Service>& service) {
  auto step = [service] {
    const std::scoped_lock lock(service->mutex);
    service->sweeping = service->table.sweep();
    if (service->sweeping) sweep_on(service);
  };
  asio::post(service->worker ? service->worker : service->home, std::move(step));
}

}  // namespace

void Service::use(const LiveSettings& settings_now) {
  live = settings_now;
  route_switches.order_message_enable = live.order_message_enable;
  route_switches.ready_at =
      live.need_wait_for_service ? started_at + live.wait_for_service : Instant::min();
  RouteTableOptions options;
  options.support_acting_master = live.support_acting_master;
  options.delete_missing_topics = live.delete_topic_with_broker_registration;
  table.set_options(options);
}

void serve(remoting::Dispatcher& dispatcher, RequestCode code,
           const std::shared_ptr<Service>& service, Handler handler) {
  if (service->worker) {
    dispatcher.on_async(code, [service, handler](Request request) {
      return handle_on_worker(service, handler, std::move(request));
    });
  } else {
    dispatcher.on(code,
                  [service, handler](Request& request) { return handler(*service, request); });
  }
}

void do_work(const std::shared_ptr<Service>& service, std::function<void(Service&)> work) {
  if (!service->worker) return work(*service);
  asio::post(service->worker, [service, work = std::move(work)] { work(*service); });
}

void sweep_soon(Service& service) {
  if (std::exchange(service.sweeping, true)) return;
  sweep_on(service.shared_from_this());
}

void log_refusal(Service& service, const Request& request, std::string_view why) {
  ++service.counters.registrations_refused;
  const Instant now = service.time.now();
  if (now < service.next_refusal_line) return;
  service.next_refusal_line = now + kRefusalLineEvery;
  log::warn("registration from {} refused: {}", request.connection->remote().to_string(), why);
}

void after_removal(Service& service, const std::vector<RemovedBroker>& removed,
                   std::string_view why) {
  for (const RemovedBroker& broker : removed) {
    log::info("broker {} removed (id {} at {}, cluster {}): {}", broker.broker_name,
              broker.broker_id, broker.address, broker.cluster, why);
    tell_members(service, broker.min_id_change);
  }
  if (!removed.empty()) sweep_soon(service);
}

void tell_members(Service& service, const std::optional<MinBrokerIdChange>& change) {
  if (!change || !service.live.notify_min_broker_id_changed) return;
  auto tell = [self = service.shared_from_this(), change = *change] {
    if (self->notices) self->notices->send(change);
  };
  asio::post(service.home, std::move(tell));
}

}  // namespace comet::inline v0_1::namesrv

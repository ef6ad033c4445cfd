#include "comet/producer/producer.hpp"

#include <boost/asio/co_spawn.hpp>
#include <list>
#include <mutex>
#include <utility>

#include "comet/base/log.hpp"
#include "comet/base/tcp_network.hpp"
#include "comet/message/validate.hpp"
#include "producer_impl.hpp"

namespace comet {
namespace {

constexpr std::string_view kForbiddenGroup = "DEFAULT_PRODUCER";

// Networks must outlive the execution contexts of the producers: these are never destroyed.
// Producers with equal settings share one.
Network& network_for(const std::optional<TlsClientConfig>& tls) {
  static TcpNetwork& tcp = *new TcpNetwork();
  if (!tls) return tcp;
  using Entry = std::pair<TlsClientConfig, TlsNetwork>;
  static std::mutex mutex;
  static std::list<Entry>& networks = *new std::list<Entry>();
  const std::lock_guard lock(mutex);
  for (auto& [config, network] : networks) {
    if (config != *tls) continue;
    network.reload();  // the files may have been replaced since then
    return network;
  }
  TlsConfig config;
  config.client = tls;
  networks.emplace_back(std::piecewise_construct, std::forward_as_tuple(*tls),
                        std::forward_as_tuple(tcp, config));
  return networks.back().second;
}

// One shutdown() works, others wait for it; when it is cancelled, the next takes over.
class ShuttingDown {
 public:
  explicit ShuttingDown(Producer::Impl& producer) : producer_(producer) {
    producer_.shutting_down = true;
  }
  ~ShuttingDown() {
    producer_.shutting_down = false;
    producer_.progress.notify_all();
  }
  ShuttingDown(const ShuttingDown&) = delete;
  ShuttingDown& operator=(const ShuttingDown&) = delete;

 private:
  Producer::Impl& producer_;
};

asio::awaitable<void> shut_down(std::shared_ptr<Producer::Impl> producer) {
  using State = Producer::Impl::State;
  while (producer->shutting_down) co_await producer->progress.wait();
  if (producer->state == State::created) producer->state = State::stopped;
  if (producer->state == State::stopped) co_return;
  ShuttingDown working(*producer);
  producer->state = State::stopping;
  while (producer->sending > 0) co_await producer->progress.wait();
  co_await producer->client->remove_producer(producer->config.group());
  co_await producer->client->stop();
  producer->state = State::stopped;
}

}  // namespace

Producer::Producer(asio::any_io_executor executor, ProducerConfig config)
    : Producer(std::move(executor), config, network_for(config.tls()), real_time()) {}

Producer::Producer(asio::any_io_executor executor, ProducerConfig config, Network& network,
                   TimeSource& time)
    : impl_(std::make_shared<Impl>(std::make_shared<client::ClientInstance>(
                                       std::move(executor), network, time, config.client()),
                                   config)) {}

Producer::Producer(std::shared_ptr<client::ClientInstance> client, ProducerConfig config)
    : impl_(std::make_shared<Impl>(std::move(client), std::move(config))) {}

Producer::~Producer() {
  if (impl_->state != Impl::State::running && impl_->state != Impl::State::stopping) return;
  auto report = [](std::exception_ptr problem) {
    if (problem) log::warn("a producer that was destroyed while running did not end in order");
  };
  asio::co_spawn(impl_->client->executor(), shut_down(impl_), report);
}

asio::awaitable<void> Producer::start() {
  std::shared_ptr<Impl> impl = impl_;
  if (impl->state == Impl::State::running) co_return;
  if (impl->state != Impl::State::created) {
    throw Error(ClientErrc::not_running, "start a producer that has been shut down");
  }
  const std::string& group = impl->config.group();
  std::string complaint = check_group(group);
  if (group == kForbiddenGroup) complaint = "it is the default of Apache's clients; choose another";
  if (!complaint.empty()) {
    throw Error(ClientErrc::illegal_config, "producer group '" + group + "': " + complaint);
  }
  co_await impl->client->start();
  std::exception_ptr refused;
  try {
    impl->client->add_producer(group);
  } catch (const Error&) {
    refused = std::current_exception();
  }
  if (refused) {
    co_await impl->client->stop();
    std::rethrow_exception(refused);
  }
  impl->state = Impl::State::running;
}

asio::awaitable<SendResult> Producer::send(Message message) {
  return send_message(impl_, std::move(message));
}

asio::awaitable<void> Producer::shutdown() { return shut_down(impl_); }

const ProducerConfig& Producer::config() const noexcept { return impl_->config; }

const std::shared_ptr<client::ClientInstance>& Producer::client() const noexcept {
  return impl_->client;
}

}  // namespace comet

#include "comet/producer/producer.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "comet/base/log.hpp"
#include "comet/base/run_on.hpp"
#include "comet/base/shared_network.hpp"
#include "comet/base/spawn.hpp"
#include "comet/base/strand.hpp"
#include "comet/message/validate.hpp"
#include "comet/remoting/errors.hpp"
#include "producer_impl.hpp"
#include "send_call.hpp"

namespace comet::inline v0_1 {

void announce(Producer::Impl& producer, const std::vector<std::string>& topics) {
  if (topics.empty()) return;
  std::vector<std::string> on_the_wire;
  for (const std::string& topic : topics) {
    on_the_wire.push_back(client::wrap_namespace(producer.config.client().name_space, topic));
  }
  producer.client->announce_topics(std::move(on_the_wire));
}

namespace {

constexpr std::string_view kForbiddenGroup = "DEFAULT_PRODUCER";

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

// Not started, or ended in the middle by a failure.
asio::awaitable<void> end_background(Producer::Impl& producer) {
  producer.tasks.cancel();
  co_await producer.tasks.join();
  if (producer.trace != nullptr) co_await producer.trace->stop();
}

asio::awaitable<void> shut_down(std::shared_ptr<Producer::Impl> producer) {
  using State = Producer::Impl::State;
  while (producer->shutting_down) co_await producer->progress.wait();
  if (producer->state == State::created) producer->state = State::stopped;
  if (producer->state == State::stopped) co_return;
  ShuttingDown working(*producer);
  producer->state = State::stopping;
  producer->accumulator.flush();
  while (producer->sending > 0) co_await producer->progress.wait();
  co_await end_background(*producer);
  co_await producer->client->remove_producer(producer->settings.group);
  co_await producer->client->stop();
  producer->state = State::stopped;
}

// From the caller's executor to the producer's and back.
template <class Content>
asio::awaitable<SendResult> send_from(std::shared_ptr<Producer::Impl> producer, Content content,
                                      SendPlanPtr plan) {
  const asio::any_io_executor here = co_await asio::this_coro::executor;
  auto start = [&](SendCall::Handler handler) {
    SendCall::start(std::move(producer), std::move(content), std::move(plan), std::move(handler),
                    here);
  };
  constexpr auto token = asio::as_tuple(asio::use_awaitable);
  auto sending = asio::async_initiate<decltype(token), void(error_code, SendOutcome)>(start, token);
  auto [error, outcome] = co_await std::move(sending);
  co_return std::move(outcome).result();
}

asio::awaitable<std::string> id_of_result(asio::awaitable<SendResult> sending) {
  SendResult result = co_await std::move(sending);
  co_return std::move(result.message_id);
}

asio::awaitable<std::vector<SendResult>> send_each(std::shared_ptr<Producer::Impl> producer,
                                                   std::vector<Message> messages,
                                                   std::size_t max_bytes) {
  std::vector<std::vector<Message>> batches = split_batch(std::move(messages), max_bytes);
  std::vector<SendResult> results;
  results.reserve(batches.size());
  for (std::vector<Message>& batch : batches) {
    SendPlanPtr plan = plain_send();
    SendResult result = co_await send_from(producer, std::move(batch), std::move(plan));
    results.push_back(std::move(result));
  }
  co_return results;
}

asio::any_io_executor own_executor(asio::any_io_executor callers, const ProducerConfig& config) {
  if (config.single_threaded()) return callers;
  return Strand(std::move(callers));
}

}  // namespace

Producer::Producer(asio::any_io_executor executor, ProducerConfig config)
    : Producer(std::move(executor), config, shared_network(config.tls()), real_time()) {}

Producer::Producer(asio::any_io_executor executor, ProducerConfig config, Network& network,
                   TimeSource& time)
    : impl_(std::make_shared<Impl>(
          std::make_shared<client::ClientInstance>(own_executor(executor, config), network, time,
                                                   config.client()),
          config, executor)) {}

Producer::Producer(std::shared_ptr<client::ClientInstance> client, ProducerConfig config)
    : impl_(std::make_shared<Impl>(client, std::move(config), client->executor())) {}

Producer::Impl::Impl(std::shared_ptr<client::ClientInstance> client_in, ProducerConfig config_in,
                     asio::any_io_executor caller_executor)
    : client(std::move(client_in)),
      config(std::move(config_in)),
      time(client->time()),
      faults(config.latency_fault_tolerance(), config.fault_rules()),
      flow(client->executor(), time, config.max_in_flight_messages(), config.max_in_flight_bytes()),
      settings(config, memory),
      hooks(config.send_hooks()),
      accumulator(client->executor()),
      tasks(client->executor(), time),
      progress(client->executor(), time),
      completions(std::move(caller_executor), config.single_threaded()),
      context(
          asio::query(client->executor(), asio::execution::context),
          [this] {
            state = State::stopped;
            accumulator.drop();
          },
          [this] { state = State::stopped; }),
      executor_(client->executor()) {
  if (const auto* strand = executor_.target<Strand>()) {
    strand_ = strand->require(asio::execution::blocking.never);
  }
  config.client() = client->config();  // those of a shared client count
  settings.group = client::wrap_namespace(config.client().name_space, config.group());
  if (config.message_trace()) {
    trace = std::make_shared<Trace>(client, config);
    hooks.push_back(trace);
  }
  settings.has_hooks = !hooks.empty() || !config.forbidden_hooks().empty();
}

bool Producer::Impl::is_here() const noexcept {
  const auto* of_context = executor_.target<asio::io_context::executor_type>();
  return of_context != nullptr && of_context->running_in_this_thread();
}

asio::awaitable<void> wait_for_room(Producer::Impl& producer, FlowShare& share, Instant deadline) {
  const bool taken = co_await share.take(deadline);
  if (!taken) {
    throw Error(remoting::RemotingErrc::too_many_requests,
                fmt::format("send: {} messages with {} bytes are on their way, no room for more "
                            "until the deadline",
                            producer.flow.messages(), producer.flow.bytes()));
  }
}

SendPlanPtr plain_send() noexcept {
  static const SendPlan plain;
  return SendPlanPtr(SendPlanPtr(), &plain);  // nobody counts the references to it
}

SendInProgress::SendInProgress(Producer::Impl& producer, const SendPlan& plan)
    : producer_(producer) {
  if (!plan.is_part() && producer.state != Producer::Impl::State::running) {
    throw Error(ClientErrc::not_running,
                producer.state == Producer::Impl::State::created
                    ? "send: the producer has not been started; call start() first"
                    : "send: the producer has been shut down");
  }
  ++producer_.sending;
}

Producer::~Producer() {
  const Impl::State state = impl_->state;
  if (state != Impl::State::running && state != Impl::State::stopping) return;
  if (impl_->context.is_over()) return;
  auto report = [](std::exception_ptr problem) {
    if (problem) log::warn("a producer that was destroyed while running did not end in order");
  };
  spawn(impl_->executor(), shut_down(impl_), report);
}

namespace {

asio::awaitable<void> tell_stats(std::shared_ptr<Producer::Impl> impl) {
  impl->config.stats_callback()(impl->counters.stats());
  co_return;
}

// Without a trace a producer sends all the same.
asio::awaitable<void> start_trace(Producer::Impl& producer) {
  try {
    co_await producer.trace->start();
    co_return;
  } catch (const Error& error) {
    log::warn("the message trace of producer group {} does not start, which sends without it: {}",
              producer.config.group(), error.what());
  }
  std::erase(producer.hooks, producer.trace);
  producer.trace.reset();
}

asio::awaitable<void> start_producer(std::shared_ptr<Producer::Impl> impl) {
  using State = Producer::Impl::State;
  if (impl->state == State::running) co_return;
  if (impl->state != State::created) {
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
    impl->client->add_producer(impl->settings.group);
  } catch (const Error&) {
    refused = std::current_exception();
  }
  if (refused) {
    co_await impl->client->stop();
    std::rethrow_exception(refused);
  }
  if (impl->trace != nullptr) co_await start_trace(*impl);
  announce(*impl, impl->config.announce_topics());
  if (impl->config.reachability_detector()) {
    impl->tasks.spawn("detector of faults", detect_faults(impl));
  }
  if (impl->config.stats_callback()) {
    auto tell = [impl]() { return tell_stats(impl); };
    const Duration interval = impl->config.stats_interval();
    impl->tasks.spawn("statistics",
                      repeat_every(impl->time, interval, interval, "statistics", std::move(tell)));
  }
  impl->state = State::running;
}

asio::awaitable<std::vector<MessageQueue>> find_queues(std::shared_ptr<Producer::Impl> impl,
                                                       std::string topic) {
  const std::string& name_space = impl->config.client().name_space;
  std::string wire_topic = client::wrap_namespace(name_space, topic);
  const Instant deadline = impl->time.now() + impl->config.send_timeout();
  const client::TopicRoutePtr route =
      co_await impl->client->find_publish_route(std::move(wire_topic), deadline);
  std::vector<MessageQueue> queues = route->publish.queues();
  for (MessageQueue& queue : queues) queue.topic = topic;
  co_return queues;
}

}  // namespace

asio::awaitable<void> Producer::start() { return run_on(impl_->executor(), start_producer(impl_)); }

asio::awaitable<SendResult> Producer::send(Message message) {
  return send_from(impl_, std::move(message), plain_send());
}

asio::awaitable<SendResult> Producer::send(Message message, SendOptions options) {
  return send_from(impl_, std::move(message), std::make_shared<SendPlan>(std::move(options)));
}

const asio::any_io_executor& Producer::StartSend::callers() const noexcept {
  return impl_->completions.callers();
}

void Producer::StartSend::start(SendHandler handler, asio::any_io_executor executor,
                                Message message, SendOptions options) const {
  SendPlanPtr plan =
      options.is_plain() ? plain_send() : std::make_shared<const SendPlan>(std::move(options));
  SendCall::start(impl_, std::move(message), std::move(plan), std::move(handler),
                  std::move(executor));
}

asio::awaitable<SendResult> Producer::send_batch(std::vector<Message> batch) {
  return send_from(impl_, std::move(batch), plain_send());
}

asio::awaitable<SendResult> Producer::send_batch(std::vector<Message> batch, SendOptions options) {
  return send_from(impl_, std::move(batch), std::make_shared<SendPlan>(std::move(options)));
}

asio::awaitable<std::vector<SendResult>> Producer::send_in_batches(std::vector<Message> messages,
                                                                   std::size_t max_bytes) {
  return send_each(impl_, std::move(messages), max_bytes);
}

asio::awaitable<std::string> Producer::send_oneway(Message message) {
  return send_oneway(std::move(message), SendOptions());
}

asio::awaitable<std::string> Producer::send_oneway(Message message, SendOptions options) {
  auto plan = std::make_shared<SendPlan>(std::move(options), true);
  return id_of_result(send_from(impl_, std::move(message), std::move(plan)));
}

asio::awaitable<MessageExt> Producer::request(Message message, Duration timeout) {
  return request(std::move(message), timeout, SendOptions());
}

asio::awaitable<MessageExt> Producer::request(Message message, Duration timeout,
                                              SendOptions options) {
  return run_on(impl_->executor(),
                comet::request(impl_, std::move(message), timeout, std::move(options)));
}

asio::awaitable<std::vector<MessageQueue>> Producer::publish_queues(std::string topic) {
  return run_on(impl_->executor(), find_queues(impl_, std::move(topic)));
}

std::vector<std::vector<Message>> split_batch(std::vector<Message> messages,
                                              std::size_t max_bytes) {
  std::vector<std::vector<Message>> batches;
  std::size_t size = 0;  // of the last one
  for (Message& message : messages) {
    const std::size_t more = batch_item_size(message);
    if (batches.empty() || size + more > max_bytes) {
      batches.emplace_back();
      size = 0;
    }
    size += more;
    batches.back().push_back(std::move(message));
  }
  return batches;
}

asio::awaitable<void> Producer::shutdown() { return run_on(impl_->executor(), shut_down(impl_)); }

ProducerStats Producer::stats() const noexcept { return impl_->counters.stats(); }

const ProducerConfig& Producer::config() const noexcept { return impl_->config; }

const std::shared_ptr<client::ClientInstance>& Producer::client() const noexcept {
  return impl_->client;
}

}  // namespace comet::inline v0_1

// Request-reply (Apache: DefaultMQProducerImpl.request, MessageUtil).

#include <fmt/format.h>

#include <array>
#include <boost/asio/error.hpp>
#include <random>

#include "comet/client/namespaces.hpp"
#include "comet/message/reply_properties.hpp"
#include "comet/message/system_names.hpp"
#include "comet/producer/request_reply.hpp"
#include "producer_impl.hpp"

namespace comet::inline v0_1 {
namespace {

// A random UUID (version 4).
std::string make_correlation_id() {
  static thread_local std::mt19937_64 random{std::random_device{}()};
  const std::uint64_t high = (random() & ~0xF000ULL) | 0x4000ULL;
  const std::uint64_t low = (random() & ~(3ULL << 62)) | (1ULL << 63);
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, (high >> 16) & 0xFFFF,
                     high & 0xFFFF, low >> 48, low & 0xFFFF'FFFF'FFFFULL);
}

// A place for the reply, as long as somebody waits for it.
class Waiting {
 public:
  Waiting(std::shared_ptr<client::ClientInstance> client, std::string correlation_id)
      : client_(std::move(client)),
        id_(std::move(correlation_id)),
        state_(std::make_shared<State>(client_->executor(), client_->time())) {
    client_->expect_reply(id_, [state = state_](MessageExt reply) {
      state->reply = std::move(reply);
      state->came.notify_all();
    });
  }
  ~Waiting() { client_->forget_reply(id_); }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

  [[nodiscard]] bool has_reply() const noexcept { return state_->reply.has_value(); }
  [[nodiscard]] MessageExt take() { return std::move(*state_->reply); }
  // Returns at the deadline at the latest.
  [[nodiscard]] asio::awaitable<void> wait(Instant deadline) {
    while (!has_reply() && client_->time().now() < deadline) {
      (void)co_await state_->came.wait(deadline);
    }
  }

 private:
  struct State {
    State(asio::any_io_executor executor, TimeSource& time) : came(std::move(executor), time) {}
    std::optional<MessageExt> reply;
    Event came;
  };

  std::shared_ptr<client::ClientInstance> client_;
  std::string id_;
  std::shared_ptr<State> state_;
};

asio::awaitable<void> find_brokers(Producer::Impl& producer, const std::string& topic,
                                   Instant deadline) {
  const std::string wire_topic = client::wrap_namespace(producer.config.client().name_space, topic);
  try {
    (void)co_await producer.client->find_publish_route(wire_topic, deadline);
  } catch (const Error& error) {
    throw Error(error.code(), "request to topic " + topic + ": " + error.context());
  }
  // The reply comes by way of a broker that knows this client.
  co_await producer.client->announce(deadline);
}

}  // namespace

asio::awaitable<MessageExt> request(std::shared_ptr<Producer::Impl> producer, Message message,
                                    Duration timeout, SendOptions options) {
  const SendPlan plain;
  SendInProgress in_progress(*producer, plain);
  validate(message, producer->config);
  const Instant deadline = producer->time.now() + timeout;
  const std::string topic = message.topic();
  const std::string correlation_id = make_correlation_id();
  MessageProperties& properties = message.properties();
  properties.set(property::kCorrelationId, correlation_id);
  properties.set(property::kReplyToClient, producer->client->client_id());
  properties.set(property::kTtl, std::to_string(to_millis(timeout)));
  co_await find_brokers(*producer, topic, deadline);
  Waiting waiting(producer->client, correlation_id);
  const Duration left = deadline - producer->time.now();
  options.timeout(std::min(left, options.timeout().value_or(producer->config.send_timeout())));
  std::exception_ptr problem;
  try {
    auto plan = std::make_shared<const SendPlan>(std::move(options));
    (void)co_await send_message(producer, std::move(message), std::move(plan));
  } catch (const boost::system::system_error& error) {
    if (error.code() == asio::error::operation_aborted) throw;
    problem = std::current_exception();
  }
  // Its answer may have been lost, and the request not.
  if (problem && !waiting.has_reply()) std::rethrow_exception(problem);
  co_await waiting.wait(deadline);
  if (!waiting.has_reply()) {
    throw Error(
        ClientErrc::request_timeout,
        fmt::format("request to topic {}: no reply within {} ms", topic, to_millis(timeout)));
  }
  co_return waiting.take();
}

Message make_reply(const Message& request, std::string body) {
  const MessageProperties& properties = request.properties();
  for (const std::string_view name :
       {property::kCluster, property::kCorrelationId, property::kReplyToClient}) {
    if (!properties.get(name).empty()) continue;
    throw Error(
        ClientErrc::illegal_message,
        fmt::format("create reply message fail, requestMessage error, property[{}] is null", name));
  }
  Message reply(std::string(properties.get(property::kCluster)).append(kReplyTopicSuffix),
                std::move(body));
  reply.properties().set(property::kMessageType, property::kReply);
  for (const std::string_view name :
       {property::kCorrelationId, property::kReplyToClient, property::kTtl}) {
    const std::string_view value = properties.get(name);
    if (!value.empty()) reply.properties().set(name, value);
  }
  return reply;
}

}  // namespace comet::inline v0_1

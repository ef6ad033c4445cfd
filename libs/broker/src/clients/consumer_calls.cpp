// What administrators ask consumers, through the broker that they are connected to (Apache:
// Broker2Client.getConsumeStatus, AdminBrokerProcessor.callConsumer).

#include "clients/consumer_calls.hpp"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/json/object.hpp>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "clients/client_versions.hpp"
#include "comet/base/json.hpp"
#include "comet/message/message_id.hpp"
#include "comet/remoting/admin_headers.hpp"
#include "comet/remoting/version.hpp"
#include "request/await_call.hpp"
#include "request/header_of.hpp"
#include "request/on_header.hpp"
#include "tables/table_limits.hpp"

namespace comet::inline v0_1::broker {
namespace {

using namespace std::chrono_literals;
using remoting::Connection;
using remoting::Handling;
using remoting::Refusal;
using remoting::RemotingCommand;
using remoting::Request;
using remoting::RequestCode;
using remoting::ResponseCode;

constexpr Duration kCallTimeout = 10s;   // Apache: Broker2Client.callClient
constexpr Duration kStatusTimeout = 5s;  // Apache: Broker2Client.getConsumeStatus

// On the connection's executor. Keeps nothing of the broker's: it may outlive it.
asio::awaitable<RemotingCommand> call(std::shared_ptr<Connection> connection,
                                      RemotingCommand request, Instant deadline) {
  RemotingCommand answer = co_await connection->invoke(std::move(request), deadline);
  co_return answer;
}

// What a call that failed is answered with, in Apache's words.
Refusal call_failure(std::string_view group, std::string_view client_id,
                     const std::exception& problem) {
  const auto* error = dynamic_cast<const Error*>(&problem);
  if (error != nullptr && error->code() == remoting::RemotingErrc::timed_out) {
    return {ResponseCode::consume_msg_timeout,
            fmt::format("consumer <{}> <{}> Timeout: {}", group, client_id, problem.what())};
  }
  return {ResponseCode::system_error,
          fmt::format("invoke consumer <{}> <{}> Exception: {}", group, client_id, problem.what())};
}

// Hands a question on to one client; throws Refusal for what fails.
asio::awaitable<RemotingCommand> pass_on(ClientRegistry::ConnectedClient client, std::string group,
                                         RemotingCommand request, Instant deadline) {
  std::optional<Refusal> failure;
  try {
    RemotingCommand answer = co_await client.connection->invoke(std::move(request), deadline);
    co_return answer;
  } catch (const std::exception& problem) {
    failure = call_failure(group, client.info.id, problem);
  }
  throw std::move(*failure);
}

// The client's answer as that of whoever asked.
RemotingCommand handed_back(const Request& request, const RemotingCommand& answer) {
  RemotingCommand reply =
      RemotingCommand::response(request.command, answer.response_code(), answer.remark);
  for (std::size_t i = 0; i < answer.fields.size(); ++i) {
    const auto [name, value] = answer.fields[i];
    reply.fields.add(name, value);
  }
  reply.body = answer.body;
  return reply;
}

// A request to the client with all fields of the administrator's.
RemotingCommand copy_of(const RemotingCommand& request, Body body) {
  RemotingCommand copy = RemotingCommand::request(request.request_code(), std::move(body));
  for (std::size_t i = 0; i < request.fields.size(); ++i) {
    const auto [name, value] = request.fields[i];
    copy.fields.add(name, value);
  }
  return copy;
}

// What a client says of its queues, with the keys as Java writes them.
void write_queues(JsonWriter& json, const std::string& body) {
  json.begin_object();
  const auto parsed = parse_json(body);
  const boost::json::object* root = parsed ? parsed->if_object() : nullptr;
  const boost::json::value* queues =
      root == nullptr ? nullptr : root->if_contains("messageQueueTable");
  if (queues != nullptr && queues->is_object()) {
    for (const auto& [key, offset] : queues->get_object()) {
      const auto queue = parse_json(std::string_view(key));
      if (!queue || !queue->is_object()) continue;
      json.begin_object_key();
      json.member("brokerName", get_string(queue->get_object(), "brokerName"));
      json.member("queueId", get_int(queue->get_object(), "queueId", 0));
      json.member("topic", get_string(queue->get_object(), "topic"));
      json.end_object_key();
      json.value(get_int(queues->get_object(), key, 0));
    }
  }
  json.end_object();
}

RemotingCommand statuses_answer(const Request& request,
                                const std::map<std::string, std::string>& bodies) {
  JsonWriter json;
  json.begin_object();
  json.key("consumerTable");
  json.begin_object();
  for (const auto& [client_id, body] : bodies) {
    json.key(client_id);
    write_queues(json, body);
  }
  json.end_object();
  json.key("messageQueueTable");
  json.begin_object();
  json.end_object();
  json.end_object();
  return json_answer(request.command, json.take());
}

}  // namespace

// Asks several clients at once; what those that answered well said, by client id, as far as it is
// not more than `max_size` bytes in all.
class ConsumerCallFeature::AwaitStatuses {
 public:
  using Bodies = std::map<std::string, std::string>;
  using Clients = std::map<std::string, std::shared_ptr<Connection>>;

  AwaitStatuses(Clients clients, const remoting::ConsumerStatusHeader& question, Instant deadline,
                std::size_t max_size)
      : clients_(std::move(clients)),
        question_(question),
        deadline_(deadline),
        max_size_(max_size) {}

  [[nodiscard]] bool await_ready() const noexcept { return clients_.empty(); }
  void await_suspend(Handling::Handle waiting);
  [[nodiscard]] Bodies await_resume() noexcept { return std::move(bodies_); }

 private:
  class Gathering;

  Clients clients_;
  const remoting::ConsumerStatusHeader& question_;
  Instant deadline_;
  std::size_t max_size_;
  Bodies bodies_;
};

// Called on the clients' executors.
class ConsumerCallFeature::AwaitStatuses::Gathering {
 public:
  Gathering(Handling::Handle waiting, Bodies& bodies, std::size_t expected, std::size_t max_size)
      : home_(waiting.promise().connection()->executor()),
        resume_(std::make_shared<remoting::Resume<Bodies>>(waiting, bodies)),
        expected_(expected),
        max_size_(max_size) {}

  void add(const std::string& client_id, const std::exception_ptr& problem,
           const RemotingCommand& answer) {
    const std::lock_guard lock(mutex_);
    if (!problem && answer.response_code() == ResponseCode::success && !answer.body.empty() &&
        size_ + answer.body.size() < max_size_) {
      size_ += answer.body.size();
      bodies_.emplace(client_id, answer.body.to_string());
    }
    if (--expected_ != 0) return;
    asio::post(home_, [resume = resume_, bodies = std::move(bodies_)]() mutable {
      (*resume)(std::move(bodies));
    });
  }

 private:
  asio::any_io_executor home_;
  std::shared_ptr<remoting::Resume<Bodies>> resume_;
  std::mutex mutex_;
  std::size_t expected_;
  const std::size_t max_size_;
  std::size_t size_ = 0;
  Bodies bodies_;
};

void ConsumerCallFeature::AwaitStatuses::await_suspend(Handling::Handle waiting) {
  const remoting::Handling::Wait wait(waiting);
  const auto gathering = std::make_shared<Gathering>(waiting, bodies_, clients_.size(), max_size_);
  const RequestCode code = RequestCode::get_consumer_status_from_client;
  const Clients clients = std::move(clients_);
  const RemotingCommand asked = RemotingCommand::request(code, question_);
  const Instant deadline = deadline_;
  for (const auto& [client_id, connection] : clients) {
    auto done = [gathering, client_id = client_id](const std::exception_ptr& problem,
                                                   const RemotingCommand& answer) {
      gathering->add(client_id, problem, answer);
    };
    asio::co_spawn(connection->executor(), call(connection, asked, deadline), std::move(done));
  }
}

SendsInFlight::Place ConsumerCallFeature::enter(std::size_t bytes) {
  SendsInFlight::Place place = calls_.enter(kCallBytes + bytes, time_.now());
  if (!place) throw too_many_calls(calls_);
  return place;
}

ClientRegistry::ConnectedClient ConsumerCallFeature::find(std::string_view group,
                                                          std::string_view client_id) const {
  auto client = clients_.find_consumer(group, client_id);
  if (!client) {
    throw Refusal(ResponseCode::system_error,
                  fmt::format("The Consumer <{}> <{}> not online", group, client_id));
  }
  if (client->info.version < kVersionV3_1_8Snapshot) {
    throw Refusal(ResponseCode::system_error,
                  fmt::format("The Consumer <{}> Version <{}> too low to finish, please upgrade it "
                              "to V3_1_8_SNAPSHOT",
                              client_id, remoting::version_name(client->info.version)));
  }
  return std::move(*client);
}

Handling ConsumerCallFeature::running_info(Request request) {
  const auto header = header_of<remoting::ConsumerRunningInfoHeader>(request.command);
  const ClientRegistry::ConnectedClient client = find(header.consumer_group, header.client_id);
  const SendsInFlight::Place place = enter(request.command.memory_size());
  asio::awaitable<RemotingCommand> asked =
      pass_on(client, std::string(header.consumer_group),
              copy_of(request.command, request.command.body), time_.now() + kCallTimeout);
  const RemotingCommand answer =
      co_await AwaitCall(std::move(asked), client.connection->executor());
  co_return handed_back(request, answer);
}

Handling ConsumerCallFeature::consume_directly(Request request) {
  const auto header = header_of<remoting::ConsumeMessageDirectlyHeader>(request.command);
  const auto place = parse_offset_message_id(header.msg_id.value_or(""));
  if (!place) {
    co_return Refusal(
        ResponseCode::system_error,
        fmt::format("msgId <{}> is not an offset message id", header.msg_id.value_or("")));
  }
  SharedBytes record = store_.read_record(place->physical_offset);
  if (record.empty()) {
    co_return Refusal(
        ResponseCode::system_error,
        fmt::format("can not find message by the offset, {}", place->physical_offset));
  }
  const SendsInFlight::Place room = enter(record.size());
  RemotingCommand command = copy_of(request.command, Body(std::move(record)));
  command.fields.add("brokerName", config_.broker_name);  // the last of equal names counts
  const ClientRegistry::ConnectedClient client =
      find(header.consumer_group, header.client_id.value_or(""));
  asio::awaitable<RemotingCommand> asked = pass_on(client, std::string(header.consumer_group),
                                                   std::move(command), time_.now() + kCallTimeout);
  const RemotingCommand answer =
      co_await AwaitCall(std::move(asked), client.connection->executor());
  co_return handed_back(request, answer);
}

Handling ConsumerCallFeature::consumer_status(Request request) {
  const auto header = header_of<remoting::ConsumerStatusHeader>(request.command);
  const auto group = clients_.consumer_group(header.group);
  if (!group || group->clients.empty()) {
    co_return Refusal(
        ResponseCode::system_error,
        fmt::format("No Any Consumer online in the consumer group: [{}]", header.group));
  }
  const std::string_view wanted = header.client_addr.value_or("");
  AwaitStatuses::Clients asked;
  for (const ClientRegistry::ConnectedClient& client : group->clients) {
    if (client.info.version < kVersionV3_0_7Snapshot) {
      co_return Refusal(ResponseCode::system_error,
                        fmt::format("the client does not support this feature. version={}",
                                    remoting::version_name(client.info.version)));
    }
    if (wanted.empty() || wanted == client.info.id) {
      asked.insert_or_assign(client.info.id, client.connection);
    }
  }
  const SendsInFlight::Place place = enter(asked.size() * kCallBytes);
  remoting::ConsumerStatusHeader question;
  question.topic = header.topic;
  question.group = header.group;
  const AwaitStatuses::Bodies bodies = co_await AwaitStatuses(
      std::move(asked), question, time_.now() + kStatusTimeout, config_.connection.max_frame / 2);
  co_return statuses_answer(request, bodies);
}

void ConsumerCallFeature::install(remoting::Dispatcher& dispatcher) {
  on_handling(dispatcher, RequestCode::get_consumer_running_info, this,
              &ConsumerCallFeature::running_info);
  on_handling(dispatcher, RequestCode::consume_message_directly, this,
              &ConsumerCallFeature::consume_directly);
  on_handling(dispatcher, RequestCode::invoke_broker_to_get_consumer_status, this,
              &ConsumerCallFeature::consumer_status);
}

}  // namespace comet::inline v0_1::broker

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
#include <string>
#include <utility>
#include <vector>

#include "clients/client_versions.hpp"
#include "comet/base/json.hpp"
#include "comet/message/message_id.hpp"
#include "comet/remoting/admin_headers.hpp"
#include "comet/remoting/version.hpp"
#include "request/on_header.hpp"

namespace comet::inline v0_1::broker {
namespace {

using namespace std::chrono_literals;
using remoting::Connection;
using remoting::PendingReply;
using remoting::RemotingCommand;
using remoting::Reply;
using remoting::Request;
using remoting::RequestCode;
using remoting::ResponseCode;

constexpr Duration kCallTimeout = 10s;   // Apache: Broker2Client.callClient
constexpr Duration kStatusTimeout = 5s;  // Apache: Broker2Client.getConsumeStatus

// On the connection's executor. Keeps nothing of the broker's: it may outlive it.
asio::awaitable<RemotingCommand> call(std::shared_ptr<Connection> connection,
                                      std::shared_ptr<RemotingCommand> request, Instant deadline) {
  RemotingCommand asked = std::move(*request);
  RemotingCommand answer = co_await connection->invoke(std::move(asked), deadline);
  co_return answer;
}

// Asks the client; `done(error, answer)` is called on its connection's executor.
template <class Done>
void call_client(const std::shared_ptr<Connection>& connection, RemotingCommand request,
                 Instant deadline, Done done) {
  auto asked = std::make_shared<RemotingCommand>(std::move(request));
  asio::co_spawn(connection->executor(), call(connection, std::move(asked), deadline),
                 std::move(done));
}

// What a call that failed is answered with, in Apache's words.
class CallNames {
 public:
  std::string group;
  std::string client_id;
  [[nodiscard]] RemotingCommand failure(const remoting::RequestIdentity& request,
                                        const std::exception_ptr& problem) const {
    if (exception_code(problem) == remoting::RemotingErrc::timed_out) {
      return request.response(
          ResponseCode::consume_msg_timeout,
          fmt::format("consumer <{}> <{}> Timeout: {}", group, client_id, exception_text(problem)));
    }
    return request.response(ResponseCode::system_error,
                            fmt::format("invoke consumer <{}> <{}> Exception: {}", group, client_id,
                                        exception_text(problem)));
  }
};

// A request to the client with all fields of the administrator's.
RemotingCommand copy_of(const RemotingCommand& request, Body body) {
  RemotingCommand copy = RemotingCommand::request(request.request_code(), std::move(body));
  for (std::size_t i = 0; i < request.fields.size(); ++i) {
    const auto [name, value] = request.fields[i];
    copy.fields.add(name, value);
  }
  return copy;
}

// The answers of several clients, gathered.
class StatusCollector {
 public:
  StatusCollector(const Request& request, std::size_t expected, std::size_t max_size)
      : pending_(request), expected_(expected), max_size_(max_size) {}

  void add(const std::string& client_id, const std::exception_ptr& problem,
           const RemotingCommand& answer) {
    const std::lock_guard lock(mutex_);
    if (!problem && answer.response_code() == ResponseCode::success && !answer.body.empty() &&
        size_ + answer.body.size() < max_size_) {
      size_ += answer.body.size();
      bodies_.emplace(client_id, answer.body.to_string());
    }
    if (--expected_ == 0) finish();
  }

 private:
  // What a client says of its queues, with the keys as Java writes them.
  static void write_queues(JsonWriter& json, const std::string& body) {
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

  void finish() {
    JsonWriter json;
    json.begin_object();
    json.key("consumerTable");
    json.begin_object();
    for (const auto& [client_id, body] : bodies_) {
      json.key(client_id);
      write_queues(json, body);
    }
    json.end_object();
    json.key("messageQueueTable");
    json.begin_object();
    json.end_object();
    json.end_object();
    RemotingCommand answer = pending_.request().response(ResponseCode::success, {});
    answer.body = Body(json.take());
    pending_.answer(std::move(answer));
  }

  PendingReply pending_;
  std::mutex mutex_;
  std::size_t expected_;
  const std::size_t max_size_;
  std::size_t size_ = 0;
  std::map<std::string, std::string> bodies_;  // by client id
};

}  // namespace

// Hands the request on and the client's answer back.
Reply ConsumerCallFeature::pass_on(Request& request, std::string_view group,
                                   std::string_view client_id, RemotingCommand asked) {
  const auto client = clients_.find_consumer(group, client_id);
  if (!client) {
    return refusal(request, fmt::format("The Consumer <{}> <{}> not online", group, client_id));
  }
  if (client->info.version < kVersionV3_1_8Snapshot) {
    return refusal(request, fmt::format("The Consumer <{}> Version <{}> too low to finish, please "
                                        "upgrade it to V3_1_8_SNAPSHOT",
                                        client_id, remoting::version_name(client->info.version)));
  }
  CallNames names;
  names.group = group;
  names.client_id = client_id;
  auto done = [pending = std::make_shared<PendingReply>(request), names = std::move(names)](
                  const std::exception_ptr& problem, const RemotingCommand& answer) {
    if (problem) return pending->answer(names.failure(pending->request(), problem));
    RemotingCommand reply = pending->request().response(answer.response_code(), answer.remark);
    for (std::size_t i = 0; i < answer.fields.size(); ++i) {
      const auto [name, value] = answer.fields[i];
      reply.fields.add(name, value);
    }
    reply.body = answer.body;
    pending->answer(std::move(reply));
  };
  call_client(client->connection, std::move(asked), time_.now() + kCallTimeout, std::move(done));
  return std::nullopt;
}

Reply ConsumerCallFeature::running_info(Request& request,
                                        const remoting::ConsumerRunningInfoHeader& header) {
  return pass_on(request, header.consumer_group, header.client_id,
                 copy_of(request.command, request.command.body));
}

Reply ConsumerCallFeature::consume_directly(Request& request,
                                            const remoting::ConsumeMessageDirectlyHeader& header) {
  const std::string_view client_id = header.client_id.value_or("");
  const auto place = parse_offset_message_id(header.msg_id.value_or(""));
  if (!place) {
    return refusal(
        request, fmt::format("msgId <{}> is not an offset message id", header.msg_id.value_or("")));
  }
  SharedBytes record = store_.read_record(place->physical_offset);
  if (record.empty()) {
    return refusal(request,
                   fmt::format("can not find message by the offset, {}", place->physical_offset));
  }
  RemotingCommand asked = copy_of(request.command, Body(std::move(record)));
  // The last of equal names counts.
  asked.fields.add("brokerName", config_.broker_name);
  return pass_on(request, header.consumer_group, client_id, std::move(asked));
}

Reply ConsumerCallFeature::consumer_status(Request& request,
                                           const remoting::ConsumerStatusHeader& header) {
  const auto group = clients_.consumer_group(header.group);
  if (!group || group->clients.empty()) {
    return refusal(request,
                   fmt::format("No Any Consumer online in the consumer group: [{}]", header.group));
  }
  const std::string_view wanted = header.client_addr.value_or("");
  std::map<std::string, std::shared_ptr<Connection>> asked;  // by client id
  for (const ClientRegistry::ConnectedClient& client : group->clients) {
    if (client.info.version < kVersionV3_0_7Snapshot) {
      return refusal(request, fmt::format("the client does not support this feature. version={}",
                                          remoting::version_name(client.info.version)));
    }
    if (wanted.empty() || wanted == client.info.id) {
      asked.insert_or_assign(client.info.id, client.connection);
    }
  }
  if (asked.empty()) {
    RemotingCommand answer = success(request);
    answer.body = Body(std::string(R"({"consumerTable":{},"messageQueueTable":{}})"));
    return answer;
  }
  const auto collector =
      std::make_shared<StatusCollector>(request, asked.size(), config_.connection.max_frame / 2);
  remoting::ConsumerStatusHeader question;
  question.topic = header.topic;
  question.group = header.group;
  for (const auto& [client_id, connection] : asked) {
    auto done = [collector, client_id = client_id](const std::exception_ptr& problem,
                                                   const RemotingCommand& answer) {
      collector->add(client_id, problem, answer);
    };
    call_client(connection,
                RemotingCommand::request(RequestCode::get_consumer_status_from_client, question),
                time_.now() + kStatusTimeout, std::move(done));
  }
  return std::nullopt;
}

void ConsumerCallFeature::install(remoting::Dispatcher& dispatcher) {
  on_header<remoting::ConsumerRunningInfoHeader>(dispatcher, RequestCode::get_consumer_running_info,
                                                 this, &ConsumerCallFeature::running_info);
  on_header<remoting::ConsumeMessageDirectlyHeader>(dispatcher,
                                                    RequestCode::consume_message_directly, this,
                                                    &ConsumerCallFeature::consume_directly);
  on_header<remoting::ConsumerStatusHeader>(dispatcher,
                                            RequestCode::invoke_broker_to_get_consumer_status, this,
                                            &ConsumerCallFeature::consumer_status);
}

}  // namespace comet::inline v0_1::broker

#pragma once
// Name servers and brokers that do what a test tells them, behind the real remoting server.

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "comet/base/time.hpp"
#include "comet/message/batch.hpp"
#include "comet/message/properties.hpp"
#include "comet/remoting/header.hpp"
#include "comet/remoting/message_headers.hpp"
#include "comet/remoting/namesrv_headers.hpp"
#include "comet/remoting/server.hpp"
#include "comet/routing/topic_route.hpp"
#include "virtual_world.hpp"

namespace comet::inline v0_1::test {

using remoting::RemotingCommand;
using remoting::Reply;
using remoting::Request;
using remoting::RequestCode;
using remoting::ResponseCode;

class FakeServer {
 public:
  FakeServer(VirtualWorld& world, Address at)
      : at_(std::move(at)), world_(world), handlers_(std::make_shared<remoting::Dispatcher>()) {}

  void start() {
    remoting::ServerConfig config;
    config.listen_at = at_;
    std::vector<asio::any_io_executor> executors(1, world_.executor());
    auto observe = [this](const std::shared_ptr<remoting::Connection>& connection,
                          remoting::ConnectionEvent event) {
      if (event == remoting::ConnectionEvent::connected) {
        ++connections_seen;
        last_connection = connection;
      }
    };
    server_ = std::make_unique<remoting::Server>(std::move(executors), world_.network, world_.time,
                                                 std::move(config), handlers_, observe);
    server_->start();
  }
  void stop() {
    if (!server_) return;
    world_.run(server_->stop(world_.time.now()));
    server_.reset();
  }
  [[nodiscard]] const Address& address() const noexcept { return at_; }
  [[nodiscard]] std::size_t connections() const { return server_ ? server_->connections() : 0; }

  int connections_seen = 0;
  std::weak_ptr<remoting::Connection> last_connection;

 protected:
  Address at_;
  VirtualWorld& world_;
  std::shared_ptr<remoting::Dispatcher> handlers_;
  std::unique_ptr<remoting::Server> server_;
};

// Hands out the routes of `routes`; other topics get TOPIC_NOT_EXIST.
class FakeNameServer : public FakeServer {
 public:
  explicit FakeNameServer(VirtualWorld& world, std::string host = "ns1")
      : FakeServer(world, Address(std::move(host), 9876)) {
    auto answer = [this](Request& request) { return on_route_query(request); };
    handlers_->on(RequestCode::get_routeinfo_by_topic, answer);
    start();
  }

  std::map<std::string, routing::TopicRouteData> routes;
  std::map<std::string, int> queries;  // by topic
  int watches_asked_for = 0;
  bool silent = false;                 // takes requests and never answers
  std::optional<ResponseCode> refuse;  // answers everything with this code
  std::optional<std::string> body;     // instead of the route's JSON

  [[nodiscard]] int total_queries() const {
    int sum = 0;
    for (const auto& entry : queries) sum += entry.second;
    return sum;
  }

 private:
  Reply on_route_query(Request& request) {
    auto header = remoting::read_header<remoting::GetRouteInfoHeader>(request.command.fields);
    const std::string topic(header ? header->topic : std::string_view());
    ++queries[topic];
    if (header && header->watch.value_or(false)) ++watches_asked_for;
    if (silent) return std::nullopt;
    if (refuse) return RemotingCommand::response(request.command, *refuse, "refused by the test");
    auto found = routes.find(topic);
    if (found == routes.end()) {
      return RemotingCommand::response(
          request.command, ResponseCode::topic_not_exist,
          "No topic route info in name server for the topic: " + topic);
    }
    RemotingCommand answer = RemotingCommand::response(request.command, ResponseCode::success);
    answer.body = body ? *body : routing::to_json(found->second, routing::IntegerKeys::quoted);
    return answer;
  }
};

// Stores what it is sent, unless the script says otherwise.
class FakeBroker : public FakeServer {
 public:
  // What to do with one send.
  class Act {
   public:
    enum class Kind { answer, hang, close };
    static Act code(ResponseCode code, std::string remark = {}) {
      Act act;
      act.response = code;
      act.remark = std::move(remark);
      return act;
    }
    static Act hang() {
      Act act;
      act.kind = Kind::hang;
      return act;
    }
    static Act close() {
      Act act;
      act.kind = Kind::close;
      return act;
    }
    // SUCCESS without the fields that a send answer must have.
    static Act empty_answer() {
      Act act;
      act.with_fields = false;
      return act;
    }

    Kind kind = Kind::answer;
    ResponseCode response = ResponseCode::success;
    std::string remark;
    bool with_fields = true;
    std::string recall_handle;
    bool batch_ids = false;  // of a batch: the offset ids ID0,ID1,... and 0 as the first offset
  };

  class Received {
   public:
    Received() = default;
    RemotingCommand command;
    std::string body;
    [[nodiscard]] std::string field(std::string_view name) const {
      return std::string(command.fields.find(name).value_or("<absent>"));
    }
  };

  FakeBroker(VirtualWorld& world, std::string name, std::string host)
      : FakeServer(world, Address(std::move(host), 10911)), name_(std::move(name)) {
    auto send = [this](Request& request) { return on_send(request); };
    handlers_->on(RequestCode::send_message_v2, send);
    handlers_->on(RequestCode::send_batch_message, send);
    auto note = [this](Request& request) -> Reply {
      others.push_back(note_of(request));
      if (silent) return std::nullopt;
      return RemotingCommand::response(request.command, ResponseCode::success);
    };
    handlers_->on(RequestCode::heart_beat, note);
    handlers_->on(RequestCode::unregister_client, note);
    handlers_->on(RequestCode::get_max_offset, note);
    handlers_->on(RequestCode::recall_message, [this](Request& request) -> Reply {
      others.push_back(note_of(request));
      RemotingCommand answer =
          RemotingCommand::response(request.command, otherwise.response, otherwise.remark);
      if (otherwise.response == ResponseCode::success) answer.fields.add("msgId", "RECALLED");
      return answer;
    });
    handlers_->on(RequestCode::end_transaction, note);
    handlers_->on(RequestCode::send_reply_message_v2, send);
    start();
  }

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] int count(RequestCode code) const {
    int sum = 0;
    for (const Received& other : others) sum += other.command.request_code() == code ? 1 : 0;
    return sum;
  }

  std::deque<Act> script;  // for the next sends; afterwards `otherwise`
  Act otherwise;
  std::vector<Received> sends;
  std::vector<Received> others;
  std::set<std::string> log;  // unique ids of what has been stored
  bool silent = false;        // does not answer heartbeats either

 private:
  static Received note_of(const Request& request) {
    Received received;
    received.command = request.command;
    received.body = request.command.body.to_string();
    return received;
  }

  [[nodiscard]] static bool is_stored(ResponseCode code) {
    return code == ResponseCode::success || code == ResponseCode::flush_disk_timeout ||
           code == ResponseCode::flush_slave_timeout || code == ResponseCode::slave_not_available;
  }
  void store(const Request& request) {
    const auto add = [this](std::string_view properties) {
      log.emplace(find_property(properties, property::kUniqueKey));
    };
    if (request.command.request_code() != RequestCode::send_batch_message) {
      add(request.command.fields.find("i").value_or(""));
    } else if (const auto items = decode_batch(request.command.body.view())) {
      for (const BatchItem& item : *items) add(item.properties);
    }
  }

  Reply on_send(Request& request) {
    sends.push_back(note_of(request));
    Act act = otherwise;
    if (!script.empty()) {
      act = script.front();
      script.pop_front();
    }
    if (act.kind == Act::Kind::hang) return std::nullopt;
    if (act.kind == Act::Kind::close) {
      request.connection->close();
      return std::nullopt;
    }
    if (is_stored(act.response)) store(request);
    RemotingCommand answer = RemotingCommand::response(request.command, act.response, act.remark);
    if (act.with_fields) {
      std::string id = "0A00000200002A9F0000000000000000";
      if (act.batch_ids) {
        const auto items = decode_batch(request.command.body.view());
        id.clear();
        for (std::size_t i = 0; items && i < items->size(); ++i) {
          id += (i == 0 ? "ID" : ",ID") + std::to_string(i);
        }
      }
      answer.fields.add("msgId", id);
      answer.fields.add("queueId", request.command.fields.find("e").value_or("-1"));
      answer.fields.add("queueOffset", static_cast<std::int64_t>(sends.size() - 1));
      answer.fields.add("MSG_REGION", "DefaultRegion");
      answer.fields.add("TRACE_ON", "true");
      if (!act.recall_handle.empty()) answer.fields.add("recallHandle", act.recall_handle);
    }
    return answer;
  }

  std::string name_;
};

// Readable and writable queues of a topic on each of the brokers.
inline routing::TopicRouteData make_route(const std::vector<const FakeBroker*>& brokers,
                                          std::int32_t queues = 4) {
  routing::TopicRouteData route;
  for (const FakeBroker* broker : brokers) {
    routing::QueueData queue;
    queue.broker_name = broker->name();
    queue.read_queue_nums = queues;
    queue.write_queue_nums = queues;
    queue.perm = routing::perm::kRead | routing::perm::kWrite;
    route.queues.push_back(queue);
    routing::BrokerData data;
    data.cluster = "DefaultCluster";
    data.broker_name = broker->name();
    data.broker_addrs[routing::kMasterId] = broker->address().to_string();
    route.brokers.push_back(data);
  }
  return route;
}

}  // namespace comet::inline v0_1::test

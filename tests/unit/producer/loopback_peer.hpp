#pragma once

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "comet/base/tcp_network.hpp"
#include "comet/message/record.hpp"
#include "comet/message/reply_properties.hpp"
#include "comet/remoting/message_headers.hpp"
#include "comet/remoting/server.hpp"
#include "comet/remoting/transaction_headers.hpp"

namespace comet::inline v0_1::test {

// Name server and broker in one, in a thread of its own, over loopback.
class LoopbackPeer {
  using RemotingCommand = remoting::RemotingCommand;
  using RequestCode = remoting::RequestCode;
  using ResponseCode = remoting::ResponseCode;

 public:
  // What END_TRANSACTION has said.
  struct End {
    int decision = 0;
    std::string message_id;
    std::string remark;
  };

  LoopbackPeer() {
    auto handlers = std::make_shared<remoting::Dispatcher>();
    auto route = [this](remoting::Request& request) -> remoting::Reply {
      RemotingCommand answer = RemotingCommand::response(request.command, ResponseCode::success);
      answer.body = route_text();
      return answer;
    };
    auto stored = [this](remoting::Request& request) -> remoting::Reply {
      ++sends;
      if (silent) return std::nullopt;
      last_sender_ = request.connection;
      if (replies) reply_to(request);
      RemotingCommand answer = RemotingCommand::response(request.command, answers);
      answer.fields.add("msgId", "0A00000200002A9F0000000000000000");
      answer.fields.add("queueId", 1);
      answer.fields.add("queueOffset", 7);
      answer.fields.add("MSG_REGION", "DefaultRegion");
      answer.fields.add("TRACE_ON", "true");
      return answer;
    };
    auto noted = [](remoting::Request& request) -> remoting::Reply {
      return RemotingCommand::response(request.command, ResponseCode::success);
    };
    handlers->on(RequestCode::get_routeinfo_by_topic, route);
    handlers->on(RequestCode::send_message_v2, stored);
    handlers->on(RequestCode::send_batch_message, stored);
    auto ended = [this](remoting::Request& request) -> remoting::Reply {
      const auto header =
          remoting::read_header<remoting::EndTransactionHeader>(request.command.fields);
      const std::lock_guard lock(mutex_);
      ends_.push_back(
          {header->commit_or_rollback, std::string(header->msg_id), request.command.remark});
      return std::nullopt;
    };
    handlers->on(RequestCode::end_transaction, ended);
    handlers->on(RequestCode::heart_beat, noted);
    handlers->on(RequestCode::unregister_client, noted);
    remoting::ServerConfig config;
    config.listen_at = Address("127.0.0.1", 0);
    server_ = std::make_unique<remoting::Server>(
        std::vector{asio::any_io_executor(context_.get_executor())}, network_, real_time(),
        std::move(config), handlers,
        [this](const std::shared_ptr<remoting::Connection>&, remoting::ConnectionEvent event) {
          if (event == remoting::ConnectionEvent::connected) ++connections;
        });
    server_->start();
    port_ = server_->local().port();
    thread_ = std::thread([this] { context_.run(); });
  }
  ~LoopbackPeer() {
    auto stop = [this]() { return server_->stop(real_time().now()); };
    asio::co_spawn(context_, stop(), [this](std::exception_ptr) { work_.reset(); });
    thread_.join();
  }
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  std::atomic<int> sends = 0;
  std::atomic<int> connections = 0;   // ever
  std::atomic<bool> silent = false;   // to sends
  std::atomic<bool> replies = false;  // to sends that are requests, before they are answered
  std::atomic<ResponseCode> answers = ResponseCode::success;  // to sends

  [[nodiscard]] std::vector<End> ends() const {
    const std::lock_guard lock(mutex_);
    return ends_;
  }
  // Asks the last sender how that transaction of a producer group has ended.
  void ask(const std::string& group, const std::string& id) {
    const std::string properties =
        "PGROUP\x01" + group + "\x02UNIQ_KEY\x01" + id + "\x02TRAN_MSG\x01true\x02";
    RecordView record;
    record.topic = "orders";
    record.body = "half";
    record.properties = properties;
    std::string body;
    encode_record(record, body);
    const remoting::CheckTransactionStateHeader header;
    auto check = RemotingCommand::request(RequestCode::check_transaction_state, header,
                                          Body(std::move(body)));
    check.mark_oneway();
    asio::post(context_, [this, check = std::move(check)]() mutable {
      if (const auto sender = last_sender_.lock()) sender->send(std::move(check));
    });
  }

 private:
  [[nodiscard]] std::string route_text() const {
    return R"({"brokerDatas":[{"brokerAddrs":{"0":")" + address() +
           R"("},"brokerName":"broker-a","cluster":"c"}],"filterServerTable":{},)"
           R"("queueDatas":[{"brokerName":"broker-a","perm":6,"readQueueNums":4,)"
           R"("topicSysFlag":0,"writeQueueNums":4}]})";
  }

  static void reply_to(remoting::Request& request) {
    const auto sent = MessageProperties::decode(*request.command.fields.find("i"));
    MessageProperties properties;
    properties.set(property::kCorrelationId, sent.get(property::kCorrelationId));
    const std::string text = properties.encode();
    remoting::PushReplyHeader header;
    header.topic = "c_REPLY_TOPIC";
    header.properties = text;
    header.born_host = header.store_host = "127.0.0.1:1";
    auto reply = RemotingCommand::request(RequestCode::push_reply_message_to_client, header,
                                          Body(std::string("a reply")));
    reply.mark_oneway();
    request.connection->send(std::move(reply));
  }

  mutable std::mutex mutex_;
  std::vector<End> ends_;
  std::weak_ptr<remoting::Connection> last_sender_;
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  TcpNetwork network_;
  std::unique_ptr<remoting::Server> server_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace comet::inline v0_1::test

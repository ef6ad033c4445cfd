#pragma once

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "comet/base/tcp_network.hpp"
#include "comet/remoting/server.hpp"

namespace comet::inline v0_1::test {

// Name server and broker in one, in a thread of its own, over loopback.
class LoopbackPeer {
 public:
  LoopbackPeer() {
    using remoting::RemotingCommand;
    using remoting::RequestCode;
    using remoting::ResponseCode;
    auto handlers = std::make_shared<remoting::Dispatcher>();
    auto route = [this](remoting::Request& request) -> remoting::Reply {
      RemotingCommand answer = RemotingCommand::response(request.command, ResponseCode::success);
      answer.body = route_text();
      return answer;
    };
    auto stored = [this](remoting::Request& request) -> remoting::Reply {
      ++sends;
      if (silent) return std::nullopt;
      RemotingCommand answer = RemotingCommand::response(request.command, ResponseCode::success);
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
    auto ended = [this](remoting::Request&) -> remoting::Reply {
      ++ends;
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
  std::atomic<int> ends = 0;         // of transactions
  std::atomic<int> connections = 0;  // ever
  std::atomic<bool> silent = false;  // to sends

 private:
  [[nodiscard]] std::string route_text() const {
    return R"({"brokerDatas":[{"brokerAddrs":{"0":")" + address() +
           R"("},"brokerName":"broker-a","cluster":"c"}],"filterServerTable":{},)"
           R"("queueDatas":[{"brokerName":"broker-a","perm":6,"readQueueNums":4,)"
           R"("topicSysFlag":0,"writeQueueNums":4}]})";
  }

  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  TcpNetwork network_;
  std::unique_ptr<remoting::Server> server_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace comet::inline v0_1::test

#pragma once
// Two connections that talk to each other, or one that talks to a test byte by byte, in virtual
// time.

#include <boost/asio/this_coro.hpp>
#include <boost/test/unit_test.hpp>
#include <memory>
#include <string>

#include "comet/base/async.hpp"
#include "comet/base/timer.hpp"
#include "comet/remoting/codec.hpp"
#include "comet/remoting/connection.hpp"
#include "raw_peer.hpp"
#include "virtual_world.hpp"

namespace comet::inline v0_1::remoting::test {

using comet::test::VirtualWorld;
using namespace std::chrono_literals;

inline RemotingCommand request_of(RequestCode code, std::int32_t opaque, std::string body = {}) {
  RemotingCommand command = RemotingCommand::request(code, Body(std::move(body)));
  command.opaque = opaque;
  return command;
}

// A connection and how it ended.
class Running {
 public:
  std::shared_ptr<Connection> connection;
  std::optional<error_code> ended;

  Connection* operator->() const { return connection.get(); }
};

class RemotingWorld : public VirtualWorld {
 public:
  RemotingWorld() : listener_(network.listen(executor(), Address("server", 1))) {}
  ~RemotingWorld() {
    for (auto& running : running_) {
      running->connection->close();
      running->connection->cancel_handlers();
    }
    listener_->close();
    settle();
  }

  // Answers with the request's body; slow: after a second.
  static std::shared_ptr<Dispatcher> echo(TimeSource& time);

  Running& run_on(std::unique_ptr<Stream> stream, std::shared_ptr<const Dispatcher> handlers,
                  ConnectionLimits limits = {}) {
    Running& running = *running_.emplace_back(std::make_unique<Running>());
    running.connection =
        std::make_shared<Connection>(std::move(stream), std::move(handlers), time, limits);
    tasks_.spawn("run", run_one(running));
    return running;
  }

  std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> streams() {
    std::unique_ptr<Stream> accepted;
    tasks_.spawn("accept", accept_one(accepted));
    auto connected = run(network.connect(Address("server", 1), time.now() + 3s));
    run_until([&] { return accepted != nullptr; });
    return {std::move(connected), std::move(accepted)};
  }

  // A server's connection and the raw client at its other end.
  std::pair<Running&, RawPeer> serve_raw(std::shared_ptr<const Dispatcher> handlers,
                                         ConnectionLimits limits = {}) {
    auto [client, server] = streams();
    return {run_on(std::move(server), std::move(handlers), limits), RawPeer(std::move(client))};
  }

  // A client's connection and the raw server at its other end.
  std::pair<Running&, RawPeer> call_raw(ConnectionLimits limits = {}) {
    auto [client, server] = streams();
    return {run_on(std::move(client), nullptr, limits), RawPeer(std::move(server))};
  }

  // Both ends real: client first.
  std::pair<Running&, Running&> connect(std::shared_ptr<const Dispatcher> server_handlers,
                                        std::shared_ptr<const Dispatcher> client_handlers = nullptr,
                                        ConnectionLimits limits = {}) {
    auto [client, server] = streams();
    Running& at_client = run_on(std::move(client), std::move(client_handlers), limits);
    Running& at_server = run_on(std::move(server), std::move(server_handlers), limits);
    return {at_client, at_server};
  }

  // The code of the Error that `task` ends with; success when it does not.
  template <class T>
  error_code error_of(asio::awaitable<T> task) {
    try {
      run(std::move(task));
      return {};
    } catch (const Error& problem) {
      last_message = problem.what();
      return problem.code();
    }
  }

  std::string last_message;

 private:
  asio::awaitable<void> run_one(Running& running) {
    error_code reason = co_await running.connection->run();
    running.ended = reason;
    co_await running.connection->handlers_ended();
  }

  asio::awaitable<void> accept_one(std::unique_ptr<Stream>& accepted) {
    accepted = co_await listener_->accept(executor());
  }

  std::unique_ptr<Listener> listener_;
  std::vector<std::unique_ptr<Running>> running_;
  TaskGroup tasks_{executor(), time};
};

inline std::shared_ptr<Dispatcher> RemotingWorld::echo(TimeSource& time) {
  auto handlers = std::make_shared<Dispatcher>();
  handlers->on(RequestCode::heart_beat, [](Request& request) -> Reply {
    RemotingCommand reply = RemotingCommand::response(request.command, ResponseCode::success);
    reply.body = request.command.body;
    return reply;
  });
  handlers->on_async(RequestCode::pull_message, [&time](Request request) -> asio::awaitable<Reply> {
    Timer timer(request.connection->executor(), time);
    co_await timer.wait_for(1s);
    RemotingCommand reply = RemotingCommand::response(request.command, ResponseCode::success);
    reply.body = request.command.body;
    co_return reply;
  });
  return handlers;
}

}  // namespace comet::inline v0_1::remoting::test

// The whole over TCP with several contexts: what ThreadSanitizer watches.
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>
#include <future>
#include <mutex>
#include <thread>

#include "comet/base/async.hpp"
#include "comet/base/tcp_network.hpp"
#include "comet/remoting/client.hpp"
#include "comet/remoting/codec.hpp"
#include "comet/remoting/server.hpp"
#include "loop.hpp"

using namespace comet;
using namespace comet::remoting;
using namespace std::chrono_literals;
using comet::test::Loop;
using comet::test::wait_for;

namespace {

// Answers later from another thread, as a store does: bodies are read there, too.
class LateAnswers {
 public:
  void add(Request request) {
    std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(request));
  }
  std::size_t answer_all() {
    std::vector<Request> batch;
    {
      std::lock_guard lock(mutex_);
      batch.swap(waiting_);
    }
    for (Request& request : batch) {
      RemotingCommand reply = RemotingCommand::response(request.command, ResponseCode::success);
      reply.body = Body(request.command.body.to_string());
      request.connection->send(std::move(reply));
    }
    return batch.size();
  }

 private:
  std::mutex mutex_;
  std::vector<Request> waiting_;
};

std::shared_ptr<Dispatcher> make_handlers(LateAnswers& late) {
  auto handlers = std::make_shared<Dispatcher>();
  handlers->on(RequestCode::heart_beat, [](Request& request) -> Reply {
    RemotingCommand reply = RemotingCommand::response(request.command, ResponseCode::success);
    reply.body = request.command.body;
    return reply;
  });
  handlers->on(RequestCode::send_message, [&late](Request& request) -> Reply {
    late.add(std::move(request));
    return std::nullopt;
  });
  return handlers;
}

asio::awaitable<std::size_t> call_many(Client& client, Address to, RequestCode code, int count) {
  std::size_t right = 0;
  for (int i = 0; i < count; ++i) {
    std::string body =
        std::to_string(i) + std::string(static_cast<std::size_t>(i * 37 % 6000), 'x');
    RemotingCommand request = RemotingCommand::request(code, Body(std::string(body)));
    RemotingCommand answer =
        co_await client.invoke(to, std::move(request), real_time().now() + 30s);
    if (answer.body.view() == body) ++right;
  }
  co_return right;
}

}  // namespace

BOOST_AUTO_TEST_CASE(connections_over_tcp_work_with_several_threads) {
  LateAnswers late;
  TcpNetwork network;
  Loop server_a, server_b, client_core;
  std::atomic<int> connected{0}, closed{0};
  ServerConfig config;
  config.listen_at = Address("127.0.0.1", 0);
  const std::vector<asio::any_io_executor> executors{server_a.executor(), server_b.executor()};
  auto observe = [&](const std::shared_ptr<Connection>&, ConnectionEvent event) {
    ++(event == ConnectionEvent::connected ? connected : closed);
  };
  Server server(executors, network, real_time(), config, make_handlers(late), observe);
  server.start();
  const Address address("127.0.0.1", server.local().port());

  std::atomic<bool> finished{false};
  std::thread answering([&] {
    while (!finished) {
      if (late.answer_all() == 0) std::this_thread::yield();
    }
  });

  constexpr int kClients = 4, kCallers = 4, kCalls = 100;
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<std::future<std::size_t>> calls;
  for (int i = 0; i < kClients; ++i) {
    clients.push_back(std::make_unique<Client>(client_core.executor(), network, real_time()));
    for (int caller = 0; caller < kCallers; ++caller) {
      RequestCode code = caller % 2 == 0 ? RequestCode::heart_beat : RequestCode::send_message;
      calls.push_back(asio::co_spawn(client_core.context,
                                     call_many(*clients.back(), address, code, kCalls),
                                     asio::use_future));
    }
  }
  std::size_t right = 0;
  for (auto& call : calls) right += wait_for(std::move(call));
  BOOST_TEST(right == static_cast<std::size_t>(kClients * kCallers * kCalls));
  BOOST_TEST(server.connections() == static_cast<std::size_t>(kClients));
  finished = true;
  answering.join();

  wait_for(asio::co_spawn(server_a.context, server.stop(real_time().now() + 5s), asio::use_future));
  for (auto& client : clients) {
    wait_for(asio::co_spawn(client_core.context, client->stop(), asio::use_future));
  }
  BOOST_TEST(connected == kClients);
  BOOST_TEST(closed == kClients);
}

BOOST_AUTO_TEST_CASE(a_connection_may_be_closed_and_written_to_from_any_thread) {
  LateAnswers late;
  TcpNetwork network;
  Loop server_core, client_core;
  std::promise<std::shared_ptr<Connection>> accepted;
  ServerConfig config;
  config.listen_at = Address("127.0.0.1", 0);
  const std::vector<asio::any_io_executor> executors{server_core.executor()};
  auto observe = [&](const std::shared_ptr<Connection>& connection, ConnectionEvent event) {
    if (event == ConnectionEvent::connected) accepted.set_value(connection);
  };
  Server server(executors, network, real_time(), config, make_handlers(late), observe);
  server.start();

  std::atomic<int> noticed{0};
  auto handlers = std::make_shared<Dispatcher>();
  handlers->on(RequestCode::notify_consumer_ids_changed, [&noticed](Request&) -> Reply {
    ++noticed;
    return std::nullopt;
  });
  Client client(client_core.executor(), network, real_time(), {}, handlers);
  const Address address("127.0.0.1", server.local().port());
  auto first_call = call_many(client, address, RequestCode::heart_beat, 1);
  wait_for(asio::co_spawn(client_core.context, std::move(first_call), asio::use_future));

  std::shared_ptr<Connection> connection = wait_for(accepted.get_future());
  std::vector<std::thread> senders;
  for (int i = 0; i < 3; ++i) {
    senders.emplace_back([&] {
      for (int n = 0; n < 100; ++n) {
        RemotingCommand notice = RemotingCommand::request(RequestCode::notify_consumer_ids_changed);
        notice.mark_oneway();
        connection->send(std::move(notice));
      }
    });
  }
  for (auto& sender : senders) sender.join();
  connection->close_when_sent();
  while (connection->is_open()) std::this_thread::yield();
  connection->close();
  connection->send(RemotingCommand::request(RequestCode::heart_beat));
  connection.reset();
  wait_for(asio::co_spawn(client_core.context, client.stop(), asio::use_future));
  wait_for(
      asio::co_spawn(server_core.context, server.stop(real_time().now() + 5s), asio::use_future));
  BOOST_TEST(noticed <= 300);
  BOOST_TEST(server.connections() == 0u);
}

namespace {

// Sends all requests before it reads the first answer; returns how many answers were right.
asio::awaitable<std::size_t> send_first_read_later(Network& network, Address to, int count) {
  std::unique_ptr<Stream> stream = co_await network.connect(to, real_time().now() + 30s);
  std::string requests;
  std::string wanted;
  for (int i = 0; i < count; ++i) {
    const std::string body(static_cast<std::size_t>(1000 + i % 7000),
                           static_cast<char>('a' + i % 26));
    const RemotingCommand request =
        RemotingCommand::request(RequestCode::heart_beat, Body(std::string(body)));
    encode_frame_head(request, requests);
    requests += body;
    wanted += body;
  }
  const asio::const_buffer all(requests.data(), requests.size());
  const IoResult written = co_await stream->write(std::span(&all, 1));
  if (written.error) co_return 0;

  std::string received;
  std::size_t right = 0;
  std::size_t compared = 0;  // bytes of `wanted`
  std::vector<char> part(64 << 10);
  while (right < static_cast<std::size_t>(count)) {
    const auto frame = inspect_frame(received, 16u << 20);
    if (frame && frame->complete) {
      if (wanted.compare(compared, frame->body.size(), frame->body) != 0) co_return right;
      compared += frame->body.size();
      received.erase(0, frame->size);
      ++right;
      continue;
    }
    const IoResult read = co_await stream->read_some(asio::buffer(part));
    if (!frame || read.error) co_return right;
    received.append(part.data(), read.size);
  }
  co_return right;
}

}  // namespace

BOOST_AUTO_TEST_CASE(answers_that_the_socket_does_not_take_at_once_arrive_whole_and_in_order) {
  LateAnswers late;
  TcpNetwork network;
  Loop server_core, client_core;
  ServerConfig config;
  config.listen_at = Address("127.0.0.1", 0);
  const std::vector<asio::any_io_executor> executors{server_core.executor()};
  Server server(executors, network, real_time(), config, make_handlers(late));
  server.start();
  const Address address("127.0.0.1", server.local().port());
  constexpr int kCount = 4000;  // 18 MB: more than the buffers of both sockets hold
  auto exchange = send_first_read_later(network, address, kCount);
  const std::size_t right =
      wait_for(asio::co_spawn(client_core.context, std::move(exchange), asio::use_future));
  BOOST_TEST(right == static_cast<std::size_t>(kCount));
  wait_for(
      asio::co_spawn(server_core.context, server.stop(real_time().now() + 5s), asio::use_future));
}

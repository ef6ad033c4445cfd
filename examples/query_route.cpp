// Asks a name server where a topic lives and prints the answer as it comes:
//   example-query_route [topic, default TBW102] [name server, default 127.0.0.1:9876]

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <iostream>

#include "comet/base/tcp_network.hpp"
#include "comet/remoting/client.hpp"
#include "comet/remoting/namesrv_headers.hpp"

namespace asio = boost::asio;
using namespace comet::remoting;

asio::awaitable<void> query_route(Client& client, comet::Address name_server, std::string topic) {
  GetRouteInfoHeader header;
  header.topic = topic;
  RemotingCommand request = RemotingCommand::request(RequestCode::get_routeinfo_by_topic, header);
  const comet::Instant deadline = comet::real_time().now() + std::chrono::seconds(3);
  RemotingCommand answer = co_await client.invoke(name_server, std::move(request), deadline);
  std::cout << to_string(answer.response_code()) << ' ' << answer.remark << answer.body.view();
  co_await client.stop();
}

int main(int argc, char** argv) {
  asio::io_context context;
  comet::TcpNetwork network;
  Client client(context.get_executor(), network, comet::real_time());
  const std::string topic = argc > 1 ? argv[1] : "TBW102";
  const comet::Address name_server =
      comet::Address::parse_list(argc > 2 ? argv[2] : "127.0.0.1:9876").at(0);
  int exit_code = 0;
  auto on_end = [&exit_code](std::exception_ptr problem) {
    try {
      if (problem) std::rethrow_exception(problem);
    } catch (const std::exception& error) {  // says what was tried, where, and why not
      std::cerr << error.what() << '\n';
      exit_code = 1;
    }
  };
  asio::co_spawn(context, query_route(client, name_server, topic), on_end);
  context.run();
  return exit_code;
}

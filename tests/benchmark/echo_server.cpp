#include <boost/asio/io_context.hpp>
#include <iostream>

#include "bench_echo.hpp"
#include "comet/base/tcp_network.hpp"
#include "comet/remoting/server.hpp"

namespace comet::inline v0_1::benchmark_support {

void serve_comet() {
  using namespace remoting;
  auto dispatcher = std::make_shared<Dispatcher>();
  auto echo = [](Request& request) -> Reply {
    RemotingCommand answer = RemotingCommand::response(request.command, ResponseCode::success);
    answer.body = std::move(request.command.body);
    return answer;
  };
  dispatcher->otherwise(echo);

  asio::io_context context(1);
  TcpNetwork network(real_time());
  ServerConfig config;
  config.listen_at = Address("127.0.0.1", 0);
  Server server({context.get_executor()}, network, real_time(), config, dispatcher);
  server.start();
  std::cout << "listening on " << server.local().port() << std::endl;
  context.run();
}

}  // namespace comet::inline v0_1::benchmark_support

// Heap that waiting costs, from mallinfo2 (allocated bytes, arenas and mappings):
//
//   bench_idle connections [--count 10000]  accepted connections of a comet server; each has served
//                                           one request (1 KB there, 1 KB back) and is idle
//   bench_idle requests [--count 5000]      requests of one connection that wait for their answers,
//                                           and how many timers are armed for them
//
// The other side of every connection is a plain socket, which has no heap.

#include <arpa/inet.h>
#include <fmt/format.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/program_options.hpp>
#include <cerrno>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <system_error>
#include <vector>

#include "comet/base/tcp_network.hpp"
#include "comet/base/timer.hpp"
#include "comet/remoting/client.hpp"
#include "comet/remoting/codec.hpp"
#include "comet/remoting/server.hpp"

namespace {

namespace asio = boost::asio;
namespace options = boost::program_options;
using namespace comet;
using namespace comet::remoting;

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

std::size_t heap_bytes() {
  const struct mallinfo2 info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

void allow_descriptors(rlim_t wanted) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = wanted;
  limit.rlim_max = std::max(limit.rlim_max, wanted);
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) fail("raise RLIMIT_NOFILE");
}

class PlainSocket {
 public:
  PlainSocket() : descriptor_(::socket(AF_INET, SOCK_STREAM, 0)) {
    if (descriptor_ < 0) fail("socket");
  }
  explicit PlainSocket(int descriptor) : descriptor_(descriptor) {}
  PlainSocket(PlainSocket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  PlainSocket& operator=(PlainSocket&&) = delete;
  ~PlainSocket() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

 private:
  int descriptor_;
};

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

std::string one_request() {
  RemotingCommand command =
      RemotingCommand::request(RequestCode::heart_beat, Body(std::string(1024, 'x')));
  std::string frame;
  encode_frame_head(command, frame);
  return frame + command.body.to_string();
}

// --- connections ------------------------------------------------------------------------------

// Opens the connections, lets each do one request, then waits for the end of `until`.
void be_clients(std::size_t count, std::uint16_t port, int ready, int until) {
  allow_descriptors(count + 100);
  const std::string request = one_request();
  const sockaddr_in to = loopback(port);
  std::vector<PlainSocket> sockets;
  sockets.reserve(count);
  char part[4096];
  while (sockets.size() < count) {
    const PlainSocket& socket = sockets.emplace_back();
    if (::connect(socket.descriptor(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
      fail("connect");
    }
    const auto sent = ::send(socket.descriptor(), request.data(), request.size(), 0);
    if (sent != static_cast<ssize_t>(request.size())) fail("send");
    for (std::string received;;) {
      auto answer = inspect_frame(received, 1u << 20);
      if (!answer) throw std::runtime_error("the server's answer is no frame");
      if (answer->complete) break;
      const ssize_t size = ::recv(socket.descriptor(), part, sizeof part, 0);
      if (size <= 0) fail("receive an answer");
      received.append(part, static_cast<std::size_t>(size));
    }
  }
  if (::write(ready, "", 1) != 1 || ::read(until, part, 1) != 0) fail("wait for the server");
}

// The clients are a process of their own: their descriptors would not fit into this one's limit.
void measure_connections(std::size_t count) {
  allow_descriptors(count + 100);
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
  const std::uint16_t port = server.local().port();

  int ready[2];
  int until[2];
  if (::pipe(ready) != 0 || ::pipe(until) != 0) fail("pipe");
  context.notify_fork(asio::io_context::fork_prepare);
  const pid_t child = ::fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    ::close(ready[0]);
    ::close(until[1]);
    try {
      be_clients(count, port, ready[1], until[0]);
    } catch (const std::exception& problem) {
      std::cerr << "bench_idle clients: " << problem.what() << std::endl;
      ::_exit(1);
    }
    ::_exit(0);
  }
  context.notify_fork(asio::io_context::fork_parent);
  ::close(ready[1]);
  ::close(until[0]);

  const std::size_t before = heap_bytes();
  asio::posix::stream_descriptor all_there(context, ready[0]);
  bool done = false;
  char byte = 0;
  auto on_ready = [&done](boost::system::error_code, std::size_t) { done = true; };
  all_there.async_read_some(asio::buffer(&byte, 1), on_ready);
  while (!done) context.run_one();
  if (server.connections() != count) throw std::runtime_error("connections were lost");
  const std::size_t bytes = heap_bytes() - before;
  ::close(until[1]);
  ::waitpid(child, nullptr, 0);
  std::cout << fmt::format(R"({{"connections": {}, "heap_bytes_each": {}}})", count, bytes / count)
            << std::endl;
}

// --- requests ---------------------------------------------------------------------------------

void measure_requests(std::size_t count) {
  const PlainSocket listener;
  sockaddr_in at = loopback(0);
  socklen_t size = sizeof at;
  if (::bind(listener.descriptor(), reinterpret_cast<const sockaddr*>(&at), size) != 0 ||
      ::listen(listener.descriptor(), 1) != 0 ||
      ::getsockname(listener.descriptor(), reinterpret_cast<sockaddr*>(&at), &size) != 0) {
    fail("listen");
  }
  const Address peer("127.0.0.1", ntohs(at.sin_port));

  asio::io_context context(1);
  TcpNetwork network(real_time());
  VirtualTime time;  // counts the timers; nothing is to expire before it is told to
  Client client(context.get_executor(), network, time);
  std::size_t timed_out = 0;
  auto invoke = [&](std::size_t index) {
    const auto seconds = std::chrono::seconds(3 + static_cast<int>(index % 50));
    auto on_end = [&timed_out](std::exception_ptr problem, const RemotingCommand&) {
      if (problem) ++timed_out;
    };
    asio::co_spawn(context,
                   client.invoke(peer, RemotingCommand::request(RequestCode::heart_beat),
                                 time.now() + seconds),
                   on_end);
  };
  invoke(0);  // opens the connection
  while (client.find(peer) == nullptr) context.run_one();
  const PlainSocket accepted(::accept(listener.descriptor(), nullptr, nullptr));
  context.poll();

  const std::size_t timers_before = time.waiting();
  const std::size_t before = heap_bytes();
  char discarded[64 << 10];
  for (std::size_t i = 1; i < count; ++i) {
    invoke(i);
    context.poll();
    while (::recv(accepted.descriptor(), discarded, sizeof discarded, MSG_DONTWAIT) > 0) {
    }
  }
  const std::size_t bytes = heap_bytes() - before;
  const std::size_t timers = time.waiting();
  while (timed_out < count && time.advance_to_next(Instant::max())) context.poll();
  std::cout << fmt::format(R"({{"requests": {}, "heap_bytes_each": {}, "timers_with_one": {}, )"
                           R"("timers_with_all": {}, "timed_out_at_the_end": {}}})",
                           count, bytes / (count - 1), timers_before, timers, timed_out)
            << std::endl;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  try {
    std::size_t count = mode == "requests" ? 5000 : 10'000;
    options::options_description known;
    known.add_options()("count", options::value(&count));
    options::variables_map values;
    if (argc > 1) options::store(options::parse_command_line(argc - 1, argv + 1, known), values);
    options::notify(values);
    if (mode == "connections" && count > 0) return measure_connections(count), 0;
    if (mode == "requests" && count > 1) return measure_requests(count), 0;
  } catch (const std::exception& problem) {
    std::cerr << "bench_idle: " << problem.what() << '\n';
    return 1;
  }
  std::cerr << "usage: bench_idle connections|requests [--count N]\n";
  return 2;
}

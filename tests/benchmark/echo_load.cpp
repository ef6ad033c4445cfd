// Epoll and prebuilt bytes, nothing else: the load must cost less than what it measures.

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <iostream>
#include <memory>
#include <system_error>
#include <vector>

#include "bench_echo.hpp"
#include "comet/base/bytes.hpp"
#include "comet/remoting/codec.hpp"
#include "comet/remoting/message_headers.hpp"

namespace comet::inline v0_1::benchmark_support {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

std::string make_frame(const LoadOptions& options) {
  using namespace remoting;
  Body body(std::string(options.body, 'x'));
  RemotingCommand command = RemotingCommand::request(RequestCode::send_message_v2, std::move(body));
  command.serialize_type =
      options.header == "rocketmq" ? SerializeType::rocketmq : SerializeType::json;
  if (options.header == "send") {
    static constexpr char properties[] =
        "KEYS\001order-20931\002TAGS\001created\002WAIT\001true\002";
    SendMessageHeader header;
    header.producer_group = "order-service";
    header.topic = "orders";
    header.default_topic = "TBW102";
    header.default_topic_queue_nums = 4;
    header.born_timestamp = 1'700'000'000'123;
    header.properties = std::string_view(properties, sizeof properties - 1);
    write_header(header, command.fields, FieldNames::short_form);
  }
  std::string frame;
  encode_frame_head(command, frame);
  return frame + command.body.to_string();
}

class LoadConnection {
 public:
  LoadConnection(std::uint16_t port, int poll) : descriptor_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (descriptor_ < 0 ||
        ::connect(descriptor_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) {
      fail("connect");
    }
    const int on = 1;
    ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::fcntl(descriptor_, F_SETFL, O_NONBLOCK);
    epoll_event interest{};
    interest.events = EPOLLIN;
    interest.data.ptr = this;
    if (::epoll_ctl(poll, EPOLL_CTL_ADD, descriptor_, &interest) != 0) fail("epoll_ctl");
  }
  ~LoadConnection() { ::close(descriptor_); }
  LoadConnection(const LoadConnection&) = delete;
  LoadConnection& operator=(const LoadConnection&) = delete;

  // Sends `count` requests; `bytes` holds as many frames as are ever in flight. The socket's
  // buffers are larger than that in all that is measured; otherwise the rest waits in unsent_.
  void send(std::string_view bytes, std::size_t frame_size, std::size_t count) {
    unsent_ += count * frame_size;
    while (unsent_ != 0) {
      // The tail of a frame first when the last write ended in the middle of it.
      const std::size_t skip = (frame_size - unsent_ % frame_size) % frame_size;
      const std::size_t size = std::min(unsent_, bytes.size() - skip);
      const ssize_t sent = ::send(descriptor_, bytes.data() + skip, size, MSG_NOSIGNAL);
      if (sent < 0 && errno == EAGAIN) return;
      if (sent < 0) fail("send");
      unsent_ -= static_cast<std::size_t>(sent);
    }
  }

  // Reads what is there; returns how many answers that completes.
  std::size_t receive(std::vector<char>& scratch) {
    const ssize_t size = ::recv(descriptor_, scratch.data(), scratch.size(), 0);
    if (size < 0 && errno == EAGAIN) return 0;
    if (size <= 0) fail("recv");
    std::size_t answers = 0;
    std::size_t at = 0;
    const auto end = static_cast<std::size_t>(size);
    while (at < end) {
      if (length_have_ < sizeof length_) {
        const std::size_t part = std::min(sizeof length_ - length_have_, end - at);
        std::memcpy(length_ + length_have_, scratch.data() + at, part);
        length_have_ += part;
        at += part;
        if (length_have_ < sizeof length_) break;
        missing_ = load_be<std::uint32_t>(length_);
      }
      const std::size_t part = std::min(missing_, end - at);
      missing_ -= part;
      at += part;
      if (missing_ != 0) break;
      ++answers;
      length_have_ = 0;
    }
    return answers;
  }

 private:
  int descriptor_;
  std::size_t unsent_ = 0;
  char length_[4] = {};
  std::size_t length_have_ = 0;
  std::size_t missing_ = 0;
};

double own_cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

void run_load(const LoadOptions& options) {
  const std::string frame = make_frame(options);
  std::string burst;
  for (std::size_t i = 0; i < options.in_flight; ++i) burst += frame;
  const int poll = ::epoll_create1(0);
  std::vector<std::unique_ptr<LoadConnection>> connections;
  for (std::size_t i = 0; i < options.connections; ++i) {
    connections.push_back(std::make_unique<LoadConnection>(options.port, poll));
  }
  const auto begin = Clock::now();
  const auto end = begin + std::chrono::duration<double>(options.seconds);
  for (auto& connection : connections) connection->send(burst, frame.size(), options.in_flight);

  std::vector<char> scratch(1u << 20);
  std::vector<epoll_event> events(256);
  std::uint64_t answers = 0;
  for (unsigned round = 0;; ++round) {
    if (options.requests != 0 ? answers >= options.requests
                              : round % 16 == 0 && Clock::now() >= end) {
      break;
    }
    const int ready = ::epoll_wait(poll, events.data(), static_cast<int>(events.size()), 5000);
    if (ready == 0) throw std::runtime_error("no answer for 5 seconds");
    for (int i = 0; i < ready; ++i) {
      auto& connection =
          *static_cast<LoadConnection*>(events[static_cast<std::size_t>(i)].data.ptr);
      const std::size_t done = connection.receive(scratch);
      answers += done;
      connection.send(burst, frame.size(), done);
    }
  }
  const double elapsed = std::chrono::duration<double>(Clock::now() - begin).count();
  std::cout << fmt::format(R"({{"requests": {}, "seconds": {:.4f}, "load_cpu_seconds": {:.4f}}})",
                           answers, elapsed, own_cpu_seconds())
            << std::endl;
}

}  // namespace comet::inline v0_1::benchmark_support

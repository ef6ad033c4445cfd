// Sends mutated frames of every request code to a live server and looks whether it goes on: it
// answers good requests on another connection, and its memory stays bounded. For a long run see
// docs/limits.md.
//
//   fuzz_live --port P --pid N [--frames N] [--seed N] [--connections N] [--memory-mb N]

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/program_options.hpp>
#include <chrono>
#include <csignal>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "comet/remoting/codec.hpp"
#include "comet/remoting/message_headers.hpp"
#include "frame_maker.hpp"

namespace {

using namespace comet;
using namespace std::chrono_literals;
using remoting::RemotingCommand;
using remoting::RequestCode;

constexpr std::size_t kBurst = 64;                   // frames written at once
constexpr std::uint64_t kFramesOfConnection = 3000;  // so that held pulls do not fill it
constexpr std::uint64_t kProbeEvery = 20'000;        // frames
constexpr auto kPatience = 60s;                      // with one that must be answered
constexpr std::size_t kMaxFrame = 32u << 20;

struct Options {
  std::uint16_t port = 0;
  pid_t pid = 0;
  std::uint64_t frames = 0;
  std::uint64_t seed = 0;
  std::size_t connections = 0;
  std::int64_t memory_mb = 0;
};

class Failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Socket {
 public:
  explicit Socket(std::uint16_t port) : descriptor_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      ::close(descriptor_);
      throw Failure("the server takes no connection");
    }
    const int on = 1;
    ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::fcntl(descriptor_, F_SETFL, O_NONBLOCK);
  }
  ~Socket() { ::close(descriptor_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

 private:
  int descriptor_;
};

// One connection that is fed with bursts of frames, each of which ends with a good request, or with
// the end of what is sent: when that is answered, or the connection closed, all has been looked at.
class Peer {
 public:
  explicit Peer(std::uint16_t port) : socket_(port) {}

  void feed(std::string frames, std::uint64_t count, bool goes_on) {
    unsent_ = std::move(frames);
    goes_on_ = goes_on;
    if (goes_on) {
      RemotingCommand marker = RemotingCommand::request(static_cast<RequestCode>(kUnknownCode));
      marker.opaque = kMarker;
      remoting::encode_frame_head(marker, unsent_);
    }
    waiting_ = true;
    fed_ += count;
  }
  [[nodiscard]] bool is_waiting() const noexcept { return waiting_; }
  [[nodiscard]] bool is_last() const noexcept { return !goes_on_; }
  [[nodiscard]] std::uint64_t fed() const noexcept { return fed_; }
  [[nodiscard]] std::uint64_t answers() const noexcept { return answers_; }
  [[nodiscard]] pollfd interest() const noexcept {
    const short events = static_cast<short>(POLLIN | (unsent_.empty() ? 0 : POLLOUT));
    return {socket_.descriptor(), events, 0};
  }
  // False: the connection has ended.
  [[nodiscard]] bool progress() {
    if (!unsent_.empty()) {
      const ssize_t sent =
          ::send(socket_.descriptor(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno != EAGAIN && errno != EINTR) return false;
      if (sent > 0) unsent_.erase(0, static_cast<std::size_t>(sent));
      if (unsent_.empty() && !goes_on_) ::shutdown(socket_.descriptor(), SHUT_WR);
    }
    static char buffer[1 << 18];
    for (;;) {
      const ssize_t got = ::recv(socket_.descriptor(), buffer, sizeof buffer, 0);
      if (got == 0) return false;
      if (got < 0) return errno == EAGAIN || errno == EINTR;
      input_.append(buffer, static_cast<std::size_t>(got));
      take_answers();
    }
  }

 private:
  static constexpr std::int32_t kUnknownCode = 29998;
  static constexpr std::int32_t kMarker = -77;

  void take_answers() {
    std::size_t done = 0;
    for (;;) {
      const auto frame = remoting::inspect_frame(std::string_view(input_).substr(done), kMaxFrame);
      if (!frame || remoting::decode_header(frame->type, frame->header, answer_)) {
        if (frame && !frame->complete) break;
        throw Failure("an answer is no frame");
      }
      if (!frame->complete) break;
      done += frame->size;
      ++answers_;
      if (answer_.opaque == kMarker && answer_.is_response()) waiting_ = false;
    }
    input_.erase(0, done);
  }

  Socket socket_;
  RemotingCommand answer_;
  std::string unsent_;
  std::string input_;
  bool waiting_ = false;
  bool goes_on_ = true;
  std::uint64_t fed_ = 0;
  std::uint64_t answers_ = 0;
};

// A client as it should be, which must be served all the time.
class Bystander {
 public:
  explicit Bystander(std::uint16_t port) : socket_(port) {}

  // Sends a message and reads it back.
  void check() {
    const std::string body = fmt::format("probe {}", ++number_);
    remoting::SendMessageHeader send;
    send.producer_group = "probe";
    send.topic = "probe";
    send.default_topic = "TBW102";
    send.default_topic_queue_nums = 1;
    send.properties = "";
    RemotingCommand request = RemotingCommand::request(RequestCode::send_message_v2, Body(body));
    remoting::write_header(send, request.fields, remoting::FieldNames::short_form);
    const RemotingCommand stored = ask(std::move(request));
    require(stored, remoting::ResponseCode::success);
    const auto place = remoting::read_header<remoting::SendMessageResponseHeader>(stored.fields);
    if (!place) throw Failure("the answer to a good send lacks its fields");
    remoting::PullMessageHeader pull;
    pull.consumer_group = "probe";
    pull.topic = "probe";
    pull.queue_offset = place->queue_offset;
    pull.max_msg_nums = 1;
    pull.sys_flag = remoting::pull_sys_flag::kSubscription;
    pull.subscription = "*";
    const RemotingCommand found = ask(RemotingCommand::request(RequestCode::pull_message, pull));
    require(found, remoting::ResponseCode::success);
    if (found.body.view().find(body) == std::string_view::npos) {
      throw Failure("another message than the one that was sent comes back");
    }
  }

 private:
  static void require(const RemotingCommand& answer, remoting::ResponseCode code) {
    if (answer.response_code() == code) return;
    throw Failure(
        fmt::format("a good request is answered with {}: {}", answer.code, answer.remark));
  }
  RemotingCommand ask(RemotingCommand request) {
    request.opaque = static_cast<std::int32_t>(number_);
    std::string bytes;
    remoting::encode_frame_head(request, bytes);
    bytes += request.body.view();
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    std::string input;
    while (std::chrono::steady_clock::now() < deadline) {
      exchange(bytes, input);
      const auto frame = remoting::inspect_frame(input, kMaxFrame);
      if (!frame) throw Failure("the answer to a good request is no frame");
      if (!frame->complete) continue;
      RemotingCommand answer;
      if (remoting::decode_header(frame->type, frame->header, answer)) {
        throw Failure("the answer to a good request has no header");
      }
      answer.body = Body(std::string(frame->body));
      return answer;
    }
    throw Failure("a good request is not answered");
  }
  void exchange(std::string& unsent, std::string& input) {
    pollfd interest{socket_.descriptor(), static_cast<short>(unsent.empty() ? POLLIN : POLLOUT), 0};
    ::poll(&interest, 1, 100);
    if (!unsent.empty()) {
      const ssize_t sent = ::send(socket_.descriptor(), unsent.data(), unsent.size(), MSG_NOSIGNAL);
      if (sent > 0) unsent.erase(0, static_cast<std::size_t>(sent));
      return;
    }
    char buffer[4096];
    const ssize_t got = ::recv(socket_.descriptor(), buffer, sizeof buffer, 0);
    if (got == 0) throw Failure("the connection of a good client is closed");
    if (got > 0) input.append(buffer, static_cast<std::size_t>(got));
  }

  Socket socket_;
  std::uint64_t number_ = 0;
};

// Memory of the process's own, not of mapped files.
std::int64_t memory_mb(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("RssAnon:")) return std::stoll(line.substr(8)) / 1024;
  }
  throw Failure("the server's process is gone");
}

class Campaign {
 public:
  explicit Campaign(const Options& options) : options_(options), maker_(options.seed) {}

  void run() {
    Bystander bystander(options_.port);
    std::vector<std::unique_ptr<Peer>> peers(options_.connections);
    bystander.check();
    std::uint64_t next_probe = kProbeEvery;
    while (frames_ < options_.frames) {
      for (auto& peer : peers) turn(peer);
      wait(peers);
      if (frames_ < next_probe) continue;
      next_probe += kProbeEvery;
      bystander.check();
      check_memory();
    }
    bystander.check();
    check_memory();
  }
  [[nodiscard]] std::string summary() const {
    return fmt::format(
        "{} frames over {} connections, {} of them cut before the last frame; {} "
        "answers; memory at most {} MB",
        frames_, opened_, cut_, answers_, most_memory_);
  }

 private:
  void turn(std::unique_ptr<Peer>& peer) {
    if (peer != nullptr && !peer->is_waiting() && peer->fed() >= kFramesOfConnection) end(peer);
    if (peer == nullptr) {
      peer = std::make_unique<Peer>(options_.port);
      ++opened_;
    }
    if (!peer->is_waiting()) {
      std::string frames;
      std::uint64_t count = 0;
      bool goes_on = true;
      for (; count < kBurst && goes_on; ++count) goes_on = maker_.append(frames);
      frames_ += count;
      peer->feed(std::move(frames), count, goes_on);
    }
    if (peer->progress()) return;
    if (!peer->is_last()) ++cut_;
    end(peer);
  }
  void end(std::unique_ptr<Peer>& peer) {
    answers_ += peer->answers();
    peer.reset();
  }
  // Until somebody can go on.
  static void wait(std::vector<std::unique_ptr<Peer>>& peers) {
    std::vector<pollfd> interests;
    for (const auto& peer : peers) {
      if (peer == nullptr || !peer->is_waiting()) return;
      interests.push_back(peer->interest());
    }
    if (::poll(interests.data(), interests.size(), to_poll(kPatience)) == 0) {
      throw Failure("the server neither answers nor closes a connection");
    }
  }
  static int to_poll(std::chrono::seconds time) {
    return static_cast<int>(std::chrono::milliseconds(time).count());
  }
  void check_memory() {
    const std::int64_t now = memory_mb(options_.pid);
    most_memory_ = std::max(most_memory_, now);
    if (options_.memory_mb > 0 && now > options_.memory_mb) {
      throw Failure(fmt::format("the server has taken {} MB after {} frames", now, frames_));
    }
  }

  const Options& options_;
  live::FrameMaker maker_;
  std::uint64_t frames_ = 0;
  std::uint64_t opened_ = 0;
  std::uint64_t cut_ = 0;
  std::uint64_t answers_ = 0;
  std::int64_t most_memory_ = 0;
};

Options parse(int argc, char** argv) {
  namespace po = boost::program_options;
  Options options;
  po::options_description description("options");
  auto option = description.add_options();
  option("port", po::value(&options.port)->required(), "of the server, on loopback");
  option("pid", po::value(&options.pid)->required(), "its process");
  option("frames", po::value(&options.frames)->default_value(100'000), "to send");
  option("seed", po::value(&options.seed)->default_value(1), "of the mutations");
  option("connections", po::value(&options.connections)->default_value(8), "at a time");
  option("memory-mb", po::value(&options.memory_mb)->default_value(0), "that it may take; 0: any");
  po::variables_map values;
  po::store(po::parse_command_line(argc, argv, description), values);
  po::notify(values);
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Options options = parse(argc, argv);
    Campaign campaign(options);
    try {
      campaign.run();
    } catch (const Failure& failure) {
      std::cerr << "seed " << options.seed << ": " << failure.what() << "; " << campaign.summary()
                << '\n';
      return 1;
    }
    std::cout << campaign.summary() << '\n';
    return 0;
  } catch (const std::exception& problem) {
    std::cerr << "fuzz_live: " << problem.what() << '\n';
    return 2;
  }
}

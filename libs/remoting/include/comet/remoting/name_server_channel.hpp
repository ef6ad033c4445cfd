#pragma once
// Requests to whichever of several name servers can answer them.

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "comet/base/address.hpp"
#include "comet/base/awaitable.hpp"
#include "comet/remoting/client.hpp"

namespace comet::inline v0_1::remoting {

// The time was over before there was a connection or an answer.
[[nodiscard]] bool is_timeout(const error_code& code) noexcept;
// "Connection refused", "no answer within 3000 ms", ...
[[nodiscard]] std::string describe_failure(const error_code& code, Duration elapsed);

// The list of name servers and RocketMQ's rule for choosing among them: the list is shuffled once,
// one server is used until it fails, then the next. Belongs to the client's executor; client and
// time source must outlive it.
class NameServerChannel {
 public:
  // The order follows from `seed`.
  NameServerChannel(Client& client, TimeSource& time, std::vector<Address> addresses,
                    std::uint64_t seed);

  // The answer of the first server that can give one. Each gets an equal share of the time that is
  // left, so that a silent server does not use up what the next one needs. Answers that say that
  // the server cannot serve (error, busy, not supported, going away) count as its failure.
  // Throws Error(no_name_server) naming every address with what happened there.
  // Requests may overlap. Cancelling the caller ends only its own request.
  [[nodiscard]] asio::awaitable<RemotingCommand> ask(RemotingCommand request, Instant deadline);
  // The server in use has proved useless; the next request goes to the next one.
  void give_up_current();
  // Another list, in an order of its own. False, with nothing done, when it has the same servers.
  // The server in use stays in use if the new list has it, else its connection is closed.
  bool replace(std::vector<Address> addresses);

  // Precondition: not empty().
  [[nodiscard]] const Address& current() const noexcept { return addresses_[current_]; }
  // "a:1, b:2"
  [[nodiscard]] std::string list() const;
  [[nodiscard]] bool empty() const noexcept { return addresses_.empty(); }

  // What to do about a name server that does not answer.
  static constexpr const char* kAdvice =
      "check that comet-namesrv (or mqnamesrv) runs there, the host and port, and firewalls "
      "between";

 private:
  Client& client_;
  TimeSource& time_;
  std::mt19937_64 random_;
  std::vector<Address> addresses_;
  std::size_t current_ = 0;
};

}  // namespace comet::inline v0_1::remoting

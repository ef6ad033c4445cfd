#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "comet/remoting/command.hpp"
#include "command_line.hpp"

namespace comet::inline v0_1::bench {

class ProduceOptions {
 public:
  std::string name_servers;
  std::string topic;
  std::string group;
  int concurrency = 0;
  int connections = 1;   // to each broker: so many producers, to which the senders are dealt out
  std::size_t size = 0;  // bytes of a body, the least and
  std::size_t max_size = 0;  // the most
  double rate = 0;           // messages per second; 0: as fast as they are answered
  std::size_t batch = 1;     // messages of a request
  bool auto_batch = false;
  int ordered = 0;  // keys; 0: no order
  bool transactions = false;
  pid_t broker_pid = 0;  // 0: not known
  std::uint64_t count = 0;
  std::uint64_t warmup = 0;
  double timeout_seconds = 0;                             // of a send
  std::optional<remoting::SerializeType> serialize_type;  // of the headers of requests
  bool json = false;
  bool tls = false;
  std::string tls_ca;  // empty: the system's
};

using program::UsageError;

// Of the command produce, from its name on. nullopt: help was asked for and has been printed.
// Throws UsageError.
[[nodiscard]] std::optional<ProduceOptions> parse_command_line(int argc, char** argv);

// Of an option --server-pid or the like: the process whose use of the machine is reported.
[[nodiscard]] pid_t process_id(const program::CommandLine& given, const std::string& option);

// More messages than anybody waits for.
inline constexpr std::int64_t kMostMessages = 1'000'000'000'000;

}  // namespace comet::inline v0_1::bench

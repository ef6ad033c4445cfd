#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "comet/base/address.hpp"
#include "options.hpp"

namespace comet::inline v0_1::bench {

class ConsumeOptions {
 public:
  Address name_server;
  std::string topic;
  std::string group;
  int batch = 0;            // messages asked for by one pull
  std::uint64_t count = 0;  // 0: what is there
  pid_t server_pid = 0;     // 0: not known
  bool json = false;
  std::optional<remoting::SerializeType> serialize_type;
};

// nullopt: help was asked for and has been printed. Throws UsageError.
[[nodiscard]] std::optional<ConsumeOptions> parse_consume_options(int argc, char** argv);

}  // namespace comet::inline v0_1::bench

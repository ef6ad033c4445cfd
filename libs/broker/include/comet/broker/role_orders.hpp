#pragma once
// What an operator has ordered of a slave (cometctl promote, cometctl resync), and its next start
// obeys. It lies in the directory config below the store's; Apache's brokers ignore it.

#include <cstdint>
#include <optional>
#include <string>

#include "comet/base/config.hpp"
#include "comet/base/error.hpp"
#include "comet/broker/config.hpp"

namespace comet::inline v0_1::broker {

// A slave was made the master: it starts as one although its configuration says SLAVE, until that
// says so itself.
class Promotion {
 public:
  BrokerRole role = BrokerRole::sync_master;
  std::int64_t slave_id = 0;  // its brokerId as a slave
};
[[nodiscard]] std::string promotion_path(const std::string& store_root);
[[nodiscard]] error_code write_promotion(const std::string& store_root, const Promotion& promotion);
// Nullopt: there is none. Throws Error when it cannot be read.
[[nodiscard]] std::optional<Promotion> read_promotion(const std::string& store_root);
// For a daemon whose configuration says that it is a master: a later SLAVE is meant.
void forget_promotion(const std::string& store_root);
// Settings that say SLAVE with that id say what it was made, with a warning; others stay. Throws
// Error: they say SLAVE with another id, or the file cannot be read.
void apply_promotion(Config& settings);

// The next start of this slave moves its log to `name` (store::set_aside) and copies its master's
// from the first byte.
[[nodiscard]] error_code order_resync(const std::string& store_root, const std::string& name);
// Does what was ordered, if anything was, before the store is opened; not for a master. Throws
// Error when it was only half done.
void obey_resync(const BrokerConfig& config);

}  // namespace comet::inline v0_1::broker

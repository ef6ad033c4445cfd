#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "comet/base/time.hpp"
#include "comet/producer/producer_config.hpp"
#include "comet/producer/send_options.hpp"

namespace comet::inline v0_1 {

// What differs from a plain send.
class SendPlan {
 public:
  explicit SendPlan(SendOptions options_in = {}, bool oneway_in = false)
      : options(std::move(options_in)), oneway(oneway_in) {}

  SendOptions options;
  bool oneway;
  // A part of sends that are in progress already shares their deadline and their bounds.
  std::optional<Instant> part_deadline;

  [[nodiscard]] bool is_part() const noexcept { return part_deadline.has_value(); }
  [[nodiscard]] bool needs_route() const noexcept { return !options.queue(); }
  [[nodiscard]] int max_tries(const ProducerConfig& config) const noexcept {
    const bool has_one_place = options.queue().has_value() || options.selector() != nullptr;
    return oneway || has_one_place ? 1 : 1 + config.retries();
  }
  [[nodiscard]] Instant deadline(const ProducerConfig& config, Instant begin) const noexcept {
    return part_deadline.value_or(begin + options.timeout().value_or(config.send_timeout()));
  }
};
using SendPlanPtr = std::shared_ptr<const SendPlan>;
[[nodiscard]] SendPlanPtr plain_send() noexcept;

}  // namespace comet::inline v0_1

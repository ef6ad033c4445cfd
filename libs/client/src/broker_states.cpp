#include "broker_states.hpp"

#include <fmt/format.h>

namespace comet::inline v0_1::client {
namespace {

std::string title(const Address& broker, std::string_view name) {
  if (name.empty()) return "broker " + broker.to_string();
  return fmt::format("broker {} at {}", name, broker.to_string());
}

double seconds(Duration duration) { return static_cast<double>(to_millis(duration)) / 1000; }

}  // namespace

std::optional<std::string> BrokerStates::failed(const Address& broker, std::string_view name,
                                                std::string_view reason, Instant now) {
  State& state = states_[broker];
  if (!state.is_failing) {
    state.is_failing = true;
    state.is_told = false;
    state.since = now;
    ++failing_;
    ++state.untold;
  }
  if (state.is_told || now < state.quiet_until) return std::nullopt;
  std::string line = fmt::format("{} fails: {}", title(broker, name), reason);
  if (state.untold > 1) line += fmt::format(" ({} times since the last report)", state.untold);
  state.is_told = true;
  state.untold = 0;
  state.quiet_until = now + kQuiet;
  return line;
}

std::optional<std::string> BrokerStates::answered(const Address& broker, std::string_view name,
                                                  Instant now) {
  const auto found = states_.find(broker);
  if (found == states_.end() || !found->second.is_failing) return std::nullopt;
  State& state = found->second;
  state.is_failing = false;
  --failing_;
  if (!state.is_told) return std::nullopt;
  return fmt::format("{} answers again after {:.1f} s", title(broker, name),
                     seconds(now - state.since));
}

void BrokerStates::forget_if(const std::function<bool(const Address&)>& is_gone) {
  std::erase_if(states_, [&](const auto& entry) {
    const bool goes = is_gone(entry.first);
    if (goes && entry.second.is_failing) --failing_;
    return goes;
  });
}

}  // namespace comet::inline v0_1::client

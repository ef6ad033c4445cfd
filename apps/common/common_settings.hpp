#pragma once
// Keys that every daemon has, and what SIGHUP does with them.

#include <array>
#include <functional>

#include "comet/base/config.hpp"
#include "tls_settings.hpp"

namespace comet::inline v0_1::daemon {

inline constexpr ConfigKey kCommonKeys[] = {
    ConfigKey::integer(
        "serverSelectorThreads", "1", 1, 64,
        "event loops that serve connections, a thread each (default: one for two cores, at "
        "most 4)"),
    ConfigKey::choice("logLevel", "info", "debug|info|warn|error",
                      "what goes to the log; read again on SIGHUP"),
    ConfigKey::integer("monitorPort", "-1", -1, 65535,
                       "port of the HTTP endpoint for /health and /metrics; -1: none, 0: a free "
                       "one"),
    ConfigKey::text("monitorAddress", "127.0.0.1", "IP address of that endpoint; 0.0.0.0: all"),
};

// A daemon's own keys, those above and those of TLS, as one table.
template <std::size_t N>
constexpr auto with_common_keys(const std::array<ConfigKey, N>& own) {
  constexpr std::size_t kCommon = std::size(kCommonKeys);
  const auto with_tls = with_tls_keys(kCommonKeys);
  auto join = [&]<std::size_t... I, std::size_t... J>(std::index_sequence<I...>,
                                                      std::index_sequence<J...>) {
    return std::array<ConfigKey, N + kCommon + std::size(kTlsKeys)>{own[I]..., with_tls[J]...};
  };
  return join(std::make_index_sequence<N>(),
              std::make_index_sequence<kCommon + std::size(kTlsKeys)>());
}

template <std::size_t N>
constexpr auto with_common_keys(const ConfigKey (&own)[N]) {
  return with_common_keys(std::to_array(own));
}

// How many event loops the daemon is to have.
[[nodiscard]] std::size_t event_loops(const Config& settings);
// Sets the log up as the settings say. Throws Error.
void configure_log(const Config& settings);

// What SIGHUP does: the log level is what `read_settings` says now, the TLS files are read again.
// What is wrong goes to the log and changes nothing. Other keys need a restart.
void reload(const std::function<Config()>& read_settings, DaemonNetwork& network);

}  // namespace comet::inline v0_1::daemon

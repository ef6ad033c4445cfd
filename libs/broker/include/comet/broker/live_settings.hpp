#pragma once
// What may be changed while a broker runs: by UPDATE_BROKER_CONFIG, and by nothing else.

#include <string>
#include <string_view>

#include "comet/base/config.hpp"
#include "comet/broker/config.hpp"

namespace comet::inline v0_1::broker {

// The rows of these settings for a daemon's table of keys. None is a path, a command or an address
// (CVE-2023-33246), and every one takes effect at once.
inline constexpr ConfigKey kLiveKeys[] = {
    ConfigKey::integer("brokerPermission", "6", 0, 6, "2: write, 4: read, 6: both"),
    ConfigKey::boolean("autoCreateTopicEnable", true, "create unknown topics on first send"),
    ConfigKey::boolean("autoCreateSubscriptionGroup", true,
                       "create unknown consumer groups on first use"),
    ConfigKey::boolean("longPollingEnable", true, "hold pulls until a message arrives"),
    ConfigKey::integer("shortPollingTimeMills", "1000", 1, 60000,
                       "ms a pull is held when longPollingEnable=false"),
    ConfigKey::integer("startAcceptSendRequestTimeStamp", "0", 0, 4102444800000,
                       "time in ms since 1970 before which sends are refused"),
    ConfigKey::boolean("enablePropertyFilter", false,
                       "consumers may choose messages by SQL92 expressions over their properties"),
    ConfigKey::boolean("filterSupportRetry", false,
                       "messages of retry topics are chosen so, too, by their group's expression "
                       "for the topic that they come from"),
    ConfigKey::boolean("notifyConsumerIdsChangedEnable", true,
                       "tell a group's consumers when others come or go"),
    ConfigKey::integer("channelExpiredTimeout", "120000", 1000, 86400000,
                       "ms without a heartbeat after which a client's connection is closed"),
    ConfigKey::integer("maxTransferCountOnMessageInMemory", "32", 1, 1024,
                       "messages of an answer to a pull"),
    ConfigKey::integer("maxTransferBytesOnMessageInMemory", "262144", 1, 8388608,
                       "bytes of an answer to a pull, of one message at least"),
    ConfigKey::integer("maxTransferCountOnMessageInDisk", "8", 1, 1024,
                       "the same for messages so old that they are read from the disk"),
    ConfigKey::integer("maxTransferBytesOnMessageInDisk", "65536", 1, 8388608,
                       "the same for messages so old that they are read from the disk"),
    ConfigKey::boolean("useServerSideResetOffset", true,
                       "INVOKE_BROKER_TO_RESET_OFFSET keeps the new offsets here and tells them to "
                       "consumers at their next pull, instead of asking those that are connected"),
};

[[nodiscard]] bool is_live_key(std::string_view name) noexcept;
// From a configuration whose table has all of kLiveKeys.
void take_live_settings(const Config& settings, BrokerConfig& config);
// The values of a broker that was set up without a table of keys.
[[nodiscard]] Config live_settings_of(const BrokerConfig& config);

// Where UPDATE_BROKER_CONFIG keeps what it has changed.
[[nodiscard]] std::string stored_settings_path(const std::string& store_root);
// Takes over what lies there; a missing file is none. Other keys in it are passed over. Throws
// Error when it cannot be read or holds values that cannot be.
void apply_stored_settings(Config& settings, const std::string& path);

}  // namespace comet::inline v0_1::broker

#pragma once
// What may be changed while a name server runs: by UPDATE_NAMESRV_CONFIG, and by nothing else.

#include <string_view>

#include "comet/base/config.hpp"
#include "comet/base/time.hpp"

namespace comet::inline v0_1::namesrv {

// Comments name Apache's key where it differs from the member.
class LiveSettings {
 public:
  bool order_message_enable = false;      // put ORDER_TOPIC_CONFIG into routes
  bool return_order_topic_config = true;  // returnOrderTopicConfigToBroker
  bool support_acting_master = false;
  bool notify_min_broker_id_changed = false;
  bool delete_topic_with_broker_registration = false;
  bool enable_topic_list = true;
  bool enable_all_topic_list = true;
  bool need_wait_for_service = false;
  Duration wait_for_service = std::chrono::seconds(45);  // waitSecondsForService
  // Without a sign of life from a broker that names no timeout of its own.
  Duration broker_expiry = std::chrono::seconds(120);  // brokerNotActiveTimeoutMillis
};

// The rows of these settings for a daemon's table of keys. None is a path, a command or an address.
inline constexpr ConfigKey kLiveKeys[] = {
    ConfigKey::boolean("orderMessageEnable", false, "put ORDER_TOPIC_CONFIG into routes"),
    ConfigKey::boolean("returnOrderTopicConfigToBroker", true,
                       "put ORDER_TOPIC_CONFIG into answers to registrations"),
    ConfigKey::boolean("supportActingMaster", false,
                       "show the first slave as the master of a broker that has none, if it "
                       "registers with enableActingMaster"),
    ConfigKey::boolean("notifyMinBrokerIdChanged", false,
                       "tell the members of a broker when their lowest broker id changes"),
    ConfigKey::boolean("deleteTopicWithBrokerRegistration", false,
                       "a topic ends on a broker whose registration does not name it any more"),
    ConfigKey::boolean("enableTopicList", true, "answer lists of a cluster's and of unit topics"),
    ConfigKey::boolean("enableAllTopicList", true, "answer the list of all topics"),
    ConfigKey::boolean("needWaitForService", false,
                       "answer no route queries before waitSecondsForService are over"),
    ConfigKey::integer("waitSecondsForService", "45", 0, 86'400,
                       "s from the start, see needWaitForService"),
    ConfigKey::integer("brokerNotActiveTimeoutMillis", "120000", 5000, 86'400'000,
                       "ms without a sign of life after which a broker is removed, unless it names "
                       "another time"),
};

[[nodiscard]] bool is_live_key(std::string_view name) noexcept;
// From a configuration whose table has all of kLiveKeys.
[[nodiscard]] LiveSettings read_live_settings(const Config& config);

// Takes over what UPDATE_NAMESRV_CONFIG has left in the file; a missing file is none. Other keys in
// it are passed over. Throws Error when it cannot be read or holds values that cannot be.
void apply_stored_settings(Config& config, const std::string& path);

}  // namespace comet::inline v0_1::namesrv

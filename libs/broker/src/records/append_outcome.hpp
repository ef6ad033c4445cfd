#pragma once
// What the result of an append means for what comes next.

#include "comet/store/message_store.hpp"

namespace comet::inline v0_1::broker {

// Also when the disk had not confirmed it in time.
[[nodiscard]] inline bool is_stored(const store::AppendResult& result) {
  return !result.error || result.error == store::StoreErrc::flush_timeout;
}

// Trying again would not help.
[[nodiscard]] inline bool is_final(const error_code& error) {
  return error == store::StoreErrc::message_too_large || error == store::StoreErrc::illegal_queue;
}

}  // namespace comet::inline v0_1::broker

#pragma once
// What a broker had delivered when it was killed: more than the saved progress says.

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_set>
#include <utility>

#include "comet/store/message_store.hpp"

namespace comet::inline v0_1::broker {

// A delivered message says which record of the schedule or timer topic it was
// (prepared_transaction_offset, as with half messages). So a start finds in the real queues what of
// the messages that were due has come already, and those do not come again.
class DeliveredBefore {
 public:
  explicit DeliveredBefore(const store::MessageStore& store) : store_(store) {}

  // Notes the record at that place of the log, which may have been delivered at that time or later.
  void consider(std::int64_t physical_offset, std::int64_t due_millis);
  // Looks for all of them in the queues that they are for.
  void find();
  // Whether it was delivered; says so once.
  [[nodiscard]] bool take(std::int64_t physical_offset) {
    return found_.erase(physical_offset) > 0;
  }
  [[nodiscard]] std::size_t size() const noexcept { return found_.size(); }

 private:
  using Queue = std::pair<std::string, std::int32_t>;  // topic and queue id

  void find_in(const Queue& queue, std::int64_t since_millis);

  const store::MessageStore& store_;
  std::map<Queue, std::int64_t> due_since_;
  std::unordered_set<std::int64_t> considered_;  // physical offsets, so below
  std::unordered_set<std::int64_t> found_;
  std::int64_t left_to_look_at_ = 0;
};

}  // namespace comet::inline v0_1::broker

#include "comet/producer/send_options.hpp"

#include <cstdint>
#include <cstdlib>

#include "comet/message/record.hpp"

namespace comet::inline v0_1 {

std::size_t queue_of_key(std::string_view sharding_key, std::size_t queues) noexcept {
  const std::int64_t hash = java_hash_code(sharding_key);
  return static_cast<std::size_t>(std::abs(hash % static_cast<std::int64_t>(queues)));
}

SendOptions& SendOptions::ordered_by(std::string_view sharding_key) & {
  selector_ = [key = std::string(sharding_key)](const std::vector<MessageQueue>& queues,
                                                const Message&) {
    return queue_of_key(key, queues.size());
  };
  return *this;
}

}  // namespace comet::inline v0_1

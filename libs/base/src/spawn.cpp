#include "comet/base/spawn.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>

namespace comet::inline v0_1 {

void spawn(const asio::any_io_executor& executor, asio::awaitable<void> task, SpawnEnd on_end,
           asio::cancellation_slot slot) {
  // Called on `executor`, whatever executor is associated with what `on_end` holds.
  auto end = [on_end = std::move(on_end)](std::exception_ptr problem) mutable {
    std::move(on_end)(problem);
  };
  asio::co_spawn(executor, std::move(task), asio::bind_cancellation_slot(slot, std::move(end)));
}

}  // namespace comet::inline v0_1

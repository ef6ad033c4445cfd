#include "comet/base/burst.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <exception>
#include <ranges>
#include <utility>
#include <vector>

namespace comet::inline v0_1 {
namespace {

// An append is written, whoever waits for it goes on, its answer is sent: others come after that.
constexpr int kTurns = 4;

// Of this thread.
struct Current {
  const asio::any_io_executor* executor = nullptr;  // null: there is no burst
  std::vector<std::shared_ptr<Burst::Work>> waiting;
  std::vector<std::shared_ptr<Burst::Work>> running;  // kept for its memory
};
thread_local Current current;

void give_turn(Burst::Work& work, const asio::any_io_executor& executor) {
  try {
    work.run_in_turn(executor);
  } catch (...) {
    asio::post(executor, [problem = std::current_exception()] { std::rethrow_exception(problem); });
  }
}

}  // namespace

Burst::Burst(const asio::any_io_executor& executor) noexcept
    : executor_(executor), is_outer_(current.executor == nullptr) {
  if (is_outer_) current.executor = &executor_;
}

Burst::~Burst() {
  if (!is_outer_) return;
  for (int turn = 0; turn < kTurns && !current.waiting.empty(); ++turn) {
    current.running.swap(current.waiting);
    for (std::shared_ptr<Work>& work : current.running) {
      const std::shared_ptr<Work> owned = std::move(work);
      give_turn(*owned, executor_);
    }
    current.running.clear();
  }
  current.executor = nullptr;
  for (const std::shared_ptr<Work>& work : current.waiting) work->post_turn(executor_);
  current.waiting.clear();
}

bool Burst::put_off(const asio::any_io_executor& executor, std::shared_ptr<Work> work) {
  if (current.executor == nullptr || *current.executor != executor) return false;
  current.waiting.push_back(std::move(work));
  return true;
}

bool Burst::has(const Work& work) noexcept {
  return std::ranges::any_of(std::views::reverse(current.waiting),
                             [&work](const auto& one) { return one.get() == &work; });
}

}  // namespace comet::inline v0_1

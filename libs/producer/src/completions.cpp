#include "completions.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <vector>

#include "send_operation.hpp"

namespace comet::inline v0_1 {

// A posted function for one send.
class Completions::One {
 public:
  using allocator_type = small_blocks::Allocator<void>;
  explicit One(std::unique_ptr<SendOperation> operation) noexcept
      : operation_(std::move(operation)) {}
  [[nodiscard]] allocator_type get_allocator() const noexcept { return {}; }
  void operator()() { SendOperation::complete(std::move(operation_)); }

 private:
  std::unique_ptr<SendOperation> operation_;
};

class Completions::State : public std::enable_shared_from_this<State> {
 public:
  explicit State(asio::any_io_executor executor) : executor_(std::move(executor)) {}
  void add(std::unique_ptr<SendOperation> operation) {
    waiting_.push_back(std::move(operation));
    begin_turn();
  }

 private:
  friend class Turn;
  void begin_turn();

  asio::any_io_executor executor_;
  std::vector<std::unique_ptr<SendOperation>> waiting_;
  std::vector<std::unique_ptr<SendOperation>> called_;
  bool turn_is_due_ = false;
};

// Destroyed without a call it destroys the sends: the execution context goes away.
class Completions::Turn {
 public:
  explicit Turn(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}
  Turn(Turn&&) noexcept = default;
  Turn& operator=(Turn&&) = delete;
  ~Turn() {
    if (state_ == nullptr) return;
    const auto dropped = std::move(state_->waiting_);
  }
  void operator()() {
    const std::shared_ptr<State> state = std::move(state_);
    state->waiting_.swap(state->called_);
    // A handler's exception passes on to whoever runs the executor; the others get another turn.
    class EndOfTurn {
     public:
      explicit EndOfTurn(State& state) noexcept : state_(state) {}
      ~EndOfTurn() {
        state_.turn_is_due_ = false;
        auto& called = state_.called_;
        called.erase(called.begin(), called.begin() + static_cast<std::ptrdiff_t>(next));
        if (!called.empty()) {
          for (auto& operation : state_.waiting_) called.push_back(std::move(operation));
          state_.waiting_.swap(called);
          called.clear();
        }
        if (!state_.waiting_.empty()) state_.begin_turn();
      }
      std::size_t next = 0;

     private:
      State& state_;
    };
    EndOfTurn turn(*state);
    while (turn.next < state->called_.size()) {
      SendOperation::complete(std::move(state->called_[turn.next++]));
    }
  }

 private:
  std::shared_ptr<State> state_;
};

void Completions::State::begin_turn() {
  if (turn_is_due_) return;
  turn_is_due_ = true;
  asio::post(executor_, Turn(shared_from_this()));
}

Completions::Completions(asio::any_io_executor callers, bool together) : executor_(callers) {
  if (together) together_ = std::make_shared<State>(std::move(callers));
}

void Completions::add(std::unique_ptr<SendOperation> operation) {
  if (together_ != nullptr) return together_->add(std::move(operation));
  const auto* context = executor_.target<asio::io_context::executor_type>();
  if (context != nullptr) {  // for less than half of what the erased type costs
    asio::post(*context, One(std::move(operation)));
  } else {
    asio::post(executor_, One(std::move(operation)));
  }
}

}  // namespace comet::inline v0_1

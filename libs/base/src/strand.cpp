#include "comet/base/strand.hpp"

#include <atomic>
#include <mutex>
#include <vector>

#include "comet/base/burst.hpp"

namespace comet::inline v0_1 {
namespace {

// The strands that run in this thread, the innermost first.
struct Running {
  explicit Running(const Strand::State& state_in);
  ~Running();
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  const Strand::State& state;
  const Running* outer;
};
thread_local const Running* innermost = nullptr;

Running::Running(const Strand::State& state_in) : state(state_in), outer(innermost) {
  innermost = this;
}
Running::~Running() { innermost = outer; }

}  // namespace

class Strand::State {
 public:
  explicit State(asio::any_io_executor inner)
      : now_or_later_(std::move(inner)),
        later_(asio::require(now_or_later_, asio::execution::blocking.never)) {}

  [[nodiscard]] asio::execution_context& context() const noexcept {
    return asio::query(now_or_later_, asio::execution::context);
  }
  [[nodiscard]] bool is_running_here() const noexcept {
    for (const Running* running = innermost; running != nullptr; running = running->outer) {
      if (&running->state == this) return true;
    }
    return false;
  }
  void submit(Task task, bool later) {
    {
      const std::lock_guard lock(mutex_);
      if (abandoned_) return;
      waiting_.push_back(std::move(task));
      if (turn_is_due_) return;
      turn_is_due_ = true;
    }
    (later ? later_ : now_or_later_).execute(Turn(*this));
  }

 private:
  friend void intrusive_ptr_add_ref(State* state) noexcept;
  friend void intrusive_ptr_release(State* state) noexcept;

  // What the other executor runs. If it is destroyed instead, the execution context goes away.
  class Turn {
   public:
    explicit Turn(State& state) noexcept : state_(&state) {}
    Turn(Turn&&) noexcept = default;
    Turn& operator=(Turn&&) = delete;
    ~Turn() {
      if (state_ != nullptr) state_->abandon();
    }
    void operator()() {
      const boost::intrusive_ptr<State> state = std::move(state_);
      state->run();
    }

   private:
    boost::intrusive_ptr<State> state_;
  };

  // Calls what waits now, as one burst; what it adds gets another turn. An exception of a function
  // passes on to whoever runs the executor; the functions behind it are called in the next turn.
  void run() {
    const Running running(*this);
    {
      const std::lock_guard lock(mutex_);
      std::swap(waiting_, called_);
    }
    class EndOfTurn {
     public:
      explicit EndOfTurn(State& state) noexcept : state_(state) {}
      ~EndOfTurn() { state_.end_turn(next); }
      std::size_t next = 0;

     private:
      State& state_;
    };
    EndOfTurn turn(*this);
    // As those know it who put something off. Made anew: kept, it would own this object.
    const asio::any_io_executor self(Strand(boost::intrusive_ptr<State>(this), false));
    const Burst burst(self);
    while (turn.next < called_.size()) std::move(called_[turn.next++])();
  }

  void end_turn(std::size_t called) noexcept {
    const bool all = called == called_.size();
    if (all) called_.clear();
    {
      const std::lock_guard lock(mutex_);
      if (!all) {  // in front of what has come meanwhile
        std::vector<Task> rest;
        rest.reserve(called_.size() - called + waiting_.size());
        for (std::size_t i = called; i < called_.size(); ++i) rest.push_back(std::move(called_[i]));
        for (Task& task : waiting_) rest.push_back(std::move(task));
        waiting_.swap(rest);
        called_.clear();
      }
      if (waiting_.empty()) {
        turn_is_due_ = false;
        return;
      }
    }
    later_.execute(Turn(*this));
  }

  void abandon() noexcept {
    std::vector<Task> dropped;
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
    dropped.swap(waiting_);
  }

  std::atomic<std::size_t> references_{0};
  const asio::any_io_executor now_or_later_;
  const asio::any_io_executor later_;
  std::mutex mutex_;
  std::vector<Task> waiting_;
  bool turn_is_due_ = false;  // there is a Turn
  bool abandoned_ = false;
  std::vector<Task> called_;  // of the turn
};

void intrusive_ptr_add_ref(Strand::State* state) noexcept {
  state->references_.fetch_add(1, std::memory_order_relaxed);
}

void intrusive_ptr_release(Strand::State* state) noexcept {
  if (state->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete state;
}

boost::intrusive_ptr<Strand::State> Strand::make_state(asio::any_io_executor inner) {
  return boost::intrusive_ptr<State>(new State(std::move(inner)));
}

bool Strand::running_in_this_thread() const noexcept { return state_->is_running_here(); }

asio::execution_context& Strand::query(asio::execution::context_t /*context*/) const noexcept {
  return state_->context();
}

void Strand::submit(Task task) const { state_->submit(std::move(task), never_blocks_); }

}  // namespace comet::inline v0_1

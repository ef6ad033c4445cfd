#include "comet/base/turns.hpp"

#include <boost/asio/post.hpp>
#include <utility>

#include "comet/base/burst.hpp"

namespace comet::inline v0_1 {

class Turns::State : public Burst::Work, public std::enable_shared_from_this<State> {
 public:
  using Items = boost::intrusive::list<Item, boost::intrusive::constant_time_size<false>>;

  explicit State(asio::any_io_executor executor) : executor_(std::move(executor)) {}
  void add(Item& item) {
    waiting_.push_back(item);
    begin_turn();
  }
  void run_turn() {
    class EndOfTurn {
     public:
      explicit EndOfTurn(State& state) noexcept : state_(state) {}
      ~EndOfTurn() {
        if (items.empty()) return;
        state_.waiting_.splice(state_.waiting_.begin(), items);
        state_.begin_turn();
      }
      Items items;

     private:
      State& state_;
    };
    is_due_ = false;
    EndOfTurn turn(*this);
    turn.items.swap(waiting_);
    while (!turn.items.empty()) {
      Item& item = turn.items.front();
      turn.items.pop_front();
      item.take_turn();
    }
  }
  void run_in_turn(const asio::any_io_executor& /*executor*/) override { run_turn(); }
  void post_turn(const asio::any_io_executor& /*executor*/) override;
  void drop_all() noexcept {
    while (!waiting_.empty()) {
      Item& item = waiting_.front();
      waiting_.pop_front();
      item.drop();
    }
  }

 private:
  void begin_turn();

  const asio::any_io_executor executor_;
  Items waiting_;
  bool is_due_ = false;
};

// What the executor runs. If it is destroyed instead, the execution context goes away.
class Turns::Turn {
 public:
  explicit Turn(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}
  Turn(Turn&&) noexcept = default;
  Turn& operator=(Turn&&) = delete;
  ~Turn() {
    if (state_ != nullptr) state_->drop_all();
  }
  void operator()() {
    const std::shared_ptr<State> state = std::move(state_);
    state->run_turn();
  }

 private:
  std::shared_ptr<State> state_;
};

void Turns::State::begin_turn() {
  if (is_due_) return;
  is_due_ = true;
  if (!Burst::put_off(executor_, shared_from_this())) post_turn(executor_);
}

void Turns::State::post_turn(const asio::any_io_executor& /*executor*/) {
  asio::post(executor_, Turn(shared_from_this()));
}

Turns::Turns(asio::any_io_executor executor)
    : state_(std::make_shared<State>(std::move(executor))) {}

void Turns::add(Item& item) const { state_->add(item); }

}  // namespace comet::inline v0_1

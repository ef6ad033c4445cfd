#pragma once
// An executor that runs one function at a time, on another executor.

#include <boost/asio/any_io_executor.hpp>
#include <boost/intrusive_ptr.hpp>
#include <concepts>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace comet::inline v0_1 {

namespace asio = boost::asio;

// Does what asio::strand does, in order of arrival, and differs in this:
// - it fits into an any_io_executor, so that its copies take no memory;
// - what has come together is run together, for one call of the other executor, and is one burst
//   (burst.hpp);
// - it may outlive its execution context (which has then destroyed what was waiting in it).
class Strand {
 public:
  // No conversions: Asio asks whether a Strand is an executor while it looks for some.
  template <std::same_as<asio::any_io_executor> Executor>
  explicit Strand(Executor inner) : Strand(make_state(std::move(inner)), false) {}

  Strand(const Strand& other) noexcept  // Asio asks for that
      : state_(other.state_), never_blocks_(other.never_blocks_) {}
  Strand(Strand&& other) noexcept = default;
  Strand& operator=(const Strand&) noexcept = default;
  Strand& operator=(Strand&&) noexcept = default;
  ~Strand() = default;

  [[nodiscard]] bool running_in_this_thread() const noexcept;

  // What Asio asks of an executor.
  template <class Function>
  void execute(Function&& function) const {
    if (!never_blocks_ && running_in_this_thread()) {
      std::decay_t<Function>(std::forward<Function>(function))();
    } else {
      submit(Task(std::forward<Function>(function)));
    }
  }
  [[nodiscard]] asio::execution_context& query(asio::execution::context_t) const noexcept;
  [[nodiscard]] asio::execution::blocking_t query(asio::execution::blocking_t) const noexcept {
    if (never_blocks_) return asio::execution::blocking.never;
    return asio::execution::blocking.possibly;
  }
  [[nodiscard]] Strand require(asio::execution::blocking_t::never_t) const noexcept {
    return Strand(state_, true);
  }
  [[nodiscard]] Strand require(asio::execution::blocking_t::possibly_t) const noexcept {
    return Strand(state_, false);
  }
  friend bool operator==(const Strand& a, const Strand& b) noexcept {
    return a.state_ == b.state_ && a.never_blocks_ == b.never_blocks_;
  }
  friend bool operator!=(const Strand& a, const Strand& b) noexcept { return !(a == b); }

  class State;
  friend void intrusive_ptr_add_ref(State* state) noexcept;
  friend void intrusive_ptr_release(State* state) noexcept;

 private:
  // A function to be called once. Small ones lie in it.
  class Task {
   public:
    template <class Function>
      requires(!std::is_same_v<std::decay_t<Function>, Task>)
    explicit Task(Function&& function) {  // NOLINT(bugprone-forwarding-reference-overload)
      using Stored = std::decay_t<Function>;
      if constexpr (sizeof(Stored) <= kSize && alignof(Stored) <= alignof(void*) &&
                    std::is_nothrow_move_constructible_v<Stored>) {
        ::new (space_) Stored(std::forward<Function>(function));
        act_ = &act_in_place<Stored>;
      } else {
        ::new (space_) Stored*(new Stored(std::forward<Function>(function)));
        act_ = &act_on_heap<Stored>;
      }
    }
    Task(Task&& other) noexcept : act_(std::exchange(other.act_, nullptr)) {
      if (act_ != nullptr) act_(Action::move, other.space_, space_);
    }
    Task& operator=(Task&&) = delete;
    ~Task() {
      if (act_ != nullptr) act_(Action::destroy, space_, nullptr);
    }
    void operator()() && { std::exchange(act_, nullptr)(Action::call, space_, nullptr); }

   private:
    enum class Action { call, move, destroy };
    static constexpr std::size_t kSize = 3 * sizeof(void*);

    template <class Stored>
    static void act_in_place(Action action, void* at, void* to) {
      Stored* stored = std::launder(static_cast<Stored*>(at));
      if (action == Action::move) ::new (to) Stored(std::move(*stored));
      if (action == Action::call) {
        Stored function(std::move(*stored));
        stored->~Stored();
        function();
      } else {
        stored->~Stored();
      }
    }
    template <class Stored>
    static void act_on_heap(Action action, void* at, void* to) {
      Stored* stored = *std::launder(static_cast<Stored**>(at));
      if (action == Action::move) {
        ::new (to) Stored*(stored);
        return;
      }
      const std::unique_ptr<Stored> owner(stored);
      if (action == Action::call) (*stored)();
    }

    void (*act_)(Action, void*, void*);
    alignas(void*) unsigned char space_[kSize];
  };

  Strand(boost::intrusive_ptr<State> state, bool never_blocks) noexcept
      : state_(std::move(state)), never_blocks_(never_blocks) {}
  static boost::intrusive_ptr<State> make_state(asio::any_io_executor inner);
  void submit(Task task) const;

  boost::intrusive_ptr<State> state_;
  bool never_blocks_ = false;
};

void intrusive_ptr_add_ref(Strand::State* state) noexcept;
void intrusive_ptr_release(Strand::State* state) noexcept;

}  // namespace comet::inline v0_1

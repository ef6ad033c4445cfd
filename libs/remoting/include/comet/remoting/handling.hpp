#pragma once
// The form of a request's handler: a coroutine that begins at once and returns the answer.
//
//   Handling Feature::handle(Request request) {
//     const auto header = read(request);                        // throws Refusal
//     const Outcome outcome = co_await something(header);       // others have their turn meanwhile
//     co_return answer(request, outcome);
//   }
//
// It runs on its connection's executor, between its waits too. What it returns before it has waited
// for anything leaves with the other answers of its burst; a wait makes the request one that counts
// among the handlers of its connection, as with PendingReply, with all the memory that it holds. A
// Refusal that it throws or returns is the answer; so is the text of any other exception, with
// SYSTEM_ERROR. It runs to its end also when the connection is lost. What it waits for begins under
// a Handling::Wait and ends with a Resume (below), on that executor, not before it has begun.

#include <atomic>
#include <coroutine>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "comet/base/small_blocks.hpp"
#include "comet/remoting/connection.hpp"

namespace comet::inline v0_1::remoting {

// Why a request is not done.
class Refusal {
 public:
  Refusal() = default;
  Refusal(ResponseCode code_in, std::string remark_in)
      : code(code_in), remark(std::move(remark_in)) {}

  ResponseCode code = ResponseCode::success;
  std::string remark;
  // Whether there is one.
  [[nodiscard]] explicit operator bool() const noexcept { return code != ResponseCode::success; }
};

class Handling {
 public:
  class promise_type;
  class Wait;
  using Handle = std::coroutine_handle<promise_type>;

  Handling(Handling&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Handling& operator=(Handling&&) = delete;
  ~Handling() {
    if (handle_) handle_.destroy();
  }

  // The answer, or nullopt when it comes later: the coroutine then belongs to what it waits for.
  [[nodiscard]] Reply begun();
  // The same; `slot` is kept until the coroutine ends.
  template <class Slot>
  [[nodiscard]] Reply begun(Slot slot);

 private:
  explicit Handling(Handle handle) noexcept : handle_(handle) {}
  Handle handle_;
};

class Handling::promise_type {
 public:
  // Of a member function, with its object first.
  template <class Feature, class... Others>
  promise_type(const Feature& /*feature*/, Request& request, const Others&... /*others*/) noexcept
      : request_(&request) {}
  promise_type(const promise_type&) = delete;
  promise_type& operator=(const promise_type&) = delete;
  ~promise_type() { recycle(*request_); }

  static void* operator new(std::size_t size) { return small_blocks::take(size); }
  static void operator delete(void* frame, std::size_t size) noexcept {
    small_blocks::give_back(frame, size);
  }

  [[nodiscard]] Handling get_return_object() noexcept {
    return Handling(Handle::from_promise(*this));
  }
  [[nodiscard]] std::suspend_never initial_suspend() const noexcept { return {}; }
  class AtEnd {
   public:
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(Handle handle) const noexcept {
      promise_type& promise = handle.promise();
      if (!promise.is_on_its_own_) return;  // the Handling takes the answer
      promise.pending_->answer(std::move(promise.reply_));
      handle.destroy();
    }
    void await_resume() const noexcept {}
  };
  [[nodiscard]] AtEnd final_suspend() const noexcept { return {}; }
  void return_value(Reply&& reply) noexcept { reply_ = std::move(reply); }
  void return_value(RemotingCommand&& answer) noexcept { reply_.emplace(std::move(answer)); }
  void return_value(const Refusal& refusal);
  void unhandled_exception() noexcept;

  [[nodiscard]] const std::shared_ptr<Connection>& connection() const noexcept {
    return request_->connection;
  }

 private:
  friend class Handling;
  template <class Result>
  friend class Resume;
  static void recycle(Request& request) noexcept;

  Request* request_;  // the coroutine's parameter
  std::optional<PendingReply> pending_;
  Reply reply_;
  std::shared_ptr<void> slot_;
  bool is_on_its_own_ = false;              // nobody has the Handling any more
  std::atomic<bool> is_beginning_ = false;  // a wait: what it throws comes back to the coroutine
};

// Stands in an await_suspend() as long as the wait begins, in front of everything else: makes the
// request one that waits, and lets an exception find the coroutine as it was.
class Handling::Wait {
 public:
  explicit Wait(Handle handle) : promise_(handle.promise()) {
    if (!promise_.pending_) {
      promise_.pending_.emplace(*promise_.request_, promise_.request_->command.memory_size());
    }
    promise_.is_beginning_.store(true, std::memory_order_relaxed);
  }
  ~Wait() { promise_.is_beginning_.store(false, std::memory_order_relaxed); }
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;

 private:
  promise_type& promise_;
};

// What a Handling waits for calls this with the result, on the connection's executor. When it is
// dropped uncalled, nobody will call it any more: a context or a thread has gone, and the coroutine
// goes with it.
template <class Result>
class Resume {
 public:
  Resume(Handling::Handle waiting, Result& result) noexcept : waiting_(waiting), result_(&result) {}
  Resume(Resume&& other) noexcept
      : waiting_(std::exchange(other.waiting_, nullptr)), result_(other.result_) {}
  Resume& operator=(Resume&&) = delete;
  ~Resume() {
    if (!waiting_) return;
    if (waiting_.promise().is_beginning_.load(std::memory_order_relaxed)) return;
    waiting_.destroy();
  }

  void operator()(Result result) {
    *result_ = std::move(result);
    std::exchange(waiting_, nullptr).resume();
  }

 private:
  Handling::Handle waiting_;
  Result* result_;
};

inline Reply Handling::begun() {
  promise_type& promise = handle_.promise();
  if (!handle_.done()) {
    promise.is_on_its_own_ = true;
    handle_ = nullptr;
    return std::nullopt;
  }
  if (!promise.pending_) return std::move(promise.reply_);
  promise.pending_->answer(std::move(promise.reply_));  // a wait that ended where it began
  return std::nullopt;
}

template <class Slot>
Reply Handling::begun(Slot slot) {
  if (!handle_.done()) handle_.promise().slot_ = std::make_shared<Slot>(std::move(slot));
  return begun();
}

}  // namespace comet::inline v0_1::remoting

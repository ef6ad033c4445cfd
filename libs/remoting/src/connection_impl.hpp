#pragma once
// The inside of a connection. Up to three coroutines share it, all on the connection's executor:
// the reader (run itself), the watch, which sees to deadlines and the idle limit, and, while the
// peer takes less than it is sent, the writer.
//   connection.cpp       the coroutines, the end, the public surface
//   connection_serve.cpp requests of the peer: dispatch, handlers, answers
//   connection_invoke.cpp  own requests: sending, matching answers, deadlines

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "comet/base/async.hpp"
#include "comet/base/burst.hpp"
#include "comet/base/timer.hpp"
#include "comet/base/waiter.hpp"
#include "comet/remoting/connection.hpp"
#include "comet/remoting/frame_memory.hpp"
#include "comet/remoting/unsent_memory.hpp"
#include "frame_buffer.hpp"
#include "outbox.hpp"
#include "pending_requests.hpp"

namespace comet::inline v0_1::remoting {

[[nodiscard]] std::int32_t next_opaque() noexcept;
// Whether the caller is run by the executor's context.
[[nodiscard]] bool is_running_here(const asio::any_io_executor& executor) noexcept;

// One of the handlers of a code that run at the same time; gives its place back at its end.
class HandlerSlot {
 public:
  explicit HandlerSlot(std::shared_ptr<std::atomic<std::size_t>> running) noexcept
      : running_(std::move(running)) {}
  ~HandlerSlot() {
    if (running_ != nullptr) running_->fetch_sub(1, std::memory_order_relaxed);
  }
  HandlerSlot(HandlerSlot&&) = default;
  HandlerSlot& operator=(HandlerSlot&&) = delete;

 private:
  std::shared_ptr<std::atomic<std::size_t>> running_;
};

struct Connection::Impl : Burst::Work {
  Impl(Connection& self_in, std::unique_ptr<Stream> stream_in,
       std::shared_ptr<const Dispatcher> handlers, TimeSource& time_in, ConnectionLimits limits_in);

  // The coroutines.
  asio::awaitable<error_code> read();
  static asio::awaitable<void> write(std::shared_ptr<Connection> connection);
  static asio::awaitable<void> watch(std::shared_ptr<Connection> connection);
  asio::awaitable<error_code> write_out();
  void note_unsendable(std::span<const asio::const_buffer> buffers, std::size_t sent) const;
  void send_soon();
  void run_in_turn(const asio::any_io_executor& executor) override;
  void post_turn(const asio::any_io_executor& executor) override;
  void send_queued();
  bool begin_write();
  void write_ended(error_code problem);

  // Ends the connection: the first reason counts.
  void end(error_code reason);
  // Breaks the cycles of ownership when the execution context goes away under the connection.
  void abandon() noexcept;
  void close_after(std::uint64_t offset);
  void close_if_done();
  // What ends the connection next unless something happens, and when.
  class Limit {
   public:
    Limit(Instant at_in, RemotingErrc reason_in) : at(at_in), reason(reason_in) {}
    Instant at;
    RemotingErrc reason;
  };
  [[nodiscard]] Limit next_limit() const noexcept;
  [[nodiscard]] bool may_stay_idle() const;
  void note_unfinished_frame();
  // Before more is read: whether there is room for it. False: the connection has to close.
  [[nodiscard]] bool has_room_for_frame();
  asio::awaitable<void> wait_for_room();

  // Serving.
  error_code serve_burst(Request& request);
  error_code serve_frames(Request& request);
  // Answers, and tells the observer how long it took since the time before (in a burst).
  void finish(const RequestIdentity& request, Reply&& reply);
  void note(const RequestIdentity& request, const Reply& reply, Instant begin, Instant end);
  void serve(Request& request);
  void serve_handling(const Dispatcher::Entry& entry, Request& request);
  void serve_async(const Dispatcher::Entry& entry, Request& request);
  static asio::awaitable<void> run_handler(std::shared_ptr<Connection> connection,
                                           const AsyncHandler& handler, Request request,
                                           HandlerSlot slot);
  void handler_ended(std::size_t body_size);
  [[nodiscard]] bool is_observed() const noexcept;
  void answer_pending(const RequestIdentity& request, Reply&& reply, Instant begin,
                      std::size_t body_size);
  // Sends it; the reply may be taken from.
  void answer(const RequestIdentity& to, Reply&& reply);
  [[nodiscard]] bool is_behind() const noexcept;
  // Whether reading has to wait for handlers or for the writer.
  bool must_pause() noexcept;
  void resume_if_below_half();

  // Sending. enqueue returns false when the frame is too large; nothing is queued then.
  bool enqueue(const RemotingCommand& command);
  void enqueue_or_replace(const RemotingCommand& command);
  void take_inbox();
  [[nodiscard]] std::size_t unsent() const noexcept { return queued.size() + writing.size(); }
  // While the peer takes less than it is sent, all that waits for it is counted.
  void count_unsent();

  // Own requests.
  // `request` becomes the answer, unless the peer goes away and the request may be sent elsewhere.
  Task<bool> exchange(RemotingCommand& request, Instant deadline, bool elsewhere);
  void start(PendingRequest& request);
  void launch(PendingRequest& request);
  void launch_queued();
  [[nodiscard]] bool has_room() const noexcept;
  void match_answer(RemotingCommand& answer);
  void expire(Instant now);
  void watch_deadline(Instant deadline);
  void fail_requests();
  // No more requests for the peer: those that it has are waited for, then the connection closes.
  void leave();
  void close_if_left();

  Connection& self;
  std::unique_ptr<Stream> stream;
  std::shared_ptr<const Dispatcher> handlers;
  TimeSource& time;
  const ConnectionLimits limits;

  std::atomic<bool> open{true};
  error_code end_reason;
  bool draining = false;                      // no more requests are taken
  bool refusing = false;                      // they are answered with GO_AWAY
  bool leaving = false;                       // it gets no more requests, see leave()
  std::int32_t peer_version = 0;              // of its last request
  std::optional<std::uint64_t> close_offset;  // to be closed when so many bytes are written

  FrameBuffer input;
  FrameMemory::Part frame_memory;
  Instant request_began{};  // of the burst, or the end of the request before; for the observer
  bool in_burst = false;    // the reader serves frames; it sends afterwards what has been queued
  bool paused = false;
  bool has_more_frames = false;  // the last burst ended with a pause, before what had been read
  Event may_read;
  std::size_t running_handlers = 0;
  std::size_t running_bytes = 0;  // of the bodies that handlers are at work on
  TaskGroup handler_tasks;
  std::size_t pending_replies = 0;
  std::atomic<std::size_t> answers_due{0};  // of these: something will be sent without further ado
  bool is_pending = false;                  // the reply to the request that is being served
  Event replies_ended;

  Outbox queued;
  Outbox writing;
  UnsentMemory::Part unsent_memory;
  std::uint64_t queued_total = 0;  // bytes ever queued
  std::uint64_t begun_total = 0;   // bytes ever given to the stream
  bool send_is_due = false;        // it is posted, or put off to the end of a burst

  Turns turns;
  PendingRequests requests;
  bool launching = false;  // launch_queued() is at work
  Timer watch_timer;
  Instant watch_until{};  // what watch_timer waits for
  Instant last_activity;
  Instant last_read = Instant::min();
  std::optional<Instant> write_began;  // the write in progress
  std::optional<Instant> frame_began;  // the frame that has not come whole
  TaskGroup tasks;                     // the watch, and the writer while there is one

  // What other threads have sent; they post one take_inbox() for all of it.
  std::mutex inbox_mutex;
  std::vector<RemotingCommand> inbox;
};

}  // namespace comet::inline v0_1::remoting

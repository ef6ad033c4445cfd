#include "comet/remoting/connection.hpp"

#include <algorithm>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "comet/base/log.hpp"
#include "comet/base/task_asio.hpp"
#include "connection_impl.hpp"

namespace comet::inline v0_1::remoting {
namespace {

// One write call must make its way within the stall limit, also to slow peers: 8 KiB/s.
constexpr std::size_t kMaxWrite = 256u << 10;
// Others have their turn after it, however much a peer sends at a time.
constexpr std::size_t kMaxRead = 256u << 10;

// How many buffers one call takes.
std::size_t fitting(std::span<const asio::const_buffer> buffers) noexcept {
  std::size_t count = 1;
  std::size_t size = buffers[0].size();
  while (count < buffers.size() && size + buffers[count].size() <= kMaxWrite) {
    size += buffers[count++].size();
  }
  return count;
}

std::uint64_t next_connection_id() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

Instant add(Instant from, Duration duration) noexcept {
  return duration < Instant::max() - from ? from + duration : Instant::max();
}

bool is_peers_fault(error_code reason) noexcept {
  return reason == RemotingErrc::frame_too_large || reason == RemotingErrc::bad_frame ||
         reason == RemotingErrc::bad_header || reason == RemotingErrc::write_stalled ||
         reason == RemotingErrc::frame_stalled || reason == RemotingErrc::frame_given_up ||
         reason == RemotingErrc::header_too_large;
}

}  // namespace

Connection::Impl::Impl(Connection& self_in, std::unique_ptr<Stream> stream_in,
                       std::shared_ptr<const Dispatcher> handlers_in, TimeSource& time_in,
                       ConnectionLimits limits_in)
    : self(self_in),
      stream(std::move(stream_in)),
      handlers(std::move(handlers_in)),
      time(time_in),
      limits(limits_in),
      input(limits_in.max_frame),
      frame_memory(limits_in.frames),
      may_read(stream->executor(), time_in),
      handler_tasks(stream->executor(), time_in),
      replies_ended(stream->executor(), time_in),
      unsent_memory(limits_in.unsent),
      turns(stream->executor()),
      watch_timer(stream->executor(), time_in),
      last_activity(time_in.now()),
      tasks(stream->executor(), time_in) {}

asio::awaitable<error_code> Connection::Impl::read() {
  Request request(RemotingCommand(), self.shared_from_this());
  while (open) {
    error_code problem = serve_burst(request);
    if (problem) co_return problem;
    if (must_pause()) {
      frame_began.reset();  // it is we who make it wait
      co_await may_read.wait();
      continue;
    }
    if (has_more_frames) {  // what the end of the burst did has ended the pause
      co_await asio::post(stream->executor(), asio::use_awaitable);
      continue;
    }
    note_unfinished_frame();
    if (frame_memory.is_counted() && !has_room_for_frame()) {
      co_await wait_for_room();
      continue;
    }
    std::span<char> space = input.space();
    space = space.first(std::min(space.size(), frame_memory.fair_read(kMaxRead)));
    if (answers_due.load(std::memory_order_relaxed) != 0) stream->promise_write();
    IoResult result = co_await stream->read_some(asio::buffer(space.data(), space.size()));
    if (result.error) co_return result.error;
    last_activity = last_read = time.now();
    input.commit(result.size);
  }
  co_return end_reason;
}

// All goes out at the end of the burst, or else after what the executor is doing now: with one
// system call for everything that is queued, without waiting for the socket. Only when that does
// not take it all a coroutine is started to wait.
void Connection::Impl::send_soon() {
  if (in_burst || send_is_due) return;
  send_is_due = true;
  std::shared_ptr<Burst::Work> work(self.shared_from_this(), this);
  if (!Burst::put_off(self.executor_, std::move(work))) post_turn(self.executor_);
}

void Connection::Impl::run_in_turn(const asio::any_io_executor& /*executor*/) {
  send_is_due = false;
  send_queued();
}

void Connection::Impl::post_turn(const asio::any_io_executor& executor) {
  asio::post(executor, [connection = self.shared_from_this(), executor] {
    connection->impl_->run_in_turn(executor);
  });
}

void Connection::Impl::send_queued() {
  if (!open || !writing.empty() || !begin_write()) return;
  const std::size_t sent = stream->try_write(writing.buffers());
  if (sent != 0) last_activity = time.now();
  writing.skip(sent);
  if (writing.empty()) return write_ended({});
  tasks.spawn("conn writer", write(self.shared_from_this()));
}

asio::awaitable<void> Connection::Impl::write(std::shared_ptr<Connection> connection) {
  Impl& impl = *connection->impl_;
  do {
    impl.count_unsent();
    error_code problem = co_await impl.write_out();
    impl.write_ended(problem);
  } while (impl.open && impl.begin_write());
}

bool Connection::Impl::begin_write() {
  if (queued.empty()) return false;
  std::swap(queued, writing);
  begun_total = queued_total;
  return true;
}

void Connection::Impl::count_unsent() {
  if (unsent_memory.is_counted() && open) unsent_memory.resize(unsent());
}

void Connection::Impl::write_ended(error_code problem) {
  writing.clear();
  unsent_memory.release();
  if (problem) end(problem);
  if (close_offset && begun_total >= *close_offset) end(asio::error::operation_aborted);
  launch_queued();
  resume_if_below_half();
}

asio::awaitable<error_code> Connection::Impl::write_out() {
  std::span<const asio::const_buffer> buffers = writing.buffers();
  asio::const_buffer part;     // of a buffer that is too large for one call
  std::size_t part_begin = 0;  // what of it has been written
  while (!buffers.empty()) {
    std::span<const asio::const_buffer> next(&part, 1);
    if (part_begin != 0 || buffers[0].size() > kMaxWrite) {
      part = asio::buffer(buffers[0] + part_begin, kMaxWrite);
    } else {
      next = buffers.first(fitting(buffers));
    }
    write_began = time.now();
    watch_deadline(add(*write_began, limits.write_stall));
    IoResult result = co_await stream->write(next);
    write_began.reset();
    if (result.error) {
      if (result.error == boost::system::errc::bad_address) note_unsendable(next, result.size);
      co_return result.error;
    }
    last_activity = time.now();
    if (next.data() != &part) {
      buffers = buffers.subspan(next.size());
    } else if (part_begin += part.size(); part_begin == buffers[0].size()) {
      buffers = buffers.subspan(1);
      part_begin = 0;
    }
  }
  co_return error_code();
}

// What was to be sent could not be read, and a part of its frame is out: there is no way on.
void Connection::Impl::note_unsendable(std::span<const asio::const_buffer> buffers,
                                       std::size_t sent) const {
  while (!buffers.empty() && buffers[0].size() <= sent) {
    sent -= buffers[0].size();
    buffers = buffers.subspan(1);
  }
  if (buffers.empty()) return;
  const std::string what =
      writing.note_unsendable(static_cast<const char*>(buffers[0].data()) + sent);
  log::warn("connection from {} closed in the middle of an answer: {} cannot be read",
            self.remote_.to_string(), what.empty() ? "what was to be sent" : what);
}

asio::awaitable<void> Connection::Impl::watch(std::shared_ptr<Connection> connection) {
  Impl& impl = *connection->impl_;
  while (impl.open) {
    const Instant now = impl.time.now();
    const Limit limit = impl.next_limit();
    if (now >= limit.at) {
      if (limit.reason == RemotingErrc::idle && impl.may_stay_idle()) {
        impl.last_activity = now;
        continue;
      }
      impl.end(limit.reason);
      co_return;
    }
    impl.expire(now);
    if (!impl.open) co_return;  // closed by one whose deadline that was
    const PendingRequest* next = impl.requests.earliest();
    impl.watch_until = next == nullptr ? limit.at : std::min(limit.at, next->deadline);
    co_await impl.watch_timer.wait_until(impl.watch_until);
  }
}

bool Connection::Impl::may_stay_idle() const {
  return limits.stays_though_idle && limits.stays_though_idle(self.remote_);
}

Connection::Impl::Limit Connection::Impl::next_limit() const noexcept {
  Limit next(add(last_activity, limits.idle), RemotingErrc::idle);
  auto consider = [&next](Instant at, RemotingErrc reason) {
    if (at <= next.at) next = Limit(at, reason);
  };
  if (write_began) consider(add(*write_began, limits.write_stall), RemotingErrc::write_stalled);
  if (frame_began) consider(add(*frame_began, limits.frame_stall), RemotingErrc::frame_stalled);
  return next;
}

// serve_frames() has forgotten the time of every frame that was complete.
void Connection::Impl::note_unfinished_frame() {
  if (input.pending() == 0 || frame_began) return;
  frame_began = time.now();
  watch_deadline(add(*frame_began, limits.frame_stall));
}

bool Connection::Impl::has_room_for_frame() {
  if (input.pending() == 0) {
    frame_memory.release();
    return true;
  }
  using Outcome = FrameMemory::Part::Outcome;
  const Outcome outcome = frame_memory.resize(input.size_with_space());
  if (outcome == Outcome::give_up) end(RemotingErrc::frame_given_up);
  return outcome == Outcome::granted;
}

// Another connection is being closed for it.
asio::awaitable<void> Connection::Impl::wait_for_room() {
  constexpr Duration kPause = std::chrono::milliseconds(5);
  if (open) co_await may_read.wait(time.now() + kPause);
}

void Connection::Impl::end(error_code reason) {
  if (!open.exchange(false)) return;
  end_reason = reason;
  stream->close();
  may_read.notify_all();
  watch_timer.cancel();
  fail_requests();
}

void Connection::Impl::abandon() noexcept {
  while (PendingRequest* request = requests.earliest()) {
    requests.remove(*request);
    request->waiter.abandon();
  }
}

void Connection::Impl::close_after(std::uint64_t offset) {
  draining = true;
  close_offset = offset;
  // What is being written has begun but not ended.
  if (begun_total >= offset && writing.empty()) end(asio::error::operation_aborted);
}

void Connection::Impl::close_if_done() {
  if (draining && !close_offset && running_handlers == 0) close_after(queued_total);
}

Connection::Connection(std::unique_ptr<Stream> stream, std::shared_ptr<const Dispatcher> handlers,
                       TimeSource& time, ConnectionLimits limits)
    : executor_(stream->executor()),
      remote_(stream->remote()),
      local_(stream->local()),
      id_(next_connection_id()) {
  impl_ = std::make_unique<Impl>(*this, std::move(stream), std::move(handlers), time, limits);
}

Connection::~Connection() = default;

asio::awaitable<error_code> Connection::run() {
  struct AbandonAtExit {
    std::shared_ptr<Connection> connection;
    ~AbandonAtExit() { connection->impl_->abandon(); }
  };
  const AbandonAtExit self{shared_from_this()};
  Impl& impl = *impl_;
  if (impl.frame_memory.is_counted()) {
    impl.frame_memory.on_give_up([weak = weak_from_this()](std::size_t /*bytes*/) {
      if (const auto connection = weak.lock()) connection->give_up_frame();
    });
  }
  if (impl.unsent_memory.is_counted()) {
    impl.unsent_memory.on_give_up([weak = weak_from_this()](std::size_t bytes) {
      if (const auto connection = weak.lock()) connection->give_up_answers(bytes);
    });
  }
  impl.tasks.spawn("conn watch", Impl::watch(shared_from_this()));
  error_code reason = asio::error::operation_aborted;
  try {
    reason = co_await impl.read();
  } catch (const boost::system::system_error& problem) {
    reason = problem.code();
  }
  impl.end(reason);
  impl.input.clear();
  impl.frame_memory.release();
  if (is_peers_fault(impl.end_reason)) {
    log::info("connection from {} closed: {}", remote_.to_string(), impl.end_reason.message());
  }
  // When this coroutine has been cancelled, it still has to wait for the others.
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  co_await impl.tasks.join();
  impl.queued.clear();
  impl.unsent_memory.release();
  co_await asio::this_coro::reset_cancellation_state();
  co_return impl.end_reason;
}

void Connection::send(RemotingCommand command) {
  if (!is_open()) return;
  if (!command.is_response()) command.opaque = next_opaque();
  if (is_running_here(executor_)) return impl_->enqueue_or_replace(command);
  bool is_first = false;
  {
    std::lock_guard lock(impl_->inbox_mutex);
    is_first = impl_->inbox.empty();
    impl_->inbox.push_back(std::move(command));
  }
  if (is_first) asio::post(executor_, [self = shared_from_this()] { self->impl_->take_inbox(); });
}

void Connection::close() {
  if (is_running_here(executor_)) return impl_->end(asio::error::operation_aborted);
  asio::post(executor_,
             [self = shared_from_this()] { self->impl_->end(asio::error::operation_aborted); });
}

void Connection::close_here() { impl_->end(asio::error::operation_aborted); }

void Connection::give_up_frame() {
  asio::post(executor_,
             [self = shared_from_this()] { self->impl_->end(RemotingErrc::frame_given_up); });
}

void Connection::give_up_answers(std::size_t bytes) {
  auto give_up = [self = shared_from_this(), bytes] {
    if (!self->is_open()) return;
    const error_code reason = RemotingErrc::answers_given_up;
    log::warn("connection from {} closed with {} bytes that it has not taken: {}",
              self->remote_.to_string(), bytes, reason.message());
    self->impl_->end(reason);
  };
  asio::post(executor_, std::move(give_up));
}

void Connection::close_when_sent() {
  // After what other threads have sent before.
  asio::post(executor_,
             [self = shared_from_this()] { self->impl_->close_after(self->impl_->queued_total); });
}

void Connection::close_when_done() {
  asio::post(executor_, [self = shared_from_this()] {
    self->impl_->draining = true;
    self->impl_->refusing = true;
    self->impl_->close_if_done();
  });
}

void Connection::refuse_requests() {
  asio::post(executor_, [self = shared_from_this()] { self->impl_->refusing = true; });
}

bool Connection::peer_knows_go_away() const noexcept {
  return impl_->peer_version > kVersionV5_3_1;
}

bool Connection::sends_pages() const noexcept { return impl_->stream->sends_pages(); }

bool Connection::takes_requests() const noexcept { return impl_->open && !impl_->leaving; }

bool Connection::is_open() const noexcept { return impl_->open; }

asio::awaitable<RemotingCommand> Connection::invoke(RemotingCommand request, Instant deadline) {
  (void)co_await to_asio(executor_, exchange(request, deadline, false));
  co_return std::move(request);
}

Task<bool> Connection::exchange(RemotingCommand& command, Instant deadline, bool elsewhere) {
  command.flag &= ~(RemotingCommand::kResponseFlag | RemotingCommand::kOnewayFlag);
  return impl_->exchange(command, deadline, elsewhere);
}

Task<bool> Connection::send_oneway(RemotingCommand& command, Instant deadline) {
  command.flag &= ~RemotingCommand::kResponseFlag;
  command.mark_oneway();
  return impl_->exchange(command, deadline, false);
}

asio::awaitable<void> Connection::invoke_oneway(RemotingCommand request, Instant deadline) {
  (void)co_await to_asio(executor_, send_oneway(request, deadline));
}

asio::awaitable<void> Connection::handlers_ended() {
  const std::shared_ptr<Connection> self = shared_from_this();
  co_await impl_->handler_tasks.join();
  while (impl_->pending_replies != 0) co_await impl_->replies_ended.wait();
}

void Connection::cancel_handlers() { impl_->handler_tasks.cancel(); }

}  // namespace comet::inline v0_1::remoting

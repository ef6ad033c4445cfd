#include <atomic>
#include <boost/asio/error.hpp>
#include <utility>

#include "connection_impl.hpp"
#include "describe.hpp"

namespace comet::inline v0_1::remoting {

using State = PendingRequest::State;

// One counter for the process, as Java's clients have it.
std::int32_t next_opaque() noexcept {
  static std::atomic<std::uint32_t> next{0};
  return static_cast<std::int32_t>(next.fetch_add(1, std::memory_order_relaxed));
}

Task<bool> Connection::Impl::exchange(RemotingCommand& request, Instant deadline, bool elsewhere) {
  const std::shared_ptr<Connection> keep_alive = self.shared_from_this();
  const std::int32_t code = request.code;
  request.on_its_way = false;
  PendingRequest pending(requests, std::move(request), deadline, turns, elsewhere);
  start(pending);
  if (pending.state() != State::done) {
    error_code cancelled = co_await pending.waiter.wait();
    if (cancelled) {
      pending.error = cancelled;
      requests.remove(pending);
      launch_queued();
      close_if_left();
    }
  }
  const bool has_answer = pending.error != RemotingErrc::going_away;
  request = std::move(pending.command);  // also one that has failed: it says how far it came
  if (pending.error && has_answer) {
    throw Error(pending.error, describe_send(code, self.remote_.to_string()));
  }
  co_return has_answer;
}

void Connection::Impl::start(PendingRequest& request) {
  if (!open) return requests.finish(request, RemotingErrc::not_sent);
  if (leaving) {
    return requests.finish(request,
                           request.elsewhere ? RemotingErrc::going_away : RemotingErrc::not_sent);
  }
  request.began = time.now();
  if (request.began >= request.deadline) return requests.finish(request, RemotingErrc::timed_out);
  if (has_room() && requests.first_queued() == nullptr) return launch(request);
  requests.queue(request);
  watch_deadline(request.deadline);
}

bool Connection::Impl::has_room() const noexcept {
  return requests.in_flight() < limits.max_in_flight && unsent() <= limits.max_unsent;
}

void Connection::Impl::launch(PendingRequest& request) {
  RemotingCommand& command = request.command;
  do {
    command.opaque = next_opaque();
  } while (requests.find(command.opaque) != nullptr);
  request.frame_begin = queued_total;
  // First: enqueue() may write at once, which may make room for others or end the connection.
  requests.sent(request);
  if (!enqueue(command)) return requests.finish(request, RemotingErrc::frame_too_large);
  if (request.state() == State::done) return;  // the connection has ended
  command.on_its_way = true;
  if (!request.elsewhere) command.body = Body();  // the outbox has it
  if (command.is_oneway()) return requests.finish(request, {});
  watch_deadline(request.deadline);
}

void Connection::Impl::launch_queued() {
  if (launching) return;  // set off by a launch: the loop below goes on
  class Launching {
   public:
    explicit Launching(bool& flag) : flag_(flag) { flag_ = true; }
    ~Launching() { flag_ = false; }  // also when there is no memory for a frame
    Launching(const Launching&) = delete;
    Launching& operator=(const Launching&) = delete;

   private:
    bool& flag_;
  };
  const Launching now(launching);
  while (open && has_room()) {
    PendingRequest* next = requests.first_queued();
    if (next == nullptr) return;
    launch(*next);
  }
}

// The request gets the answer's content, the answer the request's memory.
void Connection::Impl::match_answer(RemotingCommand& answer) {
  PendingRequest* request = requests.find(answer.opaque);
  if (request == nullptr) return;  // nobody waits for it any more
  const bool goes_away = answer.response_code() == ResponseCode::go_away;
  if (goes_away && request->elsewhere) {
    request->command.on_its_way = false;  // it came back
    requests.finish(*request, RemotingErrc::going_away);
  } else {
    std::swap(request->command, answer);
    requests.finish(*request, {});
  }
  if (goes_away) leave();
  launch_queued();
  close_if_left();
}

void Connection::Impl::leave() {
  leaving = true;
  while (PendingRequest* request = requests.first_queued()) {
    requests.finish(*request,
                    request->elsewhere ? RemotingErrc::going_away : RemotingErrc::not_sent);
  }
}

void Connection::Impl::close_if_left() {
  if (leaving && !close_offset && requests.in_flight() == 0) close_after(queued_total);
}

void Connection::Impl::watch_deadline(Instant deadline) {
  if (deadline >= watch_until) return;
  watch_until = deadline;
  watch_timer.cancel();
}

void Connection::Impl::expire(Instant now) {
  bool silent = false;
  for (;;) {
    PendingRequest* request = requests.earliest();
    if (request == nullptr || request->deadline > now) break;
    const bool was_sent = request->state() == State::sent;
    silent |= was_sent && last_read < request->began && now - request->began >= limits.silence;
    requests.finish(*request, was_sent ? RemotingErrc::timed_out : RemotingErrc::too_many_requests);
  }
  if (silent) leave();
  launch_queued();
  close_if_left();
}

void Connection::Impl::fail_requests() {
  while (PendingRequest* request = requests.earliest()) {
    const bool maybe_sent = request->state() == State::sent && request->frame_begin < begun_total;
    request->command.on_its_way = maybe_sent;
    requests.finish(*request, maybe_sent ? RemotingErrc::closed : RemotingErrc::not_sent);
  }
}

}  // namespace comet::inline v0_1::remoting

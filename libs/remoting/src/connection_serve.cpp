#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <exception>

#include "comet/base/log.hpp"
#include "comet/base/strand.hpp"
#include "comet/remoting/codec.hpp"
#include "comet/remoting/handling.hpp"
#include "connection_impl.hpp"
#include "spare_fields.hpp"

namespace comet::inline v0_1::remoting {
namespace {

// The two remarks are Apache's.
RemotingCommand overloaded(const RequestIdentity& request) {
  return request.response(ResponseCode::system_busy,
                          "[OVERLOAD]system busy, start flow control for a while");
}

RemotingCommand going_away(const RequestIdentity& request) {
  return request.response(ResponseCode::go_away, "please go away");
}

RemotingCommand not_supported(const RequestIdentity& request) {
  return request.response(ResponseCode::request_code_not_supported,
                          fmt::format(" request type {} not supported", request.code));
}

Reply call(const SyncHandler& handler, Request& request, const RequestIdentity& identity) {
  try {
    return handler(request);
  } catch (...) {
    return identity.response(ResponseCode::system_error, exception_text(std::current_exception()));
  }
}

// Of a burst's answers: more are written at once. As much may wait behind them.
constexpr std::size_t kAnswersTogether = 256u << 10;

// So many times the limit may be unsent: more says that the peer takes nothing.
constexpr std::size_t kMostOverLimit = 4;

}  // namespace

bool is_running_here(const asio::any_io_executor& executor) noexcept {
  if (const auto* strand = executor.target<Strand>()) return strand->running_in_this_thread();
  const auto* context = executor.target<asio::io_context::executor_type>();
  return context != nullptr && context->running_in_this_thread();
}

RemotingCommand RequestIdentity::response(ResponseCode answer_code, std::string remark) const {
  RemotingCommand request;
  request.opaque = opaque;
  request.serialize_type = serialize_type;
  return RemotingCommand::response(request, answer_code, std::move(remark));
}

void Dispatcher::on(RequestCode code, SyncHandler handler) {
  Entry& entry = handlers_[static_cast<std::int32_t>(code)];
  entry = Entry();
  entry.sync = std::move(handler);
}

void Dispatcher::on_async(RequestCode code, AsyncHandler handler, std::size_t max_concurrent) {
  Entry& entry = handlers_[static_cast<std::int32_t>(code)];
  entry = Entry();
  entry.async = std::move(handler);
  entry.max_concurrent = max_concurrent;
  if (max_concurrent != 0) entry.running = std::make_shared<std::atomic<std::size_t>>(0);
}

void Dispatcher::on_handling(RequestCode code, HandlingHandler handler,
                             std::size_t max_concurrent) {
  Entry& entry = handlers_[static_cast<std::int32_t>(code)];
  entry = Entry();
  entry.handling = std::move(handler);
  entry.max_concurrent = max_concurrent;
  if (max_concurrent != 0) entry.running = std::make_shared<std::atomic<std::size_t>>(0);
}

void Dispatcher::before(SyncHandler check) { check_ = std::move(check); }

void Dispatcher::otherwise(SyncHandler handler) { fallback_ = std::move(handler); }

void Dispatcher::observe(std::shared_ptr<RequestObserver> observer) {
  observer_ = std::move(observer);
}

error_code Connection::Impl::serve_burst(Request& request) {
  in_burst = true;
  if (handlers != nullptr && handlers->observer_) request_began = time.now();
  request.command.fields = take_spare_fields();
  error_code problem;
  {
    const Burst burst(self.executor_);  // what it puts off adds to the answers
    problem = serve_frames(request);
  }
  give_spare_fields(std::move(request.command.fields));
  in_burst = false;
  send_queued();
  return problem;
}

error_code Connection::Impl::serve_frames(Request& request) {
  has_more_frames = false;
  while (open) {
    if (must_pause()) {
      has_more_frames = true;
      break;
    }
    Result<FrameInfo> frame = input.next();
    if (!frame) return frame.error();
    if (!frame->complete) break;
    frame_began.reset();
    RemotingCommand& command = request.command;
    if (frame->header.size() > limits.max_header) return RemotingErrc::header_too_large;
    if (error_code problem = decode_header(frame->type, frame->header, command)) return problem;
    command.body = Body(input.share(frame->body));
    if (command.is_response()) {
      match_answer(command);
    } else {
      peer_version = command.version;
      if (refusing && self.peer_knows_go_away()) {
        const RequestIdentity identity(command);
        finish(identity, going_away(identity));
      } else if (!draining) {
        serve(request);
      }
    }
    // Whatever the handler took: the input's memory is to be free, the next request complete.
    command.body = Body();
    if (request.connection == nullptr) request.connection = self.shared_from_this();
  }
  return {};
}

void Connection::Impl::serve(Request& request) {
  const Dispatcher::Entry* entry = nullptr;
  const SyncHandler* handler = nullptr;
  if (handlers != nullptr) {
    auto found = handlers->handlers_.find(request.command.code);
    if (found != handlers->handlers_.end()) entry = &found->second;
    if (handlers->check_) {
      RequestIdentity identity(request.command);
      if (Reply refusal = call(handlers->check_, request, identity)) {
        identity.is_oneway = request.command.is_oneway();
        return finish(identity, std::move(refusal));
      }
    }
    if (entry != nullptr && entry->handling) return serve_handling(*entry, request);
    if (entry != nullptr && entry->async) return serve_async(*entry, request);
    handler = entry != nullptr ? &entry->sync : &handlers->fallback_;
  }
  const RequestIdentity identity(request.command);
  if (handler == nullptr || !*handler) return finish(identity, not_supported(identity));
  finish(identity, call(*handler, request, identity));
}

void Connection::Impl::serve_handling(const Dispatcher::Entry& entry, Request& request) {
  const RequestIdentity identity(request.command);
  std::optional<HandlerSlot> slot;
  if (entry.running != nullptr) {
    const bool is_full =
        entry.running->fetch_add(1, std::memory_order_relaxed) >= entry.max_concurrent;
    slot.emplace(entry.running);
    if (is_full) return finish(identity, overloaded(identity));
  }
  try {
    Handling handling = entry.handling(std::move(request));
    finish(identity, slot ? handling.begun(std::move(*slot)) : handling.begun());
  } catch (...) {  // there was no memory for it
    finish(identity,
           identity.response(ResponseCode::system_error, exception_text(std::current_exception())));
  }
  request.command.fields = take_spare_fields();  // NOLINT(bugprone-use-after-move): nothing else
}

void Connection::Impl::finish(const RequestIdentity& request, Reply&& reply) {
  if (std::exchange(is_pending, false) && !reply) return;
  if (is_observed()) {
    const Instant now = time.now();
    note(request, reply, request_began, now);
    request_began = now;
  }
  answer(request, std::move(reply));
}

bool Connection::Impl::is_observed() const noexcept {
  return handlers != nullptr && handlers->observer_ != nullptr;
}

void Connection::Impl::note(const RequestIdentity& request, const Reply& reply, Instant begin,
                            Instant end) {
  handlers->observer_->on_request(request, reply ? &*reply : nullptr, end - begin);
}

void Connection::Impl::serve_async(const Dispatcher::Entry& entry, Request& request) {
  std::shared_ptr<std::atomic<std::size_t>> running = entry.running;
  if (running != nullptr &&
      running->fetch_add(1, std::memory_order_relaxed) >= entry.max_concurrent) {
    running->fetch_sub(1, std::memory_order_relaxed);
    const RequestIdentity identity(request.command);
    return finish(identity, overloaded(identity));
  }
  HandlerSlot slot(std::move(running));
  ++running_handlers;
  running_bytes += request.command.memory_size();
  Request owned(std::move(request.command), request.connection);
  handler_tasks.spawn("handler", run_handler(self.shared_from_this(), entry.async, std::move(owned),
                                             std::move(slot)));
}

asio::awaitable<void> Connection::Impl::run_handler(std::shared_ptr<Connection> connection,
                                                    const AsyncHandler& handler, Request request,
                                                    [[maybe_unused]] HandlerSlot slot) {
  Impl& impl = *connection->impl_;
  const RequestIdentity identity(request.command);
  const std::size_t size = request.command.memory_size();
  const bool observed = impl.is_observed();
  const Instant begin = observed ? impl.time.now() : Instant();
  Reply reply;
  try {
    reply = co_await handler(std::move(request));
  } catch (...) {
    reply = identity.response(ResponseCode::system_error, exception_text(std::current_exception()));
  }
  if (observed) impl.note(identity, reply, begin, impl.time.now());
  impl.answer(identity, std::move(reply));
  impl.handler_ended(size);
}

PendingReply::PendingReply(const Request& request)
    : PendingReply(request, request.command.body.size()) {}

PendingReply::PendingReply(const Request& request, std::size_t bytes)
    : connection_(request.connection), request_(request.command), bytes_(bytes) {
  Connection::Impl& impl = *connection_->impl_;
  begin_ = impl.request_began;
  impl.is_pending = true;
  ++impl.pending_replies;
  if (request_.is_answered_soon()) impl.answers_due.fetch_add(1, std::memory_order_relaxed);
  ++impl.running_handlers;
  impl.running_bytes += bytes_;
}

void PendingReply::mark_held() noexcept {
  if (request_.is_answered_soon()) {
    connection_->impl_->answers_due.fetch_sub(1, std::memory_order_relaxed);
  }
  request_.is_held = true;
}

void PendingReply::answer(Reply reply) {
  if (connection_ == nullptr) return;
  std::shared_ptr<Connection> connection = std::move(connection_);
  if (is_running_here(connection->executor_)) {
    connection->impl_->answer_pending(request_, std::move(reply), begin_, bytes_);
    return;
  }
  const asio::any_io_executor executor = connection->executor_;
  asio::post(executor, [connection = std::move(connection), request = request_, begin = begin_,
                        size = bytes_, reply = std::move(reply)]() mutable {
    connection->impl_->answer_pending(request, std::move(reply), begin, size);
  });
}

void Connection::Impl::answer_pending(const RequestIdentity& request, Reply&& reply, Instant begin,
                                      std::size_t body_size) {
  if (is_observed()) note(request, reply, begin, time.now());
  answer(request, std::move(reply));
  if (request.is_answered_soon()) answers_due.fetch_sub(1, std::memory_order_relaxed);
  if (--pending_replies == 0) replies_ended.notify_all();
  handler_ended(body_size);
}

void Connection::Impl::handler_ended(std::size_t body_size) {
  --running_handlers;
  running_bytes -= body_size;
  close_if_done();
  resume_if_below_half();
}

void Connection::Impl::answer(const RequestIdentity& to, Reply&& reply) {
  if (!reply || to.is_oneway) return;
  reply->opaque = to.opaque;
  reply->flag |= RemotingCommand::kResponseFlag;
  enqueue_or_replace(*reply);
}

// Where unsent answers are counted, no more are made for a peer that does not take those it has.
bool Connection::Impl::is_behind() const noexcept {
  return unsent_memory.is_counted() && !writing.empty() && queued.size() > kAnswersTogether;
}

bool Connection::Impl::must_pause() noexcept {
  paused = paused || is_behind() || unsent() > limits.max_unsent ||
           running_handlers > limits.max_handlers || running_bytes > limits.max_handler_bytes;
  return paused;
}

void Connection::Impl::resume_if_below_half() {
  if (!paused || unsent() > limits.max_unsent / 2 || running_handlers > limits.max_handlers / 2 ||
      running_bytes > limits.max_handler_bytes / 2) {
    return;
  }
  paused = false;
  may_read.notify_all();
}

bool Connection::Impl::enqueue(const RemotingCommand& command) {
  if (command.body.pages() && !stream->sends_pages()) {
    RemotingCommand copied = command;
    copied.body = Body(command.body.to_string());
    return enqueue(copied);
  }
  const std::size_t size = queued.append(command, limits.max_frame);
  queued_total += size;
  if (!writing.empty()) {
    count_unsent();
  } else if (in_burst && unsent_memory.is_counted() && queued.size() > kAnswersTogether) {
    send_queued();
  }
  send_soon();
  return size != 0;
}

// Sends what somebody has handed over and does not wait for.
void Connection::Impl::enqueue_or_replace(const RemotingCommand& command) {
  if (!open) return;
  if (unsent() / kMostOverLimit > limits.max_unsent) return end(RemotingErrc::write_stalled);
  if (enqueue(command)) return;
  log::warn("command {} for {} exceeds the frame limit of {} bytes", command.code,
            self.remote_.to_string(), limits.max_frame);
  if (!command.is_response()) return;
  enqueue(RemotingCommand::response(
      command, ResponseCode::system_error,
      fmt::format("the answer exceeds the frame limit of {} bytes", limits.max_frame)));
}

void Connection::Impl::take_inbox() {
  std::vector<RemotingCommand> commands;
  {
    std::lock_guard lock(inbox_mutex);
    commands.swap(inbox);
  }
  for (const RemotingCommand& command : commands) enqueue_or_replace(command);
}

}  // namespace comet::inline v0_1::remoting

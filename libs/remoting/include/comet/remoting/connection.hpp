#pragma once
// One connection between two RocketMQ peers, used by servers and clients alike: requests and
// responses travel both ways over it and are matched by their opaque numbers.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "comet/base/awaitable.hpp"
#include "comet/base/stream.hpp"
#include "comet/base/task.hpp"
#include "comet/remoting/command.hpp"
#include "comet/remoting/connection_limits.hpp"
#include "comet/remoting/errors.hpp"

namespace comet::inline v0_1::remoting {

class Connection;

// A request from the peer, as handlers get it.
class Request {
 public:
  Request(RemotingCommand command_in, std::shared_ptr<Connection> connection_in)
      : command(std::move(command_in)), connection(std::move(connection_in)) {}
  RemotingCommand command;
  std::shared_ptr<Connection> connection;
};

using Reply = std::optional<RemotingCommand>;
// Called on the connection's executor. The reply is sent unless the request is oneway; no reply
// (nullopt) means that none is due, or that it comes later: see PendingReply, and Connection::send.
// A handler that throws is answered with SYSTEM_ERROR and the exception's text; a reply that is
// greater than the frame limit is replaced by SYSTEM_ERROR, too.
using SyncHandler = std::function<Reply(Request&)>;
// The coroutine owns the request; other requests of the connection go on meanwhile. It runs to its
// end also when the connection is lost; see Connection::cancel_handlers.
using AsyncHandler = std::function<asio::awaitable<Reply>(Request)>;
class Handling;
// The same as an eager coroutine: see handling.hpp.
using HandlingHandler = std::function<Handling(Request&&)>;

// What a request's answer needs to know of it, when the request itself is gone.
class RequestIdentity {
 public:
  explicit RequestIdentity(const RemotingCommand& request) noexcept
      : code(request.code),
        opaque(request.opaque),
        is_oneway(request.is_oneway()),
        serialize_type(request.serialize_type) {}
  [[nodiscard]] RemotingCommand response(ResponseCode answer_code, std::string remark) const;

  [[nodiscard]] bool is_answered_soon() const noexcept { return !is_oneway && !is_held; }

  std::int32_t code;
  std::int32_t opaque;
  bool is_oneway;
  bool is_held = false;  // it waits for something to happen: its time says nothing of the server
  SerializeType serialize_type;
};

// The answer to a request that comes later, from a callback or from another thread: cheaper than a
// coroutine. A SyncHandler makes one of its request and returns no reply. Until the answer the
// request counts among the handlers of its connection, for ConnectionLimits::max_handlers and
// max_handler_bytes, and a graceful stop waits for it. Whoever ends without an answer sends none.
class PendingReply {
 public:
  // To be called while the handler runs.
  explicit PendingReply(const Request& request);
  // For whoever keeps more of the request than its body's size tells.
  PendingReply(const Request& request, std::size_t bytes);
  PendingReply(PendingReply&&) noexcept = default;
  PendingReply& operator=(PendingReply&&) = delete;
  ~PendingReply() { answer(std::nullopt); }

  [[nodiscard]] const RequestIdentity& request() const noexcept { return request_; }
  // See RequestIdentity::is_held. On any thread, by whoever has it; may be repeated.
  void mark_held() noexcept;
  // Thread-safe; the first one counts.
  void answer(Reply reply);

 private:
  std::shared_ptr<Connection> connection_;  // empty: answered
  RequestIdentity request_;
  Instant begin_{};
  std::size_t bytes_ = 0;
};

// Sees what becomes of a server's requests. Called on the connections' executors.
class RequestObserver {
 public:
  virtual ~RequestObserver() = default;
  // When the handler of a request has ended, with its answer if that was pending. `answer` is null
  // when there is none yet (or never, for oneway requests whose handler gives none); `took`
  // includes the decoding and, for asynchronous handlers, what they waited for.
  virtual void on_request(const RequestIdentity& request, const RemotingCommand* answer,
                          Duration took) noexcept = 0;
};

// Which handler serves which code. Filled before use, then shared by connections and not changed.
class Dispatcher {
 public:
  void on(RequestCode code, SyncHandler handler);
  // While `max_concurrent` handlers of this code run, over all connections, further requests are
  // answered with SYSTEM_BUSY at once; 0: no limit. So with on_handling().
  void on_async(RequestCode code, AsyncHandler handler, std::size_t max_concurrent = 0);
  void on_handling(RequestCode code, HandlingHandler handler, std::size_t max_concurrent = 0);
  // Sees every request before its handler; a reply refuses it, an exception too. A refused request
  // that the check has marked oneway gets no answer.
  void before(SyncHandler check);
  // For codes without a handler. Without one: REQUEST_CODE_NOT_SUPPORTED.
  void otherwise(SyncHandler handler);
  // Costs one reading of the clock for each request.
  void observe(std::shared_ptr<RequestObserver> observer);

 private:
  friend class Connection;
  struct Entry {
    SyncHandler sync;  // one of the three
    AsyncHandler async;
    HandlingHandler handling;
    std::size_t max_concurrent = 0;
    std::shared_ptr<std::atomic<std::size_t>> running;  // those that wait, when limited
  };
  std::unordered_map<std::int32_t, Entry> handlers_;
  SyncHandler check_;
  SyncHandler fallback_;
  std::shared_ptr<RequestObserver> observer_;
};

// Belongs to the stream's executor. Members marked thread-safe may be called from anywhere; all
// others only there. Kept alive by its own run() and by whoever holds a pointer.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::unique_ptr<Stream> stream, std::shared_ptr<const Dispatcher> handlers,
             TimeSource& time, ConnectionLimits limits);
  ~Connection();

  // Reads, dispatches and writes until the connection ends; requests in flight then fail, and the
  // reason is returned. Handlers may still be running: see handlers_ended(). Call once, right after
  // construction. Cancelling it closes the connection.
  [[nodiscard]] asio::awaitable<error_code> run();

  // Sends a request and waits for its answer, whatever its code. While max_in_flight requests await
  // their answers or more than max_unsent bytes wait to be written, it waits to be sent.
  // Throws Error: RemotingErrc::timed_out or too_many_requests (not sent) at the deadline, not_sent
  // or closed when the connection ends first, frame_too_large. Cancelling the caller forgets the
  // request; a late answer is dropped and the connection stays usable.
  [[nodiscard]] asio::awaitable<RemotingCommand> invoke(RemotingCommand request, Instant deadline);
  // Like invoke, for tasks and in place: `command` is the request and becomes the answer; after an
  // error it is the request still and says whether it was on its way. False when the peer says that
  // it is going away and has not done the request, which may be sent `elsewhere`: this connection
  // takes no more of them. Without that the peer's GO_AWAY is the answer. `command` must stay where
  // it is until then.
  [[nodiscard]] Task<bool> exchange(RemotingCommand& command, Instant deadline,
                                    bool elsewhere = true);
  // Sends a request that is not answered. Returns when it is queued; waits and throws as above.
  [[nodiscard]] asio::awaitable<void> invoke_oneway(RemotingCommand request, Instant deadline);
  // The same in place, for tasks.
  [[nodiscard]] Task<bool> send_oneway(RemotingCommand& command, Instant deadline);

  // Queues a command: an answer, or a request whose answer nobody awaits (marked oneway by the
  // caller). Thread-safe; silently dropped when the connection has ended.
  void send(RemotingCommand command);

  // Thread-safe. Closes at once; unsent bytes are lost.
  void close();
  // The same on the connection's executor, or where nothing else runs.
  void close_here();
  // Thread-safe. Closes at once: others need the memory of the frame that has not come whole.
  void give_up_frame();
  // Likewise, of the `bytes` that its peer has not taken; says so in the log.
  void give_up_answers(std::size_t bytes);
  // Thread-safe. Takes no more requests and closes after the bytes queued so far are written.
  void close_when_sent();
  // Thread-safe. Takes no more requests (see refuse_requests()) and closes when those in handlers
  // have been answered.
  void close_when_done();

  // Thread-safe. Answers further requests with GO_AWAY when the peer is of a version that knows it
  // (after 5.3.1), and serves those of others.
  void refuse_requests();
  // Whether the peer's last request came from such a version.
  [[nodiscard]] bool peer_knows_go_away() const noexcept;

  // Returns when no asynchronous handler of this connection runs and no reply is pending.
  [[nodiscard]] asio::awaitable<void> handlers_ended();
  // Asks running asynchronous handlers to end (Asio cancellation).
  void cancel_handlers();

  [[nodiscard]] bool is_open() const noexcept;  // thread-safe
  // Whether answers whose bodies are pages of files leave without a copy (Stream::sends_pages).
  // Thread-safe.
  [[nodiscard]] bool sends_pages() const noexcept;
  // Open, and the peer has not said that it is going away.
  [[nodiscard]] bool takes_requests() const noexcept;
  [[nodiscard]] std::uint64_t id() const noexcept { return id_; }  // unique in this process
  [[nodiscard]] const IpEndpoint& remote() const noexcept { return remote_; }
  [[nodiscard]] const IpEndpoint& local() const noexcept { return local_; }
  [[nodiscard]] asio::any_io_executor executor() const noexcept { return executor_; }

 private:
  friend class PendingReply;
  struct Impl;
  std::unique_ptr<Impl> impl_;
  asio::any_io_executor executor_;
  IpEndpoint remote_, local_;
  std::uint64_t id_;
};

}  // namespace comet::inline v0_1::remoting

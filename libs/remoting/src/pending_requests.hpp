#pragma once
// Requests that a connection has promised an answer: found by opaque, ordered by deadline.

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>

#include "comet/base/time.hpp"
#include "comet/base/waiter.hpp"
#include "comet/remoting/command.hpp"
#include "comet/remoting/errors.hpp"

namespace comet::inline v0_1::remoting {

class PendingRequests;

// One request, in the frame of the task that waits for its outcome. It leaves the table with
// its frame, however that ends.
class PendingRequest : public boost::intrusive::set_base_hook<>,
                       public boost::intrusive::list_base_hook<> {
 public:
  PendingRequest(PendingRequests& table, RemotingCommand command_in, Instant deadline_in,
                 const Turns& turns, bool elsewhere_in) noexcept
      : deadline(deadline_in),
        elsewhere(elsewhere_in),
        command(std::move(command_in)),
        waiter(turns),
        table_(table) {}
  ~PendingRequest();
  PendingRequest(const PendingRequest&) = delete;
  PendingRequest& operator=(const PendingRequest&) = delete;

  enum class State : std::uint8_t { queued, sent, done };

  const Instant deadline;
  const bool elsewhere;     // kept whole, to be sent elsewhere when the peer is going away
  RemotingCommand command;  // the request, then the answer
  Instant began{};
  std::uint64_t frame_begin = 0;  // where the request stands among all bytes of the connection
  error_code error;
  Waiter waiter;

  [[nodiscard]] State state() const noexcept { return state_; }

 private:
  friend class PendingRequests;
  struct ByDeadline {
    bool operator()(const PendingRequest& a, const PendingRequest& b) const noexcept {
      return a.deadline < b.deadline;
    }
  };

  PendingRequests& table_;
  State state_ = State::done;
};

// Each request is queued (for room in flight) or sent, and done at last.
class PendingRequests {
 public:
  PendingRequests() = default;
  PendingRequests(const PendingRequests&) = delete;
  PendingRequests& operator=(const PendingRequests&) = delete;

  void queue(PendingRequest& request);
  // From queued or from nowhere to sent, under the opaque of request.command.
  void sent(PendingRequest& request);
  // Ends the request and wakes who waits for it.
  void finish(PendingRequest& request, error_code error);
  // Ends the request without waking anybody.
  void remove(PendingRequest& request) noexcept;

  [[nodiscard]] PendingRequest* find(std::int32_t opaque) noexcept;
  [[nodiscard]] PendingRequest* first_queued() noexcept;
  [[nodiscard]] PendingRequest* earliest() noexcept;  // by deadline
  [[nodiscard]] std::size_t in_flight() const noexcept { return sent_.size(); }

 private:
  using ByDeadline =
      boost::intrusive::multiset<PendingRequest,
                                 boost::intrusive::compare<PendingRequest::ByDeadline>>;

  boost::unordered_flat_map<std::int32_t, PendingRequest*> sent_;
  boost::intrusive::list<PendingRequest> queued_;
  ByDeadline by_deadline_;
};

inline PendingRequest::~PendingRequest() { table_.remove(*this); }

}  // namespace comet::inline v0_1::remoting

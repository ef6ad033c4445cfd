#pragma once
// Pull requests that wait for a message (Apache: PullRequestHoldService). A request is looked at
// again as soon as a message that it wants arrives, and answered at the latest when its time is up.

#include <boost/asio/any_io_executor.hpp>
#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "comet/base/async.hpp"
#include "comet/base/timer.hpp"
#include "comet/remoting/connection.hpp"
#include "comet/store/message_store.hpp"
#include "subscription.hpp"

namespace comet::inline v0_1::broker {

// What a pull asks the store for; its texts are its own.
class PullQuestion {
 public:
  std::string group;
  std::int32_t queue_id = 0;
  std::int64_t offset = 0;
  store::ReadLimits limits;
  Subscription subscription;  // its topic is the question's
};

class HeldPull {
 public:
  HeldPull(const remoting::Request& request, PullQuestion question_in, Instant deadline_in)
      : reply(request),
        connection(request.connection),
        question(std::move(question_in)),
        deadline(deadline_in) {
    reply.mark_held();
  }
  remoting::PendingReply reply;
  std::shared_ptr<remoting::Connection> connection;
  PullQuestion question;
  Instant deadline;

 private:
  friend class PullHold;
  std::size_t bytes_ = 0;  // what it takes, estimated, while it is held
  boost::intrusive::list_member_hook<> of_queue_;
  boost::intrusive::list_member_hook<> of_connection_;
  boost::intrusive::set_member_hook<> by_deadline_;
};

// Thread-safe. Requests that are to be looked at again are handed to `resume`, each on its own
// connection's executor.
class PullHold {
 public:
  using Pull = std::unique_ptr<HeldPull>;

  PullHold(asio::any_io_executor executor, TimeSource& time, std::function<void(Pull)> resume);
  ~PullHold();

  // Beyond so many, or so many bytes, and after release_all(), a request is handed over at once.
  static constexpr std::size_t kMost = 200'000;
  static constexpr std::size_t kMostBytes = 512u << 20;  // expressions may be long

  void hold(Pull pull);
  // A message of that queue became readable.
  void on_arrival(const store::Arrival& arrival);
  // Looks again at every request of the queue whose offset is below `max_offset`.
  void wake(std::string_view topic, std::int32_t queue_id, std::int64_t max_offset);
  // Nobody is there any more to take the answers.
  void forget(std::uint64_t connection_id);
  // Hands over everything, for the stop.
  void release_all();
  // Resumes requests whose time is up; runs until it is cancelled.
  [[nodiscard]] asio::awaitable<void> run();

  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::size_t bytes() const;  // estimated

 private:
  struct Key {
    std::string topic;
    std::int32_t queue_id;
  };
  struct KeyView {
    std::string_view topic;
    std::int32_t queue_id;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(const auto& key) const noexcept {
      return std::hash<std::string_view>()(key.topic) * 31 + static_cast<std::size_t>(key.queue_id);
    }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const auto& a, const auto& b) const noexcept {
      return a.queue_id == b.queue_id && std::string_view(a.topic) == std::string_view(b.topic);
    }
  };
  struct Sooner {
    bool operator()(const HeldPull& a, const HeldPull& b) const noexcept {
      return a.deadline < b.deadline;
    }
  };
  using OfQueue = boost::intrusive::list<
      HeldPull, boost::intrusive::member_hook<HeldPull, boost::intrusive::list_member_hook<>,
                                              &HeldPull::of_queue_>>;
  using OfConnection = boost::intrusive::list<
      HeldPull, boost::intrusive::member_hook<HeldPull, boost::intrusive::list_member_hook<>,
                                              &HeldPull::of_connection_>>;
  using ByDeadline = boost::intrusive::multiset<
      HeldPull,
      boost::intrusive::member_hook<HeldPull, boost::intrusive::set_member_hook<>,
                                    &HeldPull::by_deadline_>,
      boost::intrusive::compare<Sooner>>;

  // Takes the pulls for which `wanted` holds; call without the lock held.
  template <class Condition>
  void resume_if(std::string_view topic, std::int32_t queue_id, Condition wanted);
  void resume_on_connection(Pull pull);
  Instant resume_expired();
  // All with the lock held. The lists own what they hold.
  void add(Pull pull);
  Pull take(HeldPull& pull);
  Pull take(HeldPull& pull, OfQueue& queue);

  asio::any_io_executor executor_;
  TimeSource& time_;
  std::function<void(Pull)> resume_;
  Timer timer_;
  mutable std::mutex mutex_;
  std::unordered_map<Key, OfQueue, Hash, Equal> queues_;
  std::unordered_map<std::uint64_t, OfConnection> connections_;
  ByDeadline by_deadline_;
  std::size_t bytes_ = 0;
  Instant timer_at_ = Instant::max();  // when run() looks again
  bool released_ = false;
};

}  // namespace comet::inline v0_1::broker

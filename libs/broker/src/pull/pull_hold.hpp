#pragma once
// Pull requests that wait for a message (Apache: PullRequestHoldService). A request is looked at
// again as soon as a message that it wants arrives, and answered at the latest when its time is up.

#include <array>
#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "clients/heartbeat.hpp"
#include "comet/base/async.hpp"
#include "comet/base/timer.hpp"
#include "comet/remoting/connection.hpp"
#include "comet/store/message_store.hpp"
#include "subscriptions/subscription.hpp"

namespace comet::inline v0_1::broker {

// What a pull asks the store for; its texts are its own.
class PullQuestion {
 public:
  std::string group;
  std::int32_t queue_id = 0;
  std::int64_t offset = 0;
  store::ReadLimits limits;
  Subscription subscription;     // its topic is the question's
  bool is_of_heartbeat = false;  // the subscription: else the pull has brought it
  bool is_outdated = false;      // the consumer wants something else by now
};

class HeldPull {
 public:
  HeldPull(const remoting::Request& request, PullQuestion question_in, Instant deadline_in)
      : reply(request),
        connection(request.connection),
        question(std::move(question_in)),
        deadline(deadline_in) {}
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
// connection's executor. However many wait for one queue, nobody's executor is kept busy with them
// for long: beyond kSlice they are looked through and handed over slice by slice, the next one when
// the executor has done the one before and what had come meanwhile.
class PullHold {
 public:
  using Pull = std::unique_ptr<HeldPull>;

  // Beyond so many, or so many bytes, and after release_all(), a request is handed over at once.
  PullHold(asio::any_io_executor executor, TimeSource& time, std::size_t most,
           std::size_t most_bytes, std::function<void(Pull)> resume);
  ~PullHold();

  static constexpr std::size_t kSlice = 256;

  void hold(Pull pull);
  // Whether any pull is held. One that begins to be held afterwards sees what could be read before:
  // the two are in one order for all threads. Costs an atomic operation.
  [[nodiscard]] bool has_pulls() const noexcept {
    return count_.fetch_add(0, std::memory_order_acq_rel) != 0;
  }
  // A message of that queue became readable.
  void on_arrival(const store::Arrival& arrival);
  // Looks again at every request of the queue whose offset is below `max_offset`.
  void wake(std::string_view topic, std::int32_t queue_id, std::int64_t max_offset);
  // Hands over those of the connection whose consumer, by its heartbeat, has come to want something
  // else; they are outdated. Looks at them only when the connection's wishes differ from those of
  // its heartbeat before.
  void renew(std::uint64_t connection_id, std::span<const ConsumerData> consumers);
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
      HeldPull,
      boost::intrusive::member_hook<HeldPull, boost::intrusive::list_member_hook<>,
                                    &HeldPull::of_queue_>,
      boost::intrusive::constant_time_size<false>>;
  using OfConnection = boost::intrusive::list<
      HeldPull, boost::intrusive::member_hook<HeldPull, boost::intrusive::list_member_hook<>,
                                              &HeldPull::of_connection_>>;
  using ByDeadline = boost::intrusive::multiset<
      HeldPull,
      boost::intrusive::member_hook<HeldPull, boost::intrusive::set_member_hook<>,
                                    &HeldPull::by_deadline_>,
      boost::intrusive::compare<Sooner>>;

  // Messages that have become readable: those of one queue since it was looked through last.
  class News {
   public:
    static News any(std::int64_t max_offset);  // all tags
    void add(const News& more);
    [[nodiscard]] bool is_for(const PullQuestion& question) const;

    [[nodiscard]] std::span<const std::int64_t> known_tags() const noexcept {
      return std::span(tags).first(tag_count);
    }

    std::int64_t max_offset = 0;          // behind the last one
    std::array<std::int64_t, 16> tags{};  // more than these are as good as all
    std::size_t tag_count = 0;
    bool all_tags = false;
  };
  // The pulls of one queue.
  struct Queue {
    OfQueue waiting;
    OfQueue to_check;       // those that have not been looked at for the present `news`
    std::size_t count = 0;  // of both
    News news;              // of the check that is under way
    News next_news;         // that came meanwhile
    bool is_checked = false;
    bool has_next_news = false;
    [[nodiscard]] bool is_empty() const noexcept { return count == 0; }
  };
  using Queues = std::unordered_map<Key, Queue, Hash, Equal>;

  void tell(std::string_view topic, std::int32_t queue_id, const News& news);
  void check_soon(const asio::any_io_executor& after, Key key);
  void check_slice(const Key& key);
  // With the lock held: the next ones that want the news.
  std::vector<Pull> take_wanted(Queue& queue);
  void resume_on_connection(Pull pull);
  Instant resume_expired();
  // All with the lock held. The lists own what they hold.
  void add(Pull pull);
  Pull take(HeldPull& pull);
  Pull take(HeldPull& pull, Queue& queue);

  asio::any_io_executor executor_;
  TimeSource& time_;
  const std::size_t most_;
  const std::size_t most_bytes_;
  std::function<void(Pull)> resume_;
  Timer timer_;
  mutable std::mutex mutex_;
  Queues queues_;
  std::unordered_map<std::uint64_t, OfConnection> connections_;
  // Of connections with held pulls: a hash of the wishes of the last heartbeat.
  std::unordered_map<std::uint64_t, std::size_t> wishes_of_;
  ByDeadline by_deadline_;
  mutable std::atomic<std::size_t> count_{0};  // of them
  std::size_t bytes_ = 0;
  Instant timer_at_ = Instant::max();  // when run() looks again
  bool released_ = false;
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);  // until the end of this
};

}  // namespace comet::inline v0_1::broker

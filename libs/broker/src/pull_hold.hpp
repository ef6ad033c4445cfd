#pragma once
// Pull requests that wait for a message (Apache: PullRequestHoldService). A request is looked at
// again as soon as a message that it wants arrives, and answered at the latest when its time is up.

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "comet/base/async.hpp"
#include "comet/remoting/connection.hpp"
#include "comet/store/message_store.hpp"
#include "subscription.hpp"

namespace comet::broker {

class HeldPull {
 public:
  HeldPull(remoting::Request request_in, Subscription subscription_in, std::int64_t offset_in,
           Instant deadline_in)
      : request(std::move(request_in)),
        subscription(std::move(subscription_in)),
        offset(offset_in),
        deadline(deadline_in) {}
  remoting::Request request;
  Subscription subscription;
  std::int64_t offset;
  Instant deadline;
};

// Thread-safe. Requests that are to be looked at again are handed to `resume`, each on its own
// connection's executor.
class PullHold {
 public:
  PullHold(asio::any_io_executor executor, TimeSource& time, std::function<void(HeldPull)> resume);

  void hold(std::string_view topic, std::int32_t queue_id, HeldPull pull);
  // A message of that queue became readable.
  void on_arrival(const store::Arrival& arrival);
  // Looks again at every request of the queue whose offset is below `max_offset`.
  void wake(std::string_view topic, std::int32_t queue_id, std::int64_t max_offset);
  // Hands over everything, for the stop.
  void release_all();
  // Resumes requests whose time is up; runs until it is cancelled.
  [[nodiscard]] asio::awaitable<void> run();

  [[nodiscard]] std::size_t size() const;

 private:
  struct Key {
    std::string topic;
    std::int32_t queue_id;
    bool operator==(const Key&) const = default;
  };
  struct KeyView {
    std::string_view topic;
    std::int32_t queue_id;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(const Key& key) const noexcept {
      return (*this)(KeyView{key.topic, key.queue_id});
    }
    std::size_t operator()(const KeyView& key) const noexcept {
      return std::hash<std::string_view>()(key.topic) * 31 + static_cast<std::size_t>(key.queue_id);
    }
  };
  struct Equal {
    using is_transparent = void;
    template <class A, class B>
    bool operator()(const A& a, const B& b) const noexcept {
      return a.queue_id == b.queue_id && std::string_view(a.topic) == std::string_view(b.topic);
    }
  };
  using Pulls = std::list<HeldPull>;

  // Takes the pulls for which `wanted` holds; call without the lock held.
  template <class Condition>
  void resume_if(std::string_view topic, std::int32_t queue_id, Condition wanted);
  void resume_on_connection(HeldPull pull);
  Instant resume_expired();

  asio::any_io_executor executor_;
  TimeSource& time_;
  std::function<void(HeldPull)> resume_;
  Timer timer_;
  mutable std::mutex mutex_;
  std::unordered_map<Key, Pulls, Hash, Equal> held_;
  Instant next_expiry_ = Instant::max();
};

}  // namespace comet::broker

#include "pull_hold.hpp"

#include <boost/asio/post.hpp>

namespace comet::broker {

PullHold::PullHold(asio::any_io_executor executor, TimeSource& time,
                   std::function<void(HeldPull)> resume)
    : executor_(std::move(executor)),
      time_(time),
      resume_(std::move(resume)),
      timer_(executor_, time) {}

void PullHold::hold(std::string_view topic, std::int32_t queue_id, HeldPull pull) {
  bool sooner = false;
  {
    std::lock_guard lock(mutex_);
    sooner = pull.deadline < next_expiry_;
    if (sooner) next_expiry_ = pull.deadline;
    auto found = held_.find(KeyView{topic, queue_id});
    if (found == held_.end()) found = held_.try_emplace(Key{std::string(topic), queue_id}).first;
    found->second.push_back(std::move(pull));
  }
  if (sooner) asio::post(executor_, [this] { timer_.cancel(); });
}

template <class Condition>
void PullHold::resume_if(std::string_view topic, std::int32_t queue_id, Condition wanted) {
  Pulls woken;
  {
    std::lock_guard lock(mutex_);
    auto found = held_.find(KeyView{topic, queue_id});
    if (found == held_.end()) return;
    for (auto pull = found->second.begin(); pull != found->second.end();) {
      auto next = std::next(pull);
      if (wanted(*pull)) woken.splice(woken.end(), found->second, pull);
      pull = next;
    }
    if (found->second.empty()) held_.erase(found);
  }
  for (HeldPull& pull : woken) resume_on_connection(std::move(pull));
}

void PullHold::on_arrival(const store::Arrival& arrival) {
  resume_if(arrival.topic, arrival.queue_id, [&arrival](const HeldPull& pull) {
    return arrival.queue_offset >= pull.offset && pull.subscription.matches(arrival.tags_code);
  });
}

void PullHold::wake(std::string_view topic, std::int32_t queue_id, std::int64_t max_offset) {
  resume_if(topic, queue_id,
            [max_offset](const HeldPull& pull) { return pull.offset < max_offset; });
}

void PullHold::release_all() {
  decltype(held_) all;
  {
    std::lock_guard lock(mutex_);
    all.swap(held_);
  }
  for (auto& [key, pulls] : all) {
    for (HeldPull& pull : pulls) resume_on_connection(std::move(pull));
  }
}

// Posted, not called: the messages that arrived together are then all there to be answered with.
void PullHold::resume_on_connection(HeldPull pull) {
  asio::any_io_executor executor = pull.request.connection->executor();
  asio::post(executor, [this, pull = std::move(pull)]() mutable { resume_(std::move(pull)); });
}

Instant PullHold::resume_expired() {
  Pulls expired;
  Instant next = Instant::max();
  {
    std::lock_guard lock(mutex_);
    const Instant now = time_.now();
    for (auto queue = held_.begin(); queue != held_.end();) {
      Pulls& pulls = queue->second;
      for (auto pull = pulls.begin(); pull != pulls.end();) {
        auto following = std::next(pull);
        if (pull->deadline <= now || !pull->request.connection->is_open()) {
          expired.splice(expired.end(), pulls, pull);
        } else {
          next = std::min(next, pull->deadline);
        }
        pull = following;
      }
      queue = pulls.empty() ? held_.erase(queue) : std::next(queue);
    }
    next_expiry_ = next;
  }
  for (HeldPull& pull : expired) resume_on_connection(std::move(pull));
  return next;
}

asio::awaitable<void> PullHold::run() {
  for (;;) {
    Instant next = resume_expired();
    co_await timer_.wait_until(next);
  }
}

std::size_t PullHold::size() const {
  std::lock_guard lock(mutex_);
  std::size_t count = 0;
  for (const auto& [key, pulls] : held_) count += pulls.size();
  return count;
}

}  // namespace comet::broker

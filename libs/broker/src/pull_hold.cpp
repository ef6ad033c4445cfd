#include "pull_hold.hpp"

#include <boost/asio/post.hpp>

namespace comet::inline v0_1::broker {
namespace {

constexpr std::size_t kHeldPullNodes = 200;  // of the tables, at most

}  // namespace

PullHold::PullHold(asio::any_io_executor executor, TimeSource& time,
                   std::function<void(Pull)> resume)
    : executor_(std::move(executor)),
      time_(time),
      resume_(std::move(resume)),
      timer_(executor_, time) {}

PullHold::~PullHold() {
  while (!by_deadline_.empty()) take(*by_deadline_.begin());
}

void PullHold::add(Pull pull) {
  HeldPull& held = *pull.release();
  bytes_ += held.bytes_;
  const PullQuestion& question = held.question;
  const KeyView key{question.subscription.topic, question.queue_id};
  auto queue = queues_.find(key);
  if (queue == queues_.end()) {
    queue = queues_.try_emplace(Key{std::string(key.topic), key.queue_id}).first;
  }
  queue->second.push_back(held);
  connections_[held.connection->id()].push_back(held);
  by_deadline_.insert(held);
}

PullHold::Pull PullHold::take(HeldPull& pull, OfQueue& queue) {
  bytes_ -= pull.bytes_;
  queue.erase(queue.iterator_to(pull));
  by_deadline_.erase(by_deadline_.iterator_to(pull));
  const auto connection = connections_.find(pull.connection->id());
  connection->second.erase(connection->second.iterator_to(pull));
  if (connection->second.empty()) connections_.erase(connection);
  return Pull(&pull);
}

PullHold::Pull PullHold::take(HeldPull& pull) {
  const PullQuestion& question = pull.question;
  const auto queue = queues_.find(KeyView{question.subscription.topic, question.queue_id});
  Pull taken = take(pull, queue->second);
  if (queue->second.empty()) queues_.erase(queue);
  return taken;
}

void PullHold::hold(Pull pull) {
  bool sooner = false;
  pull->bytes_ = sizeof(HeldPull) + kHeldPullNodes + pull->question.group.capacity() +
                 pull->question.subscription.memory_size();
  {
    const std::lock_guard lock(mutex_);
    if (!released_ && by_deadline_.size() < kMost && bytes_ + pull->bytes_ <= kMostBytes) {
      sooner = pull->deadline < timer_at_;
      if (sooner) timer_at_ = pull->deadline;
      add(std::move(pull));
    }
  }
  if (pull != nullptr) resume_on_connection(std::move(pull));
  if (sooner) asio::post(executor_, [this] { timer_.cancel(); });
}

template <class Condition>
void PullHold::resume_if(std::string_view topic, std::int32_t queue_id, Condition wanted) {
  std::vector<Pull> woken;
  {
    const std::lock_guard lock(mutex_);
    const auto queue = queues_.find(KeyView{topic, queue_id});
    if (queue == queues_.end()) return;
    for (auto pull = queue->second.begin(); pull != queue->second.end();) {
      HeldPull& held = *pull++;
      if (wanted(held.question)) woken.push_back(take(held, queue->second));
    }
    if (queue->second.empty()) queues_.erase(queue);
  }
  for (Pull& pull : woken) resume_on_connection(std::move(pull));
}

void PullHold::on_arrival(const store::Arrival& arrival) {
  resume_if(arrival.topic, arrival.queue_id, [&arrival](const PullQuestion& question) {
    return arrival.queue_offset >= question.offset &&
           question.subscription.matches(arrival.tags_code);
  });
}

void PullHold::wake(std::string_view topic, std::int32_t queue_id, std::int64_t max_offset) {
  resume_if(topic, queue_id,
            [max_offset](const PullQuestion& question) { return question.offset < max_offset; });
}

void PullHold::forget(std::uint64_t connection_id) {
  std::vector<Pull> gone;  // their ends need not be under the lock
  const std::lock_guard lock(mutex_);
  for (auto found = connections_.find(connection_id); found != connections_.end();
       found = connections_.find(connection_id)) {
    gone.push_back(take(found->second.front()));
  }
}

void PullHold::release_all() {
  std::vector<Pull> all;
  {
    const std::lock_guard lock(mutex_);
    released_ = true;
    while (!by_deadline_.empty()) all.push_back(take(*by_deadline_.begin()));
  }
  for (Pull& pull : all) resume_on_connection(std::move(pull));
}

// Posted, not called: the messages that arrived together are then all there to be answered with.
void PullHold::resume_on_connection(Pull pull) {
  const asio::any_io_executor executor = pull->connection->executor();
  asio::post(executor, [this, pull = std::move(pull)]() mutable { resume_(std::move(pull)); });
}

Instant PullHold::resume_expired() {
  std::vector<Pull> expired;
  Instant next = Instant::max();
  {
    const std::lock_guard lock(mutex_);
    const Instant now = time_.now();
    while (!by_deadline_.empty() && by_deadline_.begin()->deadline <= now) {
      expired.push_back(take(*by_deadline_.begin()));
    }
    if (!by_deadline_.empty()) next = by_deadline_.begin()->deadline;
    timer_at_ = next;
  }
  for (Pull& pull : expired) resume_on_connection(std::move(pull));
  return next;
}

asio::awaitable<void> PullHold::run() {
  for (;;) {
    const Instant next = resume_expired();
    co_await timer_.wait_until(next);
  }
}

std::size_t PullHold::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

std::size_t PullHold::size() const {
  const std::lock_guard lock(mutex_);
  return by_deadline_.size();
}

}  // namespace comet::inline v0_1::broker

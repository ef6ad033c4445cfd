#include "pull/pull_hold.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/container_hash/hash.hpp>
#include <chrono>
#include <map>
#include <utility>

namespace comet::inline v0_1::broker {
namespace {

constexpr std::size_t kHeldPullNodes = 200;  // of the tables, at most
constexpr Duration kBetweenSlices = std::chrono::milliseconds(5);

}  // namespace

PullHold::PullHold(asio::any_io_executor executor, TimeSource& time, std::size_t most,
                   std::size_t most_bytes, std::function<void(Pull)> resume)
    : executor_(std::move(executor)),
      time_(time),
      most_(most),
      most_bytes_(most_bytes),
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
  queue->second.waiting.push_back(held);
  ++queue->second.count;
  connections_[held.connection->id()].push_back(held);
  by_deadline_.insert(held);
  count_.fetch_add(1, std::memory_order_acq_rel);
}

PullHold::Pull PullHold::take(HeldPull& pull, Queue& queue) {
  bytes_ -= pull.bytes_;
  queue.waiting.erase(OfQueue::s_iterator_to(pull));  // of whichever of the two lists
  --queue.count;
  by_deadline_.erase(by_deadline_.iterator_to(pull));
  count_.fetch_sub(1, std::memory_order_acq_rel);
  const auto connection = connections_.find(pull.connection->id());
  connection->second.erase(connection->second.iterator_to(pull));
  if (connection->second.empty()) connections_.erase(connection);
  return Pull(&pull);
}

PullHold::Pull PullHold::take(HeldPull& pull) {
  const PullQuestion& question = pull.question;
  const auto queue = queues_.find(KeyView{question.subscription.topic, question.queue_id});
  Pull taken = take(pull, queue->second);
  if (queue->second.is_empty()) queues_.erase(queue);
  return taken;
}

void PullHold::hold(Pull pull) {
  bool sooner = false;
  pull->bytes_ = sizeof(HeldPull) + kHeldPullNodes + pull->question.group.capacity() +
                 pull->question.subscription.memory_size();
  {
    const std::lock_guard lock(mutex_);
    if (!released_ && by_deadline_.size() < most_ && bytes_ + pull->bytes_ <= most_bytes_) {
      sooner = pull->deadline < timer_at_;
      if (sooner) timer_at_ = pull->deadline;
      add(std::move(pull));
    }
  }
  if (pull != nullptr) resume_on_connection(std::move(pull));
  if (sooner) asio::post(executor_, [this] { timer_.cancel(); });
}

PullHold::News PullHold::News::any(std::int64_t max_offset) {
  News news;
  news.max_offset = max_offset;
  news.all_tags = true;
  return news;
}

void PullHold::News::add(const News& more) {
  max_offset = std::max(max_offset, more.max_offset);
  all_tags = all_tags || more.all_tags;
  for (const std::int64_t tag : more.known_tags()) {
    if (std::ranges::find(known_tags(), tag) != known_tags().end()) continue;
    if (tag_count == tags.size()) return void(all_tags = true);
    tags[tag_count++] = tag;
  }
}

bool PullHold::News::is_for(const PullQuestion& question) const {
  if (question.offset >= max_offset) return false;
  return all_tags || std::ranges::any_of(known_tags(), [&question](std::int64_t tag) {
           return question.subscription.matches(tag);
         });
}

std::vector<PullHold::Pull> PullHold::take_wanted(Queue& queue) {
  std::vector<Pull> wanted;
  for (std::size_t i = 0; i < kSlice && !queue.to_check.empty(); ++i) {
    HeldPull& pull = queue.to_check.front();
    if (queue.news.is_for(pull.question)) {
      wanted.push_back(take(pull, queue));
    } else {
      queue.waiting.splice(queue.waiting.end(), queue.to_check, queue.to_check.begin());
    }
  }
  return wanted;
}

void PullHold::tell(std::string_view topic, std::int32_t queue_id, const News& news) {
  std::vector<Pull> wanted;
  bool begins = false;
  {
    const std::lock_guard lock(mutex_);
    const auto found = queues_.find(KeyView{topic, queue_id});
    if (found == queues_.end()) return;
    Queue& queue = found->second;
    if (queue.is_checked) {
      if (!queue.has_next_news) queue.next_news = News();
      queue.has_next_news = true;
      return queue.next_news.add(news);
    }
    queue.news = news;
    queue.to_check.splice(queue.to_check.end(), queue.waiting);
    if (queue.count > kSlice) {
      queue.is_checked = begins = true;
    } else {
      wanted = take_wanted(queue);
      if (queue.is_empty()) queues_.erase(found);
    }
  }
  for (Pull& pull : wanted) resume_on_connection(std::move(pull));
  if (begins) check_soon(executor_, Key{std::string(topic), queue_id});
}

void PullHold::check_soon(const asio::any_io_executor& after, Key key) {
  auto check = [this, alive = std::weak_ptr(alive_), key = std::move(key)] {
    if (!alive.expired()) check_slice(key);
  };
  auto go_home = [home = executor_, check = std::move(check)]() mutable {
    asio::post(home, std::move(check));
  };
  asio::post(after, std::move(go_home));
}

void PullHold::check_slice(const Key& key) {
  std::vector<Pull> wanted;
  bool goes_on = false;
  {
    const std::lock_guard lock(mutex_);
    const auto found = queues_.find(key);
    if (found == queues_.end()) return;  // all have gone
    Queue& queue = found->second;
    wanted = take_wanted(queue);
    if (queue.to_check.empty() && std::exchange(queue.has_next_news, false)) {
      queue.news = std::exchange(queue.next_news, News());
      queue.to_check.splice(queue.to_check.end(), queue.waiting);
    }
    queue.is_checked = goes_on = !queue.to_check.empty();
    if (queue.is_empty()) queues_.erase(found);
  }
  // Behind those that are handed over now.
  const asio::any_io_executor after =
      wanted.empty() ? executor_ : wanted.back()->connection->executor();
  for (Pull& pull : wanted) resume_on_connection(std::move(pull));
  if (goes_on) check_soon(after, key);
}

void PullHold::on_arrival(const store::Arrival& arrival) {
  News news;
  news.max_offset = arrival.queue_offset + 1;
  news.tags[news.tag_count++] = arrival.tags_code;
  tell(arrival.topic, arrival.queue_id, news);
}

void PullHold::wake(std::string_view topic, std::int32_t queue_id, std::int64_t max_offset) {
  tell(topic, queue_id, News::any(max_offset));
}

void PullHold::renew(std::uint64_t connection_id, std::span<const ConsumerData> consumers) {
  std::map<std::pair<std::string_view, std::string_view>, const Subscription*> wishes;
  std::size_t hash = 0;
  for (const ConsumerData& consumer : consumers) {
    for (const Subscription& one : consumer.subscriptions) {
      wishes[{consumer.group, one.topic}] = &one;
      boost::hash_combine(hash, consumer.group);
      boost::hash_combine(hash, one.topic);
      boost::hash_combine(hash, one.expression);
      boost::hash_combine(hash, one.expression_type);
    }
  }
  const auto is_outdated = [&wishes](const PullQuestion& question) {
    if (!question.is_of_heartbeat) return false;
    const auto wish = wishes.find({question.group, question.subscription.topic});
    return wish != wishes.end() && wish->second->is_newer_and_other_than(question.subscription);
  };
  std::vector<Pull> outdated;
  {
    const std::lock_guard lock(mutex_);
    const auto found = connections_.find(connection_id);
    if (found == connections_.end()) return;
    const auto [before, is_first] = wishes_of_.try_emplace(connection_id, hash);
    if (!is_first && std::exchange(before->second, hash) == hash) return;
    std::vector<HeldPull*> chosen;
    for (HeldPull& pull : found->second) {
      if (is_outdated(pull.question)) chosen.push_back(&pull);
    }
    for (HeldPull* pull : chosen) outdated.push_back(take(*pull));
  }
  for (Pull& pull : outdated) {
    pull->question.is_outdated = true;
    resume_on_connection(std::move(pull));
  }
}

void PullHold::forget(std::uint64_t connection_id) {
  std::vector<Pull> gone;  // their ends need not be under the lock
  const std::lock_guard lock(mutex_);
  wishes_of_.erase(connection_id);
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
    while (!by_deadline_.empty() && by_deadline_.begin()->deadline <= now &&
           expired.size() < kSlice) {
      expired.push_back(take(*by_deadline_.begin()));
    }
    if (!by_deadline_.empty()) next = by_deadline_.begin()->deadline;
    if (next <= now) next = now + kBetweenSlices;  // others have their turn
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

#include "assignment/cluster_queues.hpp"

#include "comet/remoting/namesrv_headers.hpp"
#include "comet/routing/queue_allocation.hpp"

namespace comet::inline v0_1::broker {
namespace {

using namespace std::chrono_literals;
using remoting::RemotingCommand;

constexpr Duration kFresh = 5s;                    // asked again after it
constexpr Duration kUsable = 2min;                 // while no name server answers
constexpr std::size_t kMostKnown = 1'000;          // topics; then all are forgotten
constexpr std::size_t kMostKnownQueues = 500'000;  // some 100 bytes each

}  // namespace

asio::awaitable<ClusterQueues::Queues> ClusterQueues::find(std::string topic) {
  if (config_.name_servers.empty() && config_.address_server.empty()) {
    co_return own(topic);
  }
  std::optional<Known> before = known(topic);
  const Duration age = before ? time_.now() - before->at : kUsable;
  if (age < kFresh) co_return before->queues;

  remoting::GetRouteInfoHeader header;
  header.topic = topic;
  header.accept_standard_json_only = true;
  RemotingCommand request =
      RemotingCommand::request(remoting::RequestCode::get_routeinfo_by_topic, header);
  const std::optional<RemotingCommand> answer = co_await registration_.ask(std::move(request));
  if (answer && answer->response_code() == remoting::ResponseCode::topic_not_exist) {
    forget(topic);
    co_return nullptr;
  }
  if (answer && answer->response_code() == remoting::ResponseCode::success) {
    if (const auto route = routing::parse_topic_route(answer->body.view())) {
      Known news;
      news.at = time_.now();
      news.queues = std::make_shared<const std::vector<MessageQueue>>(
          routing::readable_queues(topic, *route));
      keep(topic, news);
      co_return news.queues;
    }
  }
  if (age < kUsable) co_return before->queues;
  co_return nullptr;
}

std::optional<ClusterQueues::Known> ClusterQueues::known(const std::string& topic) const {
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(topic);
  if (found == known_.end()) return std::nullopt;
  return found->second;
}

void ClusterQueues::keep(const std::string& topic, Known news) {
  forget(topic);
  const std::lock_guard lock(mutex_);
  if (known_.size() >= kMostKnown || known_queues_ >= kMostKnownQueues) {
    known_.clear();
    known_queues_ = 0;
  }
  known_queues_ += news.queues->size();
  known_.insert_or_assign(topic, std::move(news));
}

void ClusterQueues::forget(const std::string& topic) {
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(topic);
  if (found == known_.end()) return;
  known_queues_ -= found->second.queues->size();
  known_.erase(found);
}

ClusterQueues::Queues ClusterQueues::own(const std::string& topic) const {
  const auto config = topics_.find(topic);
  if (!config) return nullptr;
  routing::TopicRouteData route;
  routing::QueueData& data = route.queues.emplace_back();
  data.broker_name = config_.broker_name;
  data.perm = config->perm & config_.broker_permission;
  data.read_queue_nums = config->read_queue_nums;
  return std::make_shared<const std::vector<MessageQueue>>(routing::readable_queues(topic, route));
}

}  // namespace comet::inline v0_1::broker

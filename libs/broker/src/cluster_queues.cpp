#include "cluster_queues.hpp"

#include "comet/remoting/namesrv_headers.hpp"
#include "comet/routing/queue_allocation.hpp"
#include "registration.hpp"

namespace comet::inline v0_1::broker {
namespace {

using namespace std::chrono_literals;
using remoting::RemotingCommand;

constexpr Duration kFresh = 5s;            // asked again after it
constexpr Duration kUsable = 2min;         // while no name server answers
constexpr std::size_t kMostKnown = 1'000;  // topics; then all are forgotten

}  // namespace

asio::awaitable<std::optional<std::vector<MessageQueue>>> ClusterQueues::find(std::string topic) {
  if (context_.config.name_servers.empty() && context_.config.address_server.empty()) {
    co_return own(topic);
  }
  std::optional<Known> before = known(topic);
  const Duration age = before ? context_.time.now() - before->at : kUsable;
  if (age < kFresh) co_return std::move(before->queues);

  remoting::GetRouteInfoHeader header;
  header.topic = topic;
  header.accept_standard_json_only = true;
  RemotingCommand request =
      RemotingCommand::request(remoting::RequestCode::get_routeinfo_by_topic, header);
  std::optional<RemotingCommand> answer;
  if (context_.registration != nullptr) {
    answer = co_await context_.registration->ask(std::move(request));
  }
  if (answer && answer->response_code() == remoting::ResponseCode::topic_not_exist) {
    co_return std::nullopt;
  }
  if (answer && answer->response_code() == remoting::ResponseCode::success) {
    if (const auto route = routing::parse_topic_route(answer->body.view())) {
      Known news;
      news.at = context_.time.now();
      news.queues = routing::readable_queues(topic, *route);
      keep(topic, news);
      co_return std::move(news.queues);
    }
  }
  if (age < kUsable) co_return std::move(before->queues);
  co_return std::nullopt;
}

std::optional<ClusterQueues::Known> ClusterQueues::known(const std::string& topic) const {
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(topic);
  if (found == known_.end()) return std::nullopt;
  return found->second;
}

void ClusterQueues::keep(const std::string& topic, Known news) {
  const std::lock_guard lock(mutex_);
  if (known_.size() >= kMostKnown) known_.clear();
  known_.insert_or_assign(topic, std::move(news));
}

std::optional<std::vector<MessageQueue>> ClusterQueues::own(const std::string& topic) const {
  const auto config = context_.topics.find(topic);
  if (!config) return std::nullopt;
  routing::TopicRouteData route;
  routing::QueueData& data = route.queues.emplace_back();
  data.broker_name = context_.config.broker_name;
  data.perm = config->perm & context_.config.broker_permission;
  data.read_queue_nums = config->read_queue_nums;
  return routing::readable_queues(topic, route);
}

}  // namespace comet::inline v0_1::broker

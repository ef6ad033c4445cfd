// Triggers of cleaning (Apache: AdminBrokerProcessor).

#include "admin/maintenance.hpp"

#include <string_view>
#include <utility>

#include "comet/base/log.hpp"
#include "comet/remoting/admin_headers.hpp"
#include "request/answers.hpp"
#include "request/await_call.hpp"
#include "request/on_header.hpp"

namespace comet::inline v0_1::broker {

using remoting::Handling;
using remoting::Reply;
using remoting::Request;
using remoting::RequestCode;

Handling MaintenanceFeature::clean_queues(Request request) {
  const std::int64_t queues = co_await AwaitCall(store_.remove_expired_queues());
  log::info("{} expired consume queues removed for {}", queues,
            request.connection->remote().to_string());
  co_return success(request);
}

Handling MaintenanceFeature::clean_topics(Request request) {
  store::TopicTest is_used = [this](std::string_view topic) {
    return topics_.find(topic) != nullptr;
  };
  const std::int64_t queues = co_await AwaitCall(store_.remove_unused_topics(std::move(is_used)));
  log::info("{} consume queues without a topic removed for {}", queues,
            request.connection->remote().to_string());
  co_return success(request);
}

void MaintenanceFeature::install(remoting::Dispatcher& dispatcher) {
  constexpr std::size_t kMostCleanings = 4;  // at a time: each works on files
  on_handling(dispatcher, RequestCode::clean_expired_consumequeue, this,
              &MaintenanceFeature::clean_queues, kMostCleanings);
  on_handling(dispatcher, RequestCode::clean_unused_topic, this, &MaintenanceFeature::clean_topics,
              kMostCleanings);
  dispatcher.on(RequestCode::delete_expired_commitlog, [this](Request& request) -> Reply {
    store_.request_deletion();
    return success(request);
  });
}

}  // namespace comet::inline v0_1::broker

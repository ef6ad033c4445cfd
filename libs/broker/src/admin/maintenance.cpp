// Triggers of cleaning (Apache: AdminBrokerProcessor).

#include "admin/maintenance.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <set>
#include <string>

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

asio::awaitable<std::int64_t> MaintenanceFeature::remove_unused_topics() {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  std::set<std::string, std::less<>> used;
  std::string last;
  for (;;) {
    co_await asio::post(executor, asio::use_awaitable);  // others have their turn
    const auto some = topics_.slice(last, 256);
    if (some.empty()) break;
    last = some.back().topic_name;
    for (const routing::TopicConfig& topic : some) used.insert(topic.topic_name);
  }
  const std::int64_t queues = co_await store_.remove_unused_topics(std::move(used));
  co_return queues;
}

Handling MaintenanceFeature::clean_topics(Request request) {
  const std::int64_t queues = co_await AwaitCall(remove_unused_topics());
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

// Triggers of cleaning, and what a broker without access control and filter servers says (Apache:
// AdminBrokerProcessor).

#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <set>
#include <string>

#include "admin/admin_answers.hpp"
#include "comet/base/log.hpp"
#include "comet/remoting/admin_headers.hpp"

namespace comet::inline v0_1::broker {
namespace {

using remoting::RemotingCommand;
using remoting::Reply;
using remoting::Request;
using remoting::RequestCode;
using remoting::ResponseCode;

asio::awaitable<Reply> clean_queues(BrokerContext& context, Request request) {
  const std::int64_t queues = co_await context.store.remove_expired_queues();
  log::info("{} expired consume queues removed for {}", queues,
            request.connection->remote().to_string());
  co_return success(request);
}

asio::awaitable<Reply> clean_topics(BrokerContext& context, Request request) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  std::set<std::string, std::less<>> used;
  std::string last;
  for (;;) {
    co_await asio::post(executor, asio::use_awaitable);  // others have their turn
    const auto some = context.topics.slice(last, 256);
    if (some.empty()) break;
    last = some.back().topic_name;
    for (const routing::TopicConfig& topic : some) used.insert(topic.topic_name);
  }
  const std::int64_t queues = co_await context.store.remove_unused_topics(std::move(used));
  log::info("{} consume queues without a topic removed for {}", queues,
            request.connection->remote().to_string());
  co_return success(request);
}

RemotingCommand no_access_control(const Request& request, std::int32_t code) {
  RemotingCommand answer =
      refusal(request, "this broker has no access control: aclEnable is false");
  answer.code = code;
  return answer;
}

// Codes of 4.9, which 5.x uses for something else.
constexpr std::int32_t kUpdateAclFailed = 209;
constexpr std::int32_t kDeleteAclFailed = 210;
constexpr std::int32_t kUpdateWhiteAddressesFailed = 211;

Reply no_filter_servers(Request& request) {
  return refusal(request, ResponseCode::request_code_not_supported,
                 fmt::format("{} (request type {}) not supported: this broker has no filter "
                             "servers; filter by tags or SQL92",
                             to_string(request.command.request_code()), request.command.code));
}

}  // namespace

void install_maintenance_handlers(remoting::Dispatcher& dispatcher, BrokerContext& context) {
  constexpr std::size_t kMostCleanings = 4;  // at a time: each works on files
  const auto queues = [&context](Request request) {
    return clean_queues(context, std::move(request));
  };
  dispatcher.on_async(RequestCode::clean_expired_consumequeue, queues, kMostCleanings);
  const auto topics = [&context](Request request) {
    return clean_topics(context, std::move(request));
  };
  dispatcher.on_async(RequestCode::clean_unused_topic, topics, kMostCleanings);
  dispatcher.on(RequestCode::delete_expired_commitlog, [&context](Request& request) -> Reply {
    context.store.request_deletion();
    return success(request);
  });

  on_header<remoting::AccessConfigHeader>(dispatcher, RequestCode::update_and_create_acl_config,
                                          context,
                                          [](BrokerContext&, const Request& request, const auto&) {
                                            return no_access_control(request, kUpdateAclFailed);
                                          });
  on_header<remoting::DeleteAccessConfigHeader>(
      dispatcher, RequestCode::delete_acl_config, context,
      [](BrokerContext&, const Request& request, const auto&) {
        return no_access_control(request, kDeleteAclFailed);
      });
  on_header<remoting::GlobalWhiteAddressesHeader>(
      dispatcher, RequestCode::update_global_white_addrs_config, context,
      [](BrokerContext&, const Request& request, const auto&) {
        return no_access_control(request, kUpdateWhiteAddressesFailed);
      });
  for (const RequestCode code :
       {RequestCode::get_broker_cluster_acl_info, RequestCode::get_broker_cluster_acl_config}) {
    dispatcher.on(code, [](Request& request) -> Reply {
      return no_access_control(request, static_cast<std::int32_t>(ResponseCode::system_error));
    });
  }
  dispatcher.on(RequestCode::register_filter_server, no_filter_servers);
  dispatcher.on(RequestCode::register_message_filter_class, no_filter_servers);
}

}  // namespace comet::inline v0_1::broker

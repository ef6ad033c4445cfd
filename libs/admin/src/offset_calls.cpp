// Offsets of queues and groups.

#include <algorithm>

#include "admin_impl.hpp"
#include "comet/remoting/admin_headers.hpp"
#include "comet/remoting/errors.hpp"
#include "comet/remoting/message_headers.hpp"

namespace comet::inline v0_1::admin {
namespace {

RemotingCommand queue_request(RequestCode code, const MessageQueue& queue) {
  remoting::QueueHeader header;
  header.topic = queue.topic;
  header.queue_id = queue.queue_id;
  return RemotingCommand::request(code, header);
}

// A broker cannot reset what nobody reads (206), or what the group has never read (1).
bool is_without_members(const Refused& refused) {
  return refused.response() == ResponseCode::consumer_not_online;
}

ResetQueue unchanged(const MessageQueue& queue, const GroupOffset& offset) {
  ResetQueue reset;
  reset.queue = queue;
  reset.offset = offset.consumer_offset;
  reset.broker_offset = offset.broker_offset;
  reset.offset_before = offset.consumer_offset;
  return reset;
}

}  // namespace

asio::awaitable<std::int64_t> Admin::min_offset(QueuePlace place) {
  constexpr RequestCode kCode = RequestCode::get_min_offset;
  const RemotingCommand answer =
      co_await impl_->ask(place.broker, queue_request(kCode, place.queue));
  co_return require_header<remoting::OffsetResponseHeader>(answer, kCode, place.broker).offset;
}

asio::awaitable<std::int64_t> Admin::max_offset(QueuePlace place) {
  constexpr RequestCode kCode = RequestCode::get_max_offset;
  const RemotingCommand answer =
      co_await impl_->ask(place.broker, queue_request(kCode, place.queue));
  co_return require_header<remoting::OffsetResponseHeader>(answer, kCode, place.broker).offset;
}

asio::awaitable<std::int64_t> Admin::search_offset(QueuePlace place, std::int64_t time) {
  constexpr RequestCode kCode = RequestCode::search_offset_by_timestamp;
  remoting::SearchOffsetHeader header;
  header.topic = place.queue.topic;
  header.queue_id = place.queue.queue_id;
  header.timestamp = time;
  header.boundary_type = "lower";  // 5.x and ours; 4.9 may give the message before
  RemotingCommand request = RemotingCommand::request(kCode, header);
  const RemotingCommand answer = co_await impl_->ask(place.broker, std::move(request));
  co_return require_header<remoting::OffsetResponseHeader>(answer, kCode, place.broker).offset;
}

asio::awaitable<std::int64_t> Admin::earliest_time(QueuePlace place) {
  constexpr RequestCode kCode = RequestCode::get_earliest_msg_storetime;
  const RemotingCommand answer =
      co_await impl_->ask(place.broker, queue_request(kCode, place.queue));
  co_return require_header<remoting::TimestampResponseHeader>(answer, kCode, place.broker)
      .timestamp;
}

asio::awaitable<std::optional<std::int64_t>> Admin::consumer_offset(std::string group,
                                                                    QueuePlace place) {
  constexpr RequestCode kCode = RequestCode::query_consumer_offset;
  remoting::QueryConsumerOffsetHeader header;
  header.consumer_group = group;
  header.topic = place.queue.topic;
  header.queue_id = place.queue.queue_id;
  RemotingCommand request = RemotingCommand::request(kCode, header);
  const RemotingCommand answer = co_await impl_->exchange(place.broker, std::move(request));
  if (answer.response_code() == ResponseCode::query_not_found) co_return std::nullopt;
  if (answer.response_code() != ResponseCode::success)
    throw Refused(answer.response_code(), kCode, place.broker, answer.remark);
  co_return require_header<remoting::OffsetResponseHeader>(answer, kCode, place.broker).offset;
}

asio::awaitable<void> Admin::update_consumer_offset(std::string group, QueuePlace place,
                                                    std::int64_t offset) {
  remoting::UpdateConsumerOffsetHeader header;
  header.consumer_group = group;
  header.topic = place.queue.topic;
  header.queue_id = place.queue.queue_id;
  header.commit_offset = offset;
  RemotingCommand request = RemotingCommand::request(RequestCode::update_consumer_offset, header);
  co_await impl_->tell(place.broker, std::move(request));
}

asio::awaitable<QueueOffsets> Admin::Impl::reset_at(BrokerNode server, const OffsetReset& reset) {
  constexpr RequestCode kCode = RequestCode::invoke_broker_to_reset_offset;
  remoting::ResetOffsetHeader header;
  header.topic = reset.topic;
  header.group = reset.group;
  header.timestamp = reset.time;
  header.is_force = reset.force;
  RemotingCommand request = RemotingCommand::request(kCode, header);
  // The language of this request decides in which form brokers push the offsets to the members.
  request.language = reset.cpp_clients ? remoting::Language::cpp : remoting::Language::java;
  const RemotingCommand answer = co_await ask(server.address, std::move(request));
  co_return require_body(parse_queue_offsets(answer.body.view()), kCode, &server.address);
}

// Apache: DefaultMQAdminExtImpl.resetOffsetByTimestampOld.
asio::awaitable<std::vector<ResetQueue>> Admin::reset_stored_offsets(BrokerNode server,
                                                                     OffsetReset reset) {
  ConsumeStats stats = co_await consume_stats(server.address, reset.group, reset.topic);
  if (stats.queues.empty()) {  // it has read nothing yet: every queue gets an offset
    const TopicStats topic = co_await topic_stats(server.address, reset.topic);
    for (const auto& [queue, offset] : topic.queues) {
      GroupOffset none;
      none.broker_offset = offset.max_offset;
      none.consumer_offset = offset.min_offset;
      stats.queues.emplace(queue, none);
    }
  }
  std::vector<ResetQueue> done;
  for (const auto& [queue, offset] : stats.queues) {
    if (queue.topic != reset.topic) continue;
    const QueuePlace place(queue, server.address);
    std::int64_t target = 0;
    if (reset.time == OffsetReset::kEnd) {
      target = co_await max_offset(place);
    } else {
      target = co_await search_offset(place, reset.time);
    }
    ResetQueue entry = unchanged(queue, offset);
    if (reset.force || target < offset.consumer_offset) {
      co_await update_consumer_offset(reset.group, place, target);
      entry.offset = target;
    }
    done.push_back(std::move(entry));
  }
  co_return std::move(done);
}

asio::awaitable<ResetResult> Admin::reset_offsets(OffsetReset reset) {
  const std::vector<BrokerNode> servers = co_await brokers_of_topic(reset.topic);
  ResetResult result;
  for (const BrokerNode& server : servers) {
    bool offline = false;
    try {
      const QueueOffsets offsets = co_await impl_->reset_at(server, reset);
      for (const auto& [queue, offset] : offsets) {
        ResetQueue entry;
        entry.queue = queue;
        entry.offset = offset;
        result.queues.push_back(std::move(entry));
      }
    } catch (const Refused& refused) {
      if (!is_without_members(refused)) throw;
      offline = true;
    }
    if (!offline) continue;
    result.offline = true;
    std::vector<ResetQueue> done = co_await reset_stored_offsets(server, reset);
    std::move(done.begin(), done.end(), std::back_inserter(result.queues));
  }
  std::sort(result.queues.begin(), result.queues.end(),
            [](const ResetQueue& a, const ResetQueue& b) { return a.queue < b.queue; });
  co_return std::move(result);
}

asio::awaitable<std::vector<Outcome>> Admin::clone_offsets(std::string source, std::string target,
                                                           std::string topic, bool offline) {
  remoting::CloneGroupOffsetHeader header;
  header.src_group = source;
  header.dest_group = target;
  header.topic = unless_empty(topic);
  header.offline = offline;
  RemotingCommand request = RemotingCommand::request(RequestCode::clone_group_offset, header);
  std::vector<BrokerNode> servers;
  if (topic.empty()) {
    servers = co_await brokers_of_group(source);
  } else {
    servers = co_await brokers_of_topic(topic);
  }
  co_return co_await impl_->tell_each(std::move(servers), std::move(request));
}

asio::awaitable<std::vector<QueueTimeSpan>> Admin::time_spans(Address broker, std::string topic,
                                                              std::string group) {
  constexpr RequestCode kCode = RequestCode::query_consume_time_span;
  remoting::ConsumeTimeSpanHeader header;
  header.topic = topic;
  header.group = group;
  RemotingCommand request = RemotingCommand::request(kCode, header);
  const RemotingCommand answer = co_await impl_->ask(broker, std::move(request));
  co_return require_body(parse_time_spans(answer.body.view()), kCode, &broker);
}

asio::awaitable<std::map<std::string, QueueOffsets>> Admin::consumer_status(Address broker,
                                                                            std::string topic,
                                                                            std::string group,
                                                                            std::string client_id) {
  constexpr RequestCode kCode = RequestCode::invoke_broker_to_get_consumer_status;
  remoting::ConsumerStatusHeader header;
  header.topic = topic;
  header.group = group;
  header.client_addr = unless_empty(client_id);
  RemotingCommand request = RemotingCommand::request(kCode, header);
  const RemotingCommand answer =
      co_await impl_->ask(broker, std::move(request), kPatienceWithClients);
  co_return require_body(parse_consumer_status(answer.body.view()), kCode, &broker);
}

}  // namespace comet::inline v0_1::admin

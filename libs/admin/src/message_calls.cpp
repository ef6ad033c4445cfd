// Messages: by id, by key, by place.

#include <algorithm>
#include <limits>

#include "admin_impl.hpp"
#include "comet/message/message_id.hpp"
#include "comet/message/record.hpp"
#include "comet/remoting/errors.hpp"
#include "comet/remoting/message_headers.hpp"

namespace comet::inline v0_1::admin {
namespace {

// Apache: MixAll.TOOLS_CONSUMER_GROUP, which every broker has.
constexpr std::string_view kToolsGroup = "TOOLS_CONSUMER";
constexpr int kMostByUniqueKey = 32;  // brokers give no more

std::vector<MessageExt> decode(std::string_view records, RequestCode code, const Address& from) {
  std::vector<MessageExt> messages;
  while (!records.empty()) {
    const Result<RecordView> record = parse_record(records, CheckCrc::yes);
    if (!record) {
      throw Error(ClientErrc::bad_answer,
                  fmt::format("{} at {}: record {} of the answer is damaged ({})",
                              remoting::to_string(code), from.to_string(), messages.size(),
                              record.error().message()));
    }
    messages.push_back(to_message(*record, true));
    records.remove_prefix(static_cast<std::size_t>(record->total_size));
  }
  return messages;
}

// One of the words of KEYS.
bool has_key(const MessageExt& message, std::string_view key) {
  std::string_view keys = message.keys();
  while (!keys.empty()) {
    const std::size_t end = std::min(keys.find(' '), keys.size());
    if (keys.substr(0, end) == key) return true;
    keys.remove_prefix(std::min(end + 1, keys.size()));
  }
  return false;
}

void sort_by_time(std::vector<MessageExt>& messages) {
  std::stable_sort(messages.begin(), messages.end(), [](const auto& a, const auto& b) {
    return a.store_timestamp < b.store_timestamp;
  });
}

}  // namespace

OffsetMessageId require_offset_message_id(std::string_view text) {
  const Result<OffsetMessageId> id = parse_offset_message_id(text);
  if (id) return *id;
  throw Error(ClientErrc::illegal_message, fmt::format("\"{}\" is no offset message id", text));
}

asio::awaitable<Address> Admin::Impl::broker_of_message(Admin& admin, OffsetMessageId id,
                                                        std::string topic) {
  const Address given(id.store_host.ip_text(), id.store_host.port());
  std::vector<BrokerNode> nodes;
  try {
    if (topic.empty()) {
      nodes = co_await admin.brokers(Scope::everywhere());
    } else {
      nodes = co_await admin.brokers_of_topic(topic);
    }
  } catch (const Error&) {
    // No name server tells: the id is all there is.
  }
  for (const BrokerNode& node : nodes) {
    if (node.address == given) co_return given;
  }
  for (const BrokerNode& node : nodes) {
    try {
      const MessageExt there = co_await admin.message_at(node.address, id.physical_offset);
      if (there.store_host == id.store_host) co_return node.address;
    } catch (const Error&) {
      // Another one may have it.
    }
  }
  co_return given;
}

asio::awaitable<MessageExt> Admin::message_by_id(std::string offset_message_id, std::string topic) {
  const OffsetMessageId id = require_offset_message_id(offset_message_id);
  const Address broker = co_await impl_->broker_of_message(*this, id, std::move(topic));
  co_return co_await message_at(broker, id.physical_offset);
}

asio::awaitable<MessageExt> Admin::message_at(Address broker, std::int64_t physical_offset) {
  constexpr RequestCode kCode = RequestCode::view_message_by_id;
  remoting::ViewMessageHeader header;
  header.offset = physical_offset;
  RemotingCommand request = RemotingCommand::request(kCode, header);
  const RemotingCommand answer = co_await impl_->ask(broker, std::move(request));
  std::vector<MessageExt> messages = decode(answer.body.view(), kCode, broker);
  if (messages.size() != 1) {
    throw Error(ClientErrc::bad_answer,
                fmt::format("{} at {}: {} messages in the answer", remoting::to_string(kCode),
                            broker.to_string(), messages.size()));
  }
  co_return std::move(messages.front());
}

// A broker's index knows hashes only; one older than 5.5 takes a tag for a key.
bool Admin::Impl::is_asked_for(const MessageExt& message, const KeyQuestion& question) {
  if (message.topic() != question.topic) return false;
  switch (question.kind) {
    case KeyKind::unique_key:
      return message.unique_id() == question.key;
    case KeyKind::tag:
      return message.tag() == question.key;
    case KeyKind::key:
      break;
  }
  return has_key(message, question.key);
}

asio::awaitable<std::vector<MessageExt>> Admin::Impl::query(Admin& admin, KeyQuestion question) {
  constexpr RequestCode kCode = RequestCode::query_message;
  remoting::QueryMessageHeader header;
  header.topic = question.topic;
  header.key = question.key;
  header.max_num = question.most;
  header.begin_timestamp = question.begin;
  header.end_timestamp = question.end;
  header.unique_key = question.kind == KeyKind::unique_key;
  if (question.kind == KeyKind::tag) header.index_type = "T";
  const std::vector<BrokerNode> servers = co_await admin.brokers_of_topic(question.topic);
  std::vector<MessageExt> found;
  for (const BrokerNode& server : servers) {
    RemotingCommand request = RemotingCommand::request(kCode, header);
    const RemotingCommand answer = co_await exchange(server.address, std::move(request));
    if (answer.response_code() == ResponseCode::query_not_found) continue;
    if (answer.response_code() != ResponseCode::success)
      throw Refused(answer.response_code(), kCode, server.address, answer.remark);
    for (MessageExt& message : decode(answer.body.view(), kCode, server.address)) {
      if (is_asked_for(message, question)) found.push_back(std::move(message));
    }
  }
  sort_by_time(found);
  co_return std::move(found);
}

asio::awaitable<std::vector<MessageExt>> Admin::messages_by_key(std::string topic, std::string key,
                                                                int most, std::int64_t begin,
                                                                std::int64_t end) {
  Impl::KeyQuestion question(std::move(topic), std::move(key), Impl::KeyKind::key, most, begin,
                             end);
  return impl_->query(*this, std::move(question));
}

asio::awaitable<std::vector<MessageExt>> Admin::messages_by_tag(std::string topic, std::string tag,
                                                                int most, std::int64_t begin,
                                                                std::int64_t end) {
  Impl::KeyQuestion question(std::move(topic), std::move(tag), Impl::KeyKind::tag, most, begin,
                             end);
  return impl_->query(*this, std::move(question));
}

asio::awaitable<std::vector<MessageExt>> Admin::messages_by_unique_key(std::string topic,
                                                                       std::string key) {
  Impl::KeyQuestion question(std::move(topic), std::move(key), Impl::KeyKind::unique_key,
                             kMostByUniqueKey);
  return impl_->query(*this, std::move(question));
}

asio::awaitable<MessageBatch> Admin::read(QueuePlace place, std::int64_t offset, int most,
                                          std::string tags) {
  constexpr RequestCode kCode = RequestCode::pull_message;
  remoting::PullMessageHeader header;
  header.consumer_group = kToolsGroup;
  header.topic = place.queue.topic;
  header.queue_id = place.queue.queue_id;
  header.queue_offset = offset;
  header.max_msg_nums = most;
  header.sys_flag = remoting::pull_sys_flag::kSubscription;
  header.subscription = tags;
  header.expression_type = "TAG";
  RemotingCommand request = RemotingCommand::request(kCode, header);
  const RemotingCommand answer = co_await impl_->exchange(place.broker, std::move(request));
  const ResponseCode code = answer.response_code();
  const bool nothing = code == ResponseCode::pull_not_found;
  const bool elsewhere =
      code == ResponseCode::pull_offset_moved || code == ResponseCode::pull_retry_immediately;
  if (code != ResponseCode::success && !nothing && !elsewhere)
    throw Refused(code, kCode, place.broker, answer.remark);
  const auto position =
      require_header<remoting::PullMessageResponseHeader>(answer, kCode, place.broker);
  MessageBatch batch;
  batch.next_offset = position.next_begin_offset;
  batch.min_offset = position.min_offset;
  batch.max_offset = position.max_offset;
  if (code == ResponseCode::success) {
    batch.messages = decode(answer.body.view(), kCode, place.broker);
  } else {
    // Moved to behind the end, or to the same place again: there is nothing more.
    batch.at_end = nothing || batch.next_offset == offset || offset >= batch.max_offset;
  }
  co_return std::move(batch);
}

}  // namespace comet::inline v0_1::admin

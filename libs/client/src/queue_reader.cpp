#include "comet/client/queue_reader.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "comet/message/record.hpp"
#include "comet/remoting/header.hpp"
#include "comet/remoting/message_headers.hpp"
#include "comet/routing/queue_allocation.hpp"

namespace comet::inline v0_1::client {

using remoting::RemotingCommand;
using remoting::RequestCode;
using remoting::ResponseCode;

namespace {

// A broker answers a waiting pull up to 5 s late (its scan of waiting pulls); Apache's clients
// allow 15 s more than the wait.
constexpr Duration kPullGrace = std::chrono::seconds(15);

void require_code(const RemotingCommand& answer, ResponseCode wanted, const std::string& what) {
  if (answer.response_code() == wanted) return;
  throw Error(answer.response_code(),
              answer.remark.empty() ? what : fmt::format("{}: {}", what, answer.remark));
}

std::vector<MessageExt> decode(std::string_view records, const std::string& what) {
  std::vector<MessageExt> messages;
  while (!records.empty()) {
    Result<RecordView> record = parse_record(records, CheckCrc::yes);
    if (!record) {
      throw Error(ClientErrc::bad_answer,
                  fmt::format("{}: record {} of the answer is damaged ({})", what, messages.size(),
                              record.error().message()));
    }
    messages.push_back(to_message(*record, true));
    records.remove_prefix(static_cast<std::size_t>(record->total_size));
  }
  return messages;
}

}  // namespace

asio::awaitable<std::vector<MessageQueue>> readable_queues(std::shared_ptr<ClientInstance> client,
                                                           std::string topic) {
  const Instant deadline = client->time().now() + client->config().api_timeout;
  TopicRoutePtr route = co_await client->find_route(topic, deadline);
  std::vector<MessageQueue> queues = routing::readable_queues(topic, route->data);
  std::sort(queues.begin(), queues.end());
  co_return queues;
}

QueueReader::QueueReader(std::shared_ptr<ClientInstance> client, MessageQueue queue,
                         std::string group)
    : client_(std::move(client)), queue_(std::move(queue)), group_(std::move(group)) {}

std::string QueueReader::name() const {
  return fmt::format("queue {} of topic {} on {}", queue_.queue_id, queue_.topic,
                     queue_.broker_name);
}

asio::awaitable<Address> QueueReader::find_address() {
  std::optional<Address> address = client_->read_address(queue_.broker_name);
  if (!address) {
    const Instant deadline = client_->time().now() + client_->config().api_timeout;
    co_await client_->refresh_route(queue_.topic, deadline);
    address = client_->read_address(queue_.broker_name);
  }
  if (!address) throw Error(ClientErrc::broker_not_exist, "read " + name());
  co_return *address;
}

asio::awaitable<std::int64_t> QueueReader::query_offset(RequestCode code) {
  const Address address = co_await find_address();
  remoting::QueueHeader header;
  header.topic = queue_.topic;
  header.queue_id = queue_.queue_id;
  RemotingCommand request = RemotingCommand::request(code, header);
  const Instant deadline = client_->time().now() + client_->config().api_timeout;
  RemotingCommand answer = co_await client_->invoke(address, std::move(request), deadline);
  const std::string what = fmt::format("{} of {}", remoting::to_string(code), name());
  require_code(answer, ResponseCode::success, what);
  auto offset = remoting::read_header<remoting::OffsetResponseHeader>(answer.fields);
  if (!offset) throw Error(ClientErrc::bad_answer, what);
  co_return offset->offset;
}

asio::awaitable<std::int64_t> QueueReader::min_offset() {
  return query_offset(RequestCode::get_min_offset);
}

asio::awaitable<std::int64_t> QueueReader::max_offset() {
  return query_offset(RequestCode::get_max_offset);
}

asio::awaitable<std::vector<MessageExt>> QueueReader::read(int max_messages, Duration wait) {
  const Address address = co_await find_address();
  const std::string what = "read " + name();
  remoting::PullMessageHeader header;
  header.consumer_group = group_;
  header.topic = queue_.topic;
  header.queue_id = queue_.queue_id;
  header.queue_offset = offset_;
  header.max_msg_nums = max_messages;
  header.sys_flag = remoting::pull_sys_flag::kSubscription;
  if (wait > Duration::zero()) header.sys_flag |= remoting::pull_sys_flag::kSuspend;
  header.suspend_timeout_millis = to_millis(wait);
  header.subscription = "*";
  header.expression_type = "TAG";
  for (;;) {
    RemotingCommand request = RemotingCommand::request(RequestCode::pull_message, header);
    const Duration patience =
        wait > Duration::zero() ? wait + kPullGrace : client_->config().api_timeout;
    const Instant deadline = client_->time().now() + patience;
    RemotingCommand answer = co_await client_->invoke(address, std::move(request), deadline);
    const ResponseCode code = answer.response_code();
    const bool moved =
        code == ResponseCode::pull_offset_moved || code == ResponseCode::pull_retry_immediately;
    if (code != ResponseCode::pull_not_found && !moved)
      require_code(answer, ResponseCode::success, what);
    auto position = remoting::read_header<remoting::PullMessageResponseHeader>(answer.fields);
    if (!position) throw Error(ClientErrc::bad_answer, what + ": the answer lacks its offsets");
    if (code == ResponseCode::success) {
      std::vector<MessageExt> messages = decode(answer.body.view(), what);
      offset_ = position->next_begin_offset;
      co_return messages;
    }
    offset_ = position->next_begin_offset;
    // Told to go on elsewhere: at once, but never twice to the same place.
    if (!moved || offset_ == header.queue_offset) co_return std::vector<MessageExt>();
    header.queue_offset = offset_;
  }
}

}  // namespace comet::inline v0_1::client

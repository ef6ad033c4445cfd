#pragma once
// The inside of Admin: connections, and the one way in which servers are asked.

#include <fmt/format.h>

#include <functional>
#include <limits>

#include "comet/admin/admin.hpp"
#include "comet/message/message_id.hpp"
#include "comet/remoting/client.hpp"
#include "comet/remoting/header.hpp"
#include "comet/remoting/name_server_channel.hpp"

namespace comet::inline v0_1::admin {

using remoting::RemotingCommand;
using remoting::RequestCode;
using remoting::ResponseCode;

struct Admin::Impl {
  Impl(asio::any_io_executor executor_in, Network& network, TimeSource& time_in,
       AdminConfig config_in);

  // `patience` times the timeout from now on.
  [[nodiscard]] Instant deadline(int patience = 1) const {
    return time.now() + patience * config.timeout();
  }

  // The answer, whatever its code.
  [[nodiscard]] asio::awaitable<RemotingCommand> exchange(Address to, RemotingCommand request,
                                                          int patience = 1);
  // The answer of success; throws Refused for another.
  [[nodiscard]] asio::awaitable<RemotingCommand> ask(Address to, RemotingCommand request,
                                                     int patience = 1);
  // The same from any name server.
  [[nodiscard]] asio::awaitable<RemotingCommand> ask_name_server(RemotingCommand request);
  // For requests of which only the success matters.
  [[nodiscard]] asio::awaitable<void> tell(Address to, RemotingCommand request);

  // One after the other; failures become outcomes.
  using Operation = std::function<asio::awaitable<void>(Address server)>;
  [[nodiscard]] asio::awaitable<std::vector<Outcome>> on_each(std::vector<BrokerNode> servers,
                                                              Operation operation);
  // The same request at each.
  [[nodiscard]] asio::awaitable<std::vector<Outcome>> tell_each(std::vector<BrokerNode> servers,
                                                                RemotingCommand request);
  [[nodiscard]] std::vector<BrokerNode> name_server_nodes() const;
  // QUERY_MESSAGE at each broker of the topic, oldest first.
  enum class KeyKind { key, unique_key, tag };
  class KeyQuestion {
   public:
    KeyQuestion(std::string topic_in, std::string key_in, KeyKind kind_in, int most_in,
                std::int64_t begin_in = 0,
                std::int64_t end_in = std::numeric_limits<std::int64_t>::max())
        : topic(std::move(topic_in)),
          key(std::move(key_in)),
          kind(kind_in),
          most(most_in),
          begin(begin_in),
          end(end_in) {}
    std::string topic;
    std::string key;
    KeyKind kind;
    int most;
    std::int64_t begin;
    std::int64_t end;
  };
  [[nodiscard]] asio::awaitable<std::vector<MessageExt>> query(Admin& admin, KeyQuestion question);
  [[nodiscard]] static bool is_asked_for(const MessageExt& message, const KeyQuestion& question);
  // Where the message with this id is today (Admin::message_by_id). The id's own address if nobody
  // has it.
  [[nodiscard]] asio::awaitable<Address> broker_of_message(Admin& admin, OffsetMessageId id,
                                                           std::string topic);
  // The offsets that a broker has reset and told the group's members.
  [[nodiscard]] asio::awaitable<QueueOffsets> reset_at(BrokerNode server, const OffsetReset& reset);
  void require_name_server() const;

  // Static, so that the coroutine itself keeps the object alive (the destructor starts it).
  [[nodiscard]] static asio::awaitable<void> end(std::shared_ptr<Impl> self);

  asio::any_io_executor executor;
  AdminConfig config;
  TimeSource& time;
  remoting::Client client;
  remoting::NameServerChannel channel;
  bool stopped = false;
};

// For requests that a broker hands on to a client, whom it gives longer than administrators usually
// wait (Apache: timeoutMillis * 3).
inline constexpr int kPatienceWithClients = 3;
// For the statistics of all groups of a broker (Apache: 50 s).
inline constexpr int kPatienceWithAllGroups = 10;

// What a body that was read holds; throws Error(bad_answer) when it could not be read.
template <class T>
[[nodiscard]] T require_body(Result<T> parsed, RequestCode code, const Address* from = nullptr) {
  if (parsed) return std::move(*parsed);
  throw Error(
      ClientErrc::bad_answer,
      fmt::format("{}{}: the body of the answer cannot be read ({})", remoting::to_string(code),
                  from ? " at " + from->to_string() : "", parsed.error().message()));
}

template <class Header>
[[nodiscard]] Header require_header(const RemotingCommand& answer, RequestCode code,
                                    const Address& from) {
  std::string missing;
  auto header = remoting::read_header<Header>(answer.fields, remoting::FieldNames::full, &missing);
  if (header) return std::move(*header);
  throw Error(ClientErrc::bad_answer,
              fmt::format("{} at {}: the answer has no {}", remoting::to_string(code),
                          from.to_string(), missing));
}

// Throws ClientErrc::illegal_message.
[[nodiscard]] OffsetMessageId require_offset_message_id(std::string_view text);

// Absent on the wire when empty.
[[nodiscard]] inline std::optional<std::string_view> unless_empty(const std::string& text) {
  if (text.empty()) return std::nullopt;
  return text;
}

}  // namespace comet::inline v0_1::admin

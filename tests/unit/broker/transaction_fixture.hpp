#pragma once
// A broker, and what producers of transactional messages say to it.

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <filesystem>
#include <set>
#include <thread>

#include "broker_fixture.hpp"
#include "comet/message/message_id.hpp"
#include "comet/message/sys_flag.hpp"
#include "comet/remoting/transaction_headers.hpp"

namespace comet::inline v0_1::test {

using namespace std::chrono_literals;

class TransactionFixture : public BrokerFixture {
 public:
  using Bodies = std::vector<std::string>;
  static constexpr const char* kHalf = "RMQ_SYS_TRANS_HALF_TOPIC";
  static constexpr const char* kOp = "RMQ_SYS_TRANS_OP_HALF_TOPIC";
  static constexpr const char* kGivenUp = "TRANS_CHECK_MAX_TIME_TOPIC";
  static constexpr std::int32_t kUnknown = 0, kCommit = 8, kRollback = 12;

  // The place of a half message, as its producer knows it.
  class Half {
   public:
    std::int64_t queue_offset = 0;
    std::int64_t physical_offset = 0;
    std::string id;
  };

  static std::string half_properties(const std::string& id, const std::string& more = {}) {
    return "TRAN_MSG\x01true\x02PGROUP\x01PG\x02UNIQ_KEY\x01" + id +
           "\x02TAGS\x01"
           "A" +
           more;
  }
  RemotingCommand half_request(const std::string& body, const std::string& more = {},
                               const std::string& topic = "T") {
    RemotingCommand request =
        send_request(topic, body, 1, half_properties("id-" + body.substr(0, 20), more));
    return with_field(std::move(request), "f", "4");
  }
  Half send_half(const std::string& body, const std::string& more = {},
                 const std::string& topic = "T") {
    const RemotingCommand answer = ask(half_request(body, more, topic));
    BOOST_REQUIRE((answer.response_code() == ResponseCode::success));
    Half half;
    half.queue_offset = std::stoll(text(answer, "queueOffset"));
    half.physical_offset = parse_offset_message_id(text(answer, "msgId")).value().physical_offset;
    half.id = "id-" + body.substr(0, 20);
    return half;
  }

  static RemotingCommand end_request(const Half& half, std::int32_t decision,
                                     bool from_check = false, const std::string& group = "PG") {
    remoting::EndTransactionHeader header;
    header.producer_group = group;
    header.tran_state_table_offset = half.queue_offset;
    header.commit_log_offset = half.physical_offset;
    header.commit_or_rollback = decision;
    header.from_transaction_check = from_check;
    header.msg_id = half.id;
    return RemotingCommand::request(RequestCode::end_transaction, header);
  }
  RemotingCommand end(const Half& half, std::int32_t decision) {
    return ask(end_request(half, decision));
  }
  void end_oneway(const Half& half, std::int32_t decision) {
    RemotingCommand request = end_request(half, decision);
    request.mark_oneway();
    world.run(client->invoke_oneway(config.listen_at, std::move(request), world.time.now() + 1s));
    world.settle();
  }
  void expect_ended(const Half& half, std::int32_t decision) {
    const RemotingCommand answer = end(half, decision);
    BOOST_TEST((answer.response_code() == ResponseCode::success), answer.remark);
  }
  void expect_refused(const RemotingCommand& answer, const std::string& remark) {
    BOOST_TEST((answer.response_code() == ResponseCode::system_error));
    BOOST_TEST(answer.remark == remark);
  }

  // The client says that it has producers of the group.
  void join(const std::string& group = "PG") { heartbeat(*client, "client", group); }
  void heartbeat(remoting::Client& by, const std::string& id, const std::string& group) {
    const std::string json =
        R"({"clientID":")" + id + R"(","producerDataSet":[{"groupName":")" + group + R"("}]})";
    world.run(by.invoke(config.listen_at, RemotingCommand::request(RequestCode::heart_beat, json),
                        world.time.now() + 1s));
  }

  // Time in which the client says now and then that it is there.
  void live(std::chrono::seconds time) {
    for (; time > 30s; time -= 30s) {
      world.pass(30s);
      join();
    }
    world.pass(time);
    join();
  }

  // Where the check says that the half message is now.
  static Half place_in(const RemotingCommand& check) {
    Half half;
    half.queue_offset = std::stoll(text(check, "tranStateTableOffset"));
    half.physical_offset = std::stoll(text(check, "commitLogOffset"));
    half.id = text(check, "msgId");
    return half;
  }

  Bodies delivered(const std::string& topic = "T", std::int32_t queue_id = 1) {
    return bodies(ask(pull_request(topic, queue_id, 0)));
  }
  std::vector<MessageExt> stored(const std::string& topic, std::int32_t queue_id = 0) {
    std::vector<MessageExt> messages;
    const auto end = broker->store().max_offset(topic, queue_id);
    for (std::int64_t offset = broker->store().min_offset(topic, queue_id); offset < end;
         ++offset) {
      const auto result = broker->store().read(topic, queue_id, offset, {.max_count = 1});
      for (MessageExt& message : decode_records(result.records.to_string()))
        messages.push_back(std::move(message));
    }
    return messages;
  }
  std::int64_t half_count() { return broker->store().max_offset(kHalf, 0); }
  std::int64_t op_count() { return broker->store().max_offset(kOp, 0); }

  // The next start() works with the files as they are now, as after kill -9.
  void kill() {
    const std::string snapshot = directory.path() + "/killed" + std::to_string(++kills_);
    for (int tries = 1;; ++tries) {
      // A thread of the broker's replaces files there; one that vanishes meanwhile ends the copy.
      std::error_code problem;
      std::filesystem::remove_all(snapshot);
      std::filesystem::create_directories(snapshot);
      for (const char* part :
           {"commitlog", "consumequeue", "index", "config", "checkpoint", "abort"}) {
        const std::filesystem::path from = config.store.root + "/" + part;
        if (problem || !std::filesystem::exists(from)) continue;
        std::filesystem::copy(from, snapshot + "/" + part, std::filesystem::copy_options::recursive,
                              problem);
      }
      if (!problem) break;
      BOOST_REQUIRE_LT(tries, 1000);
      std::this_thread::yield();
    }
    stop();
    checks.clear();
    config.store.root = snapshot;
    start();
  }

  static RemotingCommand with_field(RemotingCommand request, std::string_view name,
                                    std::string_view value) {
    remoting::Fields fields;
    for (std::size_t i = 0; i < request.fields.size(); ++i) {
      const auto [key, old] = request.fields[i];
      fields.add(key, key == name ? value : old);
    }
    request.fields = std::move(fields);
    return request;
  }

 private:
  int kills_ = 0;
};

}  // namespace comet::inline v0_1::test

#pragma once
// A broker on virtual time, to which timer messages are sent.

#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "broker_fixture.hpp"
#include "comet/base/bytes.hpp"
#include "comet/base/files.hpp"
#include "comet/message/recall_handle.hpp"

namespace comet::inline v0_1::test {

class TimerFixture : public BrokerFixture {
 public:
  TimerFixture() { config.recall_messages = true; }

  RemotingCommand send_timer(const std::string& body, const std::string& name,
                             const std::string& value, std::int32_t queue_id = 1,
                             const std::string& more = {}) {
    return ask(send_request("T", body, queue_id, name + "\x01" + value + more));
  }
  // To be delivered at that time.
  RemotingCommand send_at(const std::string& body, std::int64_t wall_millis,
                          std::int32_t queue_id = 1) {
    return send_timer(body, "TIMER_DELIVER_MS", std::to_string(wall_millis), queue_id);
  }
  RemotingCommand recall(const std::string& topic, const std::string& handle) {
    remoting::RecallMessageHeader header;
    header.producer_group = "PG";
    header.topic = topic;
    header.recall_handle = handle;
    return ask(RemotingCommand::request(RequestCode::recall_message, header));
  }
  RemotingCommand recall(const RemotingCommand& sent) {
    return recall("T", text(sent, "recallHandle"));
  }

  // All of a queue.
  std::vector<MessageExt> stored(const std::string& topic, std::int32_t queue_id = 1) {
    std::vector<MessageExt> messages;
    const store::MessageStore& store = broker->store();
    for (std::int64_t at = store.min_offset(topic, queue_id);
         at < store.max_offset(topic, queue_id);) {
      store::ReadResult found = store.read(topic, queue_id, at, store::ReadLimits());
      for (MessageExt& message : decode_records(found.records.to_string())) {
        messages.push_back(std::move(message));
      }
      BOOST_REQUIRE_GT(found.next_offset, at);
      at = found.next_offset;
    }
    return messages;
  }
  std::vector<std::string> delivered(std::int32_t queue_id = 1) {
    std::vector<std::string> bodies;
    for (const MessageExt& message : stored("T", queue_id)) bodies.push_back(message.body());
    return bodies;
  }
  std::int64_t now() { return world.time.wall_millis(); }

  std::string progress() {
    auto content = read_file(config.store.root + "/config/timerProgress.json");
    return content ? content->substr(0, content->find('\n')) : "none";  // without its checksum
  }
  // What Apache's broker says of its timers (TimerCheckpoint): everything was delivered that is due
  // before `read_until` and among the first `taken` of the queue.
  void leave_as_apache(std::int64_t read_until, std::int64_t taken) {
    std::string check;
    append_be<std::int64_t>(check, read_until);  // lastReadTimeMs
    append_be<std::int64_t>(check, 104);         // lastTimerLogFlushPos
    append_be<std::int64_t>(check, taken);       // lastTimerQueueOffset
    check.resize(4096);
    const std::string path = config.store.root + "/config/timercheck";
    BOOST_TEST(!write_file_atomically(path, check, false));
  }
  // Goes on with a copy of the directory, as if the process had been killed at this moment.
  void kill_and_restart() {
    const std::string copy = directory.path() + "-killed-" + std::to_string(++kills_);
    copies_.push_back(copy);
    // A thread of the broker's replaces files there; one that vanishes meanwhile ends the copy.
    for (int tries = 1;; ++tries) {
      std::error_code problem;
      std::filesystem::remove_all(copy);
      std::filesystem::copy(config.store.root, copy, std::filesystem::copy_options::recursive,
                            problem);
      if (!problem) break;
      BOOST_REQUIRE_LT(tries, 1000);
      std::this_thread::yield();
    }
    stop();
    config.store.root = copy;
    start();
    world.settle();
  }
  ~TimerFixture() {
    stop();
    for (const std::string& copy : copies_) {
      std::error_code ignored;
      std::filesystem::remove_all(copy, ignored);
    }
  }

  static constexpr const char* kTimerTopic = "rmq_sys_wheel_timer";

 private:
  int kills_ = 0;
  std::vector<std::string> copies_;
};

using Bodies = std::vector<std::string>;

}  // namespace comet::inline v0_1::test

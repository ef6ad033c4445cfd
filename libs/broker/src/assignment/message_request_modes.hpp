#pragma once
// How the consumers of a group are to fetch a topic's messages, where an administrator has said so
// (Apache: MessageRequestModeManager, config/messageRequestMode.json). Only pulling exists here;
// what a store from Apache says of POP is kept. Apache keeps the modes of what is deleted, too.

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "comet/broker/config.hpp"
#include "tables/background_saver.hpp"
#include "tables/state_file.hpp"

namespace comet::inline v0_1::broker {

class MessageRequestMode {
 public:
  MessageRequestMode() = default;
  bool is_pop = false;
  std::int32_t pop_share_queues = 0;  // by POP: how many more members may share a queue
  friend bool operator==(const MessageRequestMode&, const MessageRequestMode&) = default;
};

// "popShareQueueNum", as it can be kept.
[[nodiscard]] std::int32_t share_of_queues(const boost::json::object& mode);

// Thread-safe. Changes are written on the helper thread.
class MessageRequestModes {
 public:
  using Done = BackgroundSaver::Done;

  MessageRequestModes(const BrokerConfig& config, TimeSource& time, HelperThread& files);

  void load();
  [[nodiscard]] std::optional<MessageRequestMode> find(std::string_view topic,
                                                       std::string_view group) const;
  // False: there are kMostRequestModes already. `done`: see BackgroundSaver.
  [[nodiscard]] bool put(std::string topic, std::string group, MessageRequestMode mode, Done done);
  // They are gone, and what was said of them with them.
  void forget_topic(std::string_view topic);
  void forget_group(std::string_view group);
  // A slave's: they become those of this file, or answer; all at once, or an error and none.
  [[nodiscard]] error_code replace_all(std::string_view json, Done done = {});
  // Called when the file has changed, on the helper thread. Set once, before the first change.
  void on_change(std::function<void()> observer) { observer_ = std::move(observer); }
  [[nodiscard]] std::size_t size() const;
  void save_now() { saver_.save_now(); }
  void retry_save() { saver_.retry(); }
  [[nodiscard]] std::string problem() const { return file_.problem(); }
  // The file's content, and the answer to GET_ALL_MESSAGE_REQUEST_MODE.
  [[nodiscard]] std::string to_json() const;

 private:
  using Key = std::pair<std::string, std::string>;  // topic and group
  using Modes = std::map<Key, MessageRequestMode>;
  [[nodiscard]] static Result<Modes> modes_of(std::string_view json);
  error_code parse(std::string_view json);
  bool save();
  void forget(const std::function<bool(const Key&)>& is_gone);

  StateFile file_;
  mutable std::mutex mutex_;
  Modes modes_;
  std::function<void()> observer_;
  BackgroundSaver saver_;
};

}  // namespace comet::inline v0_1::broker

#include "named_in_body.hpp"

#include <boost/json/object.hpp>
#include <utility>
#include <vector>

#include "comet/base/json.hpp"
#include "comet/base/json_events.hpp"

namespace comet::inline v0_1::access {
namespace {

// Java's clients and ours write them so.
std::string_view member_of_group(BodyRule rule) {
  return rule == BodyRule::heartbeat ? "groupName" : "consumerGroup";
}

}  // namespace

class NamedInBody::Reader final : public JsonEvents {
 public:
  Reader(NamedInBody& found, BodyRule rule, const Ask& ask)
      : found_(found), rule_(rule), group_(member_of_group(rule)), ask_(ask) {}

  void restart() override {
    depth_ = 0;
    is_in_producers_ = false;
    found_ = NamedInBody();
  }
  void begin_object() override { ++depth_; }
  void end_object() override { --depth_; }
  void begin_array() override { ++depth_; }
  void end_array() override { --depth_; }
  bool key(std::string_view name) override {
    if (depth_ == 1) is_in_producers_ = name == "producerDataSet";
    key_ = Key::other;
    if (name == "topic") key_ = Key::topic;
    if (name == group_) key_ = Key::group;
    if (name == "clientID" && depth_ == 1) key_ = Key::client;
    return key_ != Key::other;
  }
  void value(boost::json::value value) override {
    const Key key = std::exchange(key_, Key::other);
    if (key == Key::other) return;
    boost::json::object member;
    member.emplace("m", std::move(value));
    std::string text = get_string(member, "m");
    if (key == Key::client) {
      found_.client_id_ = std::move(text);
      return;
    }
    if (found_.is_refused_ || text.empty()) return;
    if (rule_ == BodyRule::heartbeat && is_in_producers_) return;
    const ResourceKind kind = key == Key::topic ? ResourceKind::topic : ResourceKind::group;
    if (ask_(kind, text)) return;
    found_.is_refused_ = true;
    found_.kind_ = kind;
    found_.name_ = std::move(text);
  }

 private:
  enum class Key { other, topic, group, client };
  NamedInBody& found_;
  const BodyRule rule_;
  const std::string_view group_;
  const Ask& ask_;
  std::size_t depth_ = 0;
  bool is_in_producers_ = false;
  Key key_ = Key::other;
};

error_code NamedInBody::ask_all(BodyRule rule, std::string_view body, const Ask& ask) {
  Reader reader(*this, rule, ask);
  return read_json(body, reader);
}

}  // namespace comet::inline v0_1::access

#include "plain_topics.hpp"

#include <charconv>
#include <cstdint>
#include <utility>

namespace comet::inline v0_1::routing {
namespace {

// Reads from the front of a text; what it does not expect makes it fail for good.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool ok() const noexcept { return ok_; }
  [[nodiscard]] const char* position() const noexcept { return rest_.data(); }
  void give_up() { fail(); }

  // A string without escapes and of nothing but ASCII.
  std::string_view string() {
    if (!take('"')) return {};
    std::size_t size = 0;
    while (size < rest_.size() && is_plain(rest_[size])) ++size;
    const std::string_view text = rest_.substr(0, size);
    rest_.remove_prefix(size);
    take_here('"');
    return text;
  }
  std::int32_t number() {
    skip_space();
    std::int32_t value = 0;
    const char* const end = rest_.data() + rest_.size();
    const auto [stop, error] = std::from_chars(rest_.data(), end, value);
    // Not "1.5", "1e3", "01" or "-0": those are for others to understand.
    const bool odd = stop != end && (*stop == '.' || *stop == 'e' || *stop == 'E');
    const bool zero_first = stop - rest_.data() > 1 && (rest_[0] == '0' || rest_[1] == '0') &&
                            (rest_[0] == '0' || rest_[0] == '-');
    if (error != std::errc{} || odd || zero_first) return fail();
    rest_.remove_prefix(static_cast<std::size_t>(stop - rest_.data()));
    return value;
  }
  bool boolean() {
    skip_space();
    for (const bool value : {true, false}) {
      const std::string_view word = value ? "true" : "false";
      if (!rest_.starts_with(word)) continue;
      rest_.remove_prefix(word.size());
      return value;
    }
    return fail() != 0;
  }
  // Calls member(key) for every member of an object; it has to read the value.
  template <class Member>
  void object(Member member) {
    if (!take('{') || take_if('}')) return;
    while (ok_) {
      const std::string_view key = string();
      if (!take(':')) return;
      member(key);
      if (take_if('}')) return;
      take(',');
    }
  }
  // To the end of a value of any kind, as far as brackets and quotes tell.
  void skip_value() {
    std::size_t depth = 0;
    bool quoted = false;
    for (std::size_t i = 0; i < rest_.size(); ++i) {
      const char c = rest_[i];
      if (quoted) {
        if (c == '\\') ++i;
        if (c == '"') quoted = false;
      } else if (c == '"') {
        quoted = true;
      } else if (c == '{' || c == '[') {
        ++depth;
      } else if (depth == 0 && (c == ',' || c == '}' || c == ']')) {
        rest_.remove_prefix(i);
        return;
      } else if (c == '}' || c == ']') {
        --depth;
      }
    }
    fail();
  }

 private:
  static bool is_plain(char c) noexcept {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte < 0x7F && c != '"' && c != '\\';
  }
  static bool is_space(char c) noexcept { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }
  void skip_space() {
    while (!rest_.empty() && is_space(rest_.front())) rest_.remove_prefix(1);
  }
  std::int32_t fail() {
    ok_ = false;
    rest_ = {};
    return 0;
  }
  bool take_here(char c) {
    if (rest_.empty() || rest_.front() != c) return fail() != 0;
    rest_.remove_prefix(1);
    return true;
  }
  bool take(char c) {
    skip_space();
    return take_here(c);
  }
  bool take_if(char c) {
    skip_space();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::string_view rest_;
  bool ok_ = true;
};

TopicConfig read_topic(Scanner& scanner, std::string_view name) {
  TopicConfig topic;
  topic.topic_name = name;
  scanner.object([&](std::string_view key) {
    if (key == "topicName") {
      if (scanner.string() != name) scanner.give_up();
    } else if (key == "readQueueNums") {
      topic.read_queue_nums = scanner.number();
    } else if (key == "writeQueueNums") {
      topic.write_queue_nums = scanner.number();
    } else if (key == "perm") {
      topic.perm = scanner.number();
    } else if (key == "topicSysFlag") {
      topic.topic_sys_flag = scanner.number();
    } else if (key == "topicFilterType") {
      topic.topic_filter_type = scanner.string();
    } else if (key == "order") {
      topic.order = scanner.boolean();
    } else if (key == "attributes") {
      scanner.object([&](std::string_view attribute) {
        topic.attributes.insert_or_assign(std::string(attribute), std::string(scanner.string()));
      });
    } else {
      scanner.give_up();
    }
  });
  return topic;
}

}  // namespace

std::optional<PlainTopics> cut_plain_topics(std::string_view body) {
  PlainTopics parts;
  Scanner scanner(body);
  bool found = false;
  const auto read_table = [&] {
    if (std::exchange(found, true)) return scanner.give_up();
    const auto begin = static_cast<std::size_t>(scanner.position() - body.data());
    scanner.object([&](std::string_view name) {
      parts.topics.insert_or_assign(parts.topics.end(), std::string(name),
                                    read_topic(scanner, name));
    });
    if (!scanner.ok()) return;
    const auto end = static_cast<std::size_t>(scanner.position() - body.data());
    parts.rest.append(body.substr(0, begin)).append("{}").append(body.substr(end));
  };
  scanner.object([&](std::string_view key) {
    if (key != "topicConfigSerializeWrapper") return scanner.skip_value();
    scanner.object([&](std::string_view member) {
      if (member == "topicConfigTable") return read_table();
      scanner.skip_value();
    });
  });
  if (!scanner.ok() || !found) return std::nullopt;
  return parts;
}

}  // namespace comet::inline v0_1::routing

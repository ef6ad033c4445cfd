#include <cstddef>
#include <vector>

#include "comet/base/json.hpp"

namespace comet::inline v0_1 {
namespace {

bool is_json_space(char c) noexcept { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

// One pass over the text that knows where it is in objects and arrays, and nothing more.
class KeyQuoter {
 public:
  explicit KeyQuoter(std::string_view json) : json_(json) { out_.reserve(json.size() + 64); }

  std::string run() {
    while (at_ < json_.size()) {
      const char c = json_[at_];
      if (c == '"') {
        copy_to(end_of_string(at_));
        key_next_ = false;
      } else if (key_next_ && integer_begins()) {
        quote_integer();
      } else if (key_next_ && c == '{') {
        quote_object();
      } else {
        structure(c);
        copy_to(at_ + 1);
      }
    }
    return std::move(out_);
  }

 private:
  void structure(char c) {
    switch (c) {
      case '{':
      case '[':
        open_.push_back(c);
        key_next_ = c == '{';
        break;
      case '}':
      case ']':
        if (!open_.empty()) open_.pop_back();
        key_next_ = false;
        break;
      case ',':
        key_next_ = !open_.empty() && open_.back() == '{';
        break;
      default:
        if (!is_json_space(c)) key_next_ = false;
    }
  }

  [[nodiscard]] bool integer_begins() const {
    const std::size_t digit = json_[at_] == '-' ? at_ + 1 : at_;
    return digit < json_.size() && is_digit(json_[digit]);
  }

  void copy_to(std::size_t end) {
    out_ += json_.substr(at_, end - at_);
    at_ = end;
  }

  // One past the closing quote, or the end of the text.
  [[nodiscard]] std::size_t end_of_string(std::size_t from) const {
    for (std::size_t i = from + 1; i < json_.size(); ++i) {
      if (json_[i] == '\\') {
        ++i;
      } else if (json_[i] == '"') {
        return i + 1;
      }
    }
    return json_.size();
  }

  // One past the brace that closes the one at `from`; `from` when nothing closes it.
  [[nodiscard]] std::size_t end_of_object(std::size_t from) const {
    std::size_t depth = 0;
    for (std::size_t i = from; i < json_.size(); ++i) {
      const char c = json_[i];
      if (c == '"') {
        i = end_of_string(i) - 1;
      } else if (c == '{') {
        ++depth;
      } else if (c == '}' && --depth == 0) {
        return i + 1;
      }
    }
    return from;
  }

  void quote_integer() {
    std::size_t end = at_ + 1;
    while (end < json_.size() && is_digit(json_[end])) ++end;
    out_ += '"';
    copy_to(end);
    out_ += '"';
    key_next_ = false;
  }

  void quote_object() {
    const std::size_t end = end_of_object(at_);
    key_next_ = false;
    if (end == at_) {  // malformed for good: the rest goes out as it is
      copy_to(json_.size());
      return;
    }
    append_json_string(out_, json_.substr(at_, end - at_));
    at_ = end;
  }

  std::string_view json_;
  std::size_t at_ = 0;
  std::string out_;
  std::vector<char> open_;  // '{' or '[' of every level
  bool key_next_ = false;   // in an object, where a key has to come
};

}  // namespace

std::string quote_keys(std::string_view json) { return KeyQuoter(json).run(); }

}  // namespace comet::inline v0_1

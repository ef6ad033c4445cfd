#pragma once
// Compact JSON objects and arrays, written member by member.

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "comet/base/json.hpp"

namespace comet::inline v0_1 {

class JsonWriter {
 public:
  explicit JsonWriter(JsonCharset charset = JsonCharset::utf8) : charset_(charset) {}

  // Memory for that many bytes in all.
  void reserve(std::size_t bytes) { out_.reserve(bytes); }

  void begin_object() { open('{'); }
  void end_object() { close('}'); }
  void begin_array() { open('['); }
  void end_array() { close(']'); }

  // What follows is the member's value.
  void key(std::string_view name) {
    separate();
    append_json_string(out_, name, charset_);
    out_ += ':';
    first_ = true;
  }
  void key(std::int64_t number, bool quoted) {
    separate();
    if (quoted) out_ += '"';
    out_ += std::to_string(number);
    if (quoted) out_ += '"';
    out_ += ':';
    first_ = true;
  }

  // Java's way to print a map whose keys are objects: {{"a":1}:2}. What is written in between are
  // the members of the key; what follows is its value.
  void begin_object_key() { open('{'); }
  void end_object_key() {
    close('}');
    out_ += ':';
    first_ = true;
  }

  void value(std::string_view text) {
    separate();
    append_json_string(out_, text, charset_);
  }
  void value(std::int64_t number) {
    separate();
    out_ += std::to_string(number);
  }
  void value(bool flag) {
    separate();
    out_ += flag ? "true" : "false";
  }
  void value(double number) {
    separate();
    append_java_double(out_, number);
  }
  // A value that is JSON already.
  void raw_value(std::string_view json) {
    separate();
    out_ += json;
  }
  template <class T>
  void member(std::string_view name, const T& content) {
    key(name);
    if constexpr (std::is_convertible_v<const T&, std::string_view>) {
      value(std::string_view(content));
    } else if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, double>) {
      value(content);
    } else {
      value(static_cast<std::int64_t>(content));
    }
  }

  [[nodiscard]] std::size_t size() const noexcept { return out_.size(); }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  void separate() {
    if (!first_) out_ += ',';
    first_ = false;
  }
  void open(char bracket) {
    separate();
    out_ += bracket;
    first_ = true;
  }
  void close(char bracket) {
    out_ += bracket;
    first_ = false;
  }

  std::string out_;
  JsonCharset charset_;
  bool first_ = true;  // nothing before what comes next, so no comma
};

}  // namespace comet::inline v0_1

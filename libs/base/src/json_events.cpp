#include "comet/base/json_events.hpp"

#include <boost/json/basic_parser_impl.hpp>
#include <limits>
#include <string>

#include "comet/base/body_error.hpp"
#include "comet/base/json.hpp"

namespace comet::inline v0_1 {
namespace {

// What Boost's parser calls; none of it stops the parser.
class Handler {
 public:
  static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_array_size = max_object_size;
  static constexpr std::size_t max_key_size = max_object_size;
  static constexpr std::size_t max_string_size = max_object_size;

  explicit Handler(JsonEvents& events) noexcept : events_(events) {}

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) {
    events_.begin_object();
    return true;
  }
  bool on_object_end(std::size_t, error_code&) {
    events_.end_object();
    wanted_ = true;
    return true;
  }
  bool on_array_begin(error_code&) {
    events_.begin_array();
    wanted_ = true;
    return true;
  }
  bool on_array_end(std::size_t, error_code&) {
    events_.end_array();
    wanted_ = true;
    return true;
  }
  bool on_key_part(std::string_view part, std::size_t, error_code&) {
    text_ += part;
    return true;
  }
  bool on_key(std::string_view part, std::size_t, error_code&) {
    wanted_ = events_.key(whole(part));
    text_.clear();
    return true;
  }
  bool on_string_part(std::string_view part, std::size_t, error_code&) {
    if (wanted_) text_ += part;
    return true;
  }
  bool on_string(std::string_view part, std::size_t, error_code&) {
    if (wanted_) events_.value(boost::json::value(whole(part)));
    text_.clear();
    return true;
  }
  bool on_number_part(std::string_view, error_code&) { return true; }
  bool on_int64(std::int64_t number, std::string_view, error_code&) { return tell(number); }
  bool on_uint64(std::uint64_t number, std::string_view, error_code&) { return tell(number); }
  bool on_double(double number, std::string_view, error_code&) { return tell(number); }
  bool on_bool(bool flag, error_code&) { return tell(flag); }
  bool on_null(error_code&) { return tell(nullptr); }
  bool on_comment_part(std::string_view, error_code&) { return true; }
  bool on_comment(std::string_view, error_code&) { return true; }

 private:
  // With the parts before it.
  std::string_view whole(std::string_view part) {
    if (text_.empty()) return part;
    text_ += part;
    return text_;
  }
  template <class T>
  bool tell(T value) {
    if (wanted_) events_.value(boost::json::value(value));
    return true;
  }

  JsonEvents& events_;
  std::string text_;  // what has come of a text or a name
  bool wanted_ = true;
};

error_code read_standard(std::string_view json, JsonEvents& events) {
  boost::json::parse_options options;
  options.max_depth = kMaxJsonDepth;
  boost::json::basic_parser<Handler> parser(options, events);
  error_code error;
  const std::size_t read = parser.write_some(false, json.data(), json.size(), error);
  if (error == boost::json::error::too_deep) return BodyErrc::too_deep;
  if (!error && read < json.size()) error = boost::json::error::extra_data;
  return error;
}

}  // namespace

error_code read_json(std::string_view json, JsonEvents& events) {
  const error_code error = read_standard(json, events);
  if (!error || error == BodyErrc::too_deep) return error;
  const std::string quoted = quote_keys(json);
  if (quoted == json) return error;
  events.restart();
  return read_standard(quoted, events);
}

}  // namespace comet::inline v0_1

#pragma once
// Java properties files: the form of broker.conf and namesrv.conf.

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "comet/base/error.hpp"

namespace comet::inline v0_1 {

// Parsed as java.util.Properties.load does: '#' and '!' comments, '=', ':' or white space between
// key and value, backslash escapes, \uXXXX, line continuation. The last of equal keys wins.
class Properties {
 public:
  static Result<Properties> parse(std::string_view text);
  // Throws Error naming the file and the reason.
  static Properties load(const std::string& path);

  [[nodiscard]] const std::string* find(std::string_view key) const;
  // The line at which the key was read, counted from 1; 0: it was not read by parse().
  [[nodiscard]] std::size_t line_of(std::string_view key) const;
  void set(std::string key, std::string value) { values_[std::move(key)] = std::move(value); }
  [[nodiscard]] const std::map<std::string, std::string, std::less<>>& values() const noexcept {
    return values_;
  }

 private:
  std::map<std::string, std::string, std::less<>> values_;
  std::map<std::string, std::size_t, std::less<>> lines_;
};

// Appends "key=value" and an end of line, escaped so that parse() and Java read both back.
void append_property(std::string& out, std::string_view key, std::string_view value);

// Adds the changes to what the file holds, below a comment that says who has written it. Empty:
// done, and on disk; otherwise why not. A file that cannot be read is left as it is.
[[nodiscard]] std::string change_properties_file(const std::string& path, const Properties& changes,
                                                 std::string_view writer);

}  // namespace comet::inline v0_1

#pragma once
// YAML piece by piece, with what a tree would have lost: how a scalar is written, and its line.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace comet::inline v0_1::access {

class YamlEvent {
 public:
  enum class Kind { scalar, begin_list, end_list, begin_map, end_map, end };

  Kind kind = Kind::end;
  std::string text;       // of a scalar
  bool is_plain = false;  // without quotes, so that YAML may take it for a number
  std::size_t line = 0;   // from 1
};

// Reads one document. Throws Error (BaseErrc::bad_value), with "FILE:LINE: " and the reason but no
// text of the file, for what is no YAML, aliases, tags and further documents.
class YamlReader {
 public:
  // Both must outlive the reader. `name`: what the operator calls the text.
  YamlReader(std::string_view name, std::string_view text);
  ~YamlReader();
  YamlReader(const YamlReader&) = delete;
  YamlReader& operator=(const YamlReader&) = delete;

  // `end` for ever after the document. Lists and maps come with all that is in them.
  [[nodiscard]] YamlEvent next();
  // Passes over what `begun` has begun; nothing for a scalar.
  void skip(const YamlEvent& begun);
  [[noreturn]] void fail(std::size_t line, std::string_view reason) const;

 private:
  struct Parser;
  std::string_view name_;
  std::unique_ptr<Parser> parser_;
};

// Whether YAML 1.1 as SnakeYAML reads it makes something else of a scalar without quotes than the
// same text: a number that is no plain decimal one, a date, a truth value, nothing.
[[nodiscard]] bool is_changed_by_yaml(std::string_view plain);

}  // namespace comet::inline v0_1::access

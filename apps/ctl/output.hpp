#pragma once
// What subcommands print, said once: aligned tables for people, JSON for programs.

#include <concepts>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace comet::inline v0_1::ctl {

// One value, in both forms.
class Cell {
 public:
  Cell(std::string_view value);  // NOLINT(google-explicit-constructor): values become cells
  Cell(const char* value) : Cell(std::string_view(value)) {}         // NOLINT
  Cell(const std::string& value) : Cell(std::string_view(value)) {}  // NOLINT
  Cell(double number);                                               // NOLINT
  Cell(bool value);                                                  // NOLINT
  template <std::integral T>
  Cell(T number)  // NOLINT
      : json(std::to_string(number)), text(json), is_number(true) {}

  // Milliseconds for programs, a date for people.
  static Cell time(std::int64_t millis);
  // A number for programs, with other words for people.
  static Cell shown_as(std::int64_t number, std::string words);
  // Absent: null for programs.
  static Cell none(std::string_view words = "-");
  static Cell list(const std::vector<std::string>& items);
  static Cell map(const std::map<std::string, std::string>& items);

  std::string json;  // serialized
  std::string text;  // without control characters
  bool is_number = false;

 private:
  Cell() = default;
};

class Column {
 public:
  std::string_view title;  // for people
  std::string_view key;    // for programs
};

class Table {
 public:
  // `key`: of the list of its rows.
  Table(std::string_view key, std::vector<Column> columns)
      : key_(key), columns_(std::move(columns)) {}
  // As many cells as there are columns.
  void row(std::vector<Cell> cells);
  [[nodiscard]] bool empty() const noexcept { return rows_.empty(); }
  [[nodiscard]] const std::string& key() const noexcept { return key_; }
  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::string json() const;

 private:
  std::string key_;
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

// One answer: values with labels, and tables, in order.
class Report {
 public:
  void field(std::string_view label, std::string_view key, Cell value);
  void table(Table table);
  // Text of several lines, below its label.
  void text_block(std::string_view label, std::string_view key, std::string_view value);
  // For people alone.
  void note(std::string_view line);
  // For programs alone: serialized.
  void json_member(std::string_view key, std::string json);

  [[nodiscard]] std::string text() const;
  // One object on one line.
  [[nodiscard]] std::string json() const;

 private:
  class Part {
   public:
    std::string label;
    std::string text;  // of a field: its value
    std::string key;   // empty: nothing for programs
    std::string json;
    enum class Kind { field, block, hidden } kind = Kind::field;
  };
  std::vector<Part> parts_;
};

// Where reports go.
class Output {
 public:
  explicit Output(bool json) : json_(json) {}
  [[nodiscard]] bool is_json() const noexcept { return json_; }
  void print(const Report& report) const;
  // One of many: a line of JSON, or the text as it is.
  void print_item(const Report& report, std::string_view text) const;

 private:
  bool json_;
};

// Base64 of RFC 4648, for bodies that are no text.
[[nodiscard]] std::string to_base64(std::string_view bytes);

}  // namespace comet::inline v0_1::ctl

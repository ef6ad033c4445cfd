#include "output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "comet/base/json.hpp"
#include "comet/base/printable.hpp"
#include "times.hpp"

namespace comet::inline v0_1::ctl {
namespace {

constexpr std::size_t kMostText = 1u << 20;  // bytes of one value for people
constexpr std::string_view kGap = "  ";

// Columns on a terminal, taking every character as one.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

void append_padded(std::string& out, std::string_view text, std::size_t to, bool right) {
  const std::size_t missing = to > width(text) ? to - width(text) : 0;
  if (right) out.append(missing, ' ');
  out += text;
  if (!right) out.append(missing, ' ');
}

void end_line(std::string& out) {
  while (!out.empty() && out.back() == ' ') out.pop_back();
  out += '\n';
}

void write(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

}  // namespace

Cell::Cell(std::string_view value) : text(printable(value, kMostText)) {
  append_json_string(json, value);
}

Cell::Cell(double number) : is_number(true) {
  json = std::isfinite(number) ? fmt::format("{}", number) : "null";
  text = fmt::format("{:.2f}", number);
}

Cell::Cell(bool value) : json(value ? "true" : "false"), text(json) {}

Cell Cell::time(std::int64_t millis) { return shown_as(millis, format_time(millis)); }

Cell Cell::shown_as(std::int64_t number, std::string words) {
  Cell cell;
  cell.json = std::to_string(number);
  cell.text = std::move(words);
  return cell;
}

Cell Cell::none(std::string_view words) {
  Cell cell;
  cell.json = "null";
  cell.text = words;
  return cell;
}

Cell Cell::list(const std::vector<std::string>& items) {
  Cell cell;
  cell.json = "[";
  for (const std::string& item : items) {
    if (cell.json.size() > 1) cell.json += ',';
    append_json_string(cell.json, item);
    cell.text += (cell.text.empty() ? "" : ", ") + printable(item, kMostText);
  }
  cell.json += ']';
  return cell;
}

Cell Cell::map(const std::map<std::string, std::string>& items) {
  Cell cell;
  cell.json = "{";
  for (const auto& [name, value] : items) {
    if (cell.json.size() > 1) cell.json += ',';
    append_json_string(cell.json, name);
    cell.json += ':';
    append_json_string(cell.json, value);
    cell.text += fmt::format("{}{}={}", cell.text.empty() ? "" : ", ", printable(name, kMostText),
                             printable(value, kMostText));
  }
  cell.json += '}';
  return cell;
}

void Table::row(std::vector<Cell> cells) { rows_.push_back(std::move(cells)); }

std::string Table::text() const {
  std::vector<std::size_t> widths;
  std::vector<bool> right;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    widths.push_back(width(columns_[i].title));
    right.push_back(!rows_.empty());
    for (const auto& row : rows_) {
      widths[i] = std::max(widths[i], width(row[i].text));
      if (!row[i].is_number && row[i].json != "null") right[i] = false;
    }
  }
  std::string out;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (i > 0) out += kGap;
    append_padded(out, columns_[i].title, widths[i], right[i]);
  }
  end_line(out);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (i > 0) out += kGap;
      append_padded(out, row[i].text, widths[i], right[i]);
    }
    end_line(out);
  }
  return out;
}

std::string Table::json() const {
  std::string out = "[";
  for (const auto& row : rows_) {
    if (out.size() > 1) out += ',';
    out += '{';
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (i > 0) out += ',';
      append_json_string(out, columns_[i].key);
      out += ':';
      out += row[i].json;
    }
    out += '}';
  }
  return out += ']';
}

void Report::field(std::string_view label, std::string_view key, Cell value) {
  Part part;
  part.label = label;
  part.text = std::move(value.text);
  part.key = key;
  part.json = std::move(value.json);
  parts_.push_back(std::move(part));
}

void Report::table(Table table) {
  Part part;
  part.kind = Part::Kind::block;
  part.text = table.text();
  part.key = table.key();
  part.json = table.json();
  parts_.push_back(std::move(part));
}

void Report::text_block(std::string_view label, std::string_view key, std::string_view value) {
  Part part;
  part.kind = Part::Kind::block;
  part.key = key;
  append_json_string(part.json, value);
  part.text = std::string(label) + ":\n";
  while (!value.empty()) {
    const std::size_t end = std::min(value.find('\n'), value.size());
    part.text += printable(value.substr(0, end), kMostText) + '\n';
    value.remove_prefix(std::min(end + 1, value.size()));
  }
  parts_.push_back(std::move(part));
}

void Report::note(std::string_view line) {
  Part part;
  part.kind = Part::Kind::block;
  part.text = printable(line, kMostText) + '\n';
  parts_.push_back(std::move(part));
}

void Report::json_member(std::string_view key, std::string json) {
  Part part;
  part.kind = Part::Kind::hidden;
  part.key = key;
  part.json = std::move(json);
  parts_.push_back(std::move(part));
}

std::string Report::text() const {
  std::size_t label_width = 0;
  for (const Part& part : parts_) label_width = std::max(label_width, width(part.label));
  std::string out;
  const Part* before = nullptr;
  for (const Part& part : parts_) {
    if (part.kind == Part::Kind::hidden) continue;
    const bool is_block = part.kind == Part::Kind::block;
    if (before != nullptr && (is_block || before->kind == Part::Kind::block)) out += '\n';
    if (!is_block) {
      append_padded(out, part.label + ":", label_width + 1, false);
      out += kGap;
    }
    out += part.text;
    if (!is_block) end_line(out);
    before = &part;
  }
  return out;
}

std::string Report::json() const {
  std::string out = "{";
  for (const Part& part : parts_) {
    if (part.key.empty()) continue;
    if (out.size() > 1) out += ',';
    append_json_string(out, part.key);
    out += ':';
    out += part.json;
  }
  return out += '}';
}

void Output::print(const Report& report) const {
  write(json_ ? report.json() + '\n' : report.text());
}

void Output::print_item(const Report& report, std::string_view text) const {
  if (json_) {
    write(report.json() + '\n');
  } else {
    write(text);
  }
}

std::string to_base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  while (!bytes.empty()) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size());
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i)
      group = group << 8 | (i < count ? static_cast<unsigned char>(bytes[i]) : 0u);
    for (std::size_t i = 0; i < 4; ++i)
      out += i <= count ? kDigits[group >> (18 - 6 * i) & 63] : '=';
    bytes.remove_prefix(count);
  }
  return out;
}

}  // namespace comet::inline v0_1::ctl

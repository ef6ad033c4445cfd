#include "yaml_events.hpp"

#include <fmt/format.h>
#include <yaml.h>

#include <algorithm>
#include <array>
#include <new>
#include <regex>

#include "comet/base/error.hpp"

namespace comet::inline v0_1::access {
namespace {

constexpr std::string_view kTextTag = "tag:yaml.org,2002:str";

std::string_view view_of(const yaml_char_t* text) {
  return text == nullptr ? std::string_view() : reinterpret_cast<const char*>(text);
}

// Frees what libyaml has put into an event.
class OwnedEvent {
 public:
  OwnedEvent() = default;
  ~OwnedEvent() { yaml_event_delete(&event); }
  OwnedEvent(const OwnedEvent&) = delete;
  OwnedEvent& operator=(const OwnedEvent&) = delete;

  yaml_event_t event{};
};

}  // namespace

struct YamlReader::Parser {
  Parser() {
    if (yaml_parser_initialize(&parser) == 0) throw std::bad_alloc();
  }
  ~Parser() { yaml_parser_delete(&parser); }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  yaml_parser_t parser{};
  bool has_document = false;
  bool has_ended = false;
};

YamlReader::YamlReader(std::string_view name, std::string_view text)
    : name_(name), parser_(std::make_unique<Parser>()) {
  yaml_parser_set_input_string(&parser_->parser,
                               reinterpret_cast<const unsigned char*>(text.data()), text.size());
}

YamlReader::~YamlReader() = default;

void YamlReader::fail(std::size_t line, std::string_view reason) const {
  throw Error(BaseErrc::bad_value, fmt::format("{}:{}: {}", name_, line, reason));
}

namespace {

// "tag" of a node: only what says nothing, or that it is text, leaves it as it is written.
bool is_plain_tag(const yaml_char_t* tag, bool is_text) {
  const std::string_view name = view_of(tag);
  return name.empty() || (is_text && (name == kTextTag || name == "!"));
}

}  // namespace

YamlEvent YamlReader::next() {
  YamlEvent result;
  while (!parser_->has_ended) {
    OwnedEvent owned;
    yaml_event_t& event = owned.event;
    if (yaml_parser_parse(&parser_->parser, &event) == 0) {
      const std::size_t line = parser_->parser.problem_mark.line + 1;
      const char* problem = parser_->parser.problem;
      fail(line, fmt::format("no YAML: {}", problem == nullptr ? "it cannot be read" : problem));
    }
    result.line = event.start_mark.line + 1;
    switch (event.type) {
      case YAML_SCALAR_EVENT: {
        const auto& scalar = event.data.scalar;
        if (!is_plain_tag(scalar.tag, true)) fail(result.line, "a tag; write the text in quotes");
        result.kind = YamlEvent::Kind::scalar;
        result.text.assign(reinterpret_cast<const char*>(scalar.value), scalar.length);
        result.is_plain = scalar.style == YAML_PLAIN_SCALAR_STYLE && view_of(scalar.tag).empty();
        return result;
      }
      case YAML_SEQUENCE_START_EVENT:
        if (!is_plain_tag(event.data.sequence_start.tag, false)) fail(result.line, "a tag");
        result.kind = YamlEvent::Kind::begin_list;
        return result;
      case YAML_MAPPING_START_EVENT:
        if (!is_plain_tag(event.data.mapping_start.tag, false)) fail(result.line, "a tag");
        result.kind = YamlEvent::Kind::begin_map;
        return result;
      case YAML_SEQUENCE_END_EVENT:
        result.kind = YamlEvent::Kind::end_list;
        return result;
      case YAML_MAPPING_END_EVENT:
        result.kind = YamlEvent::Kind::end_map;
        return result;
      case YAML_ALIAS_EVENT:
        fail(result.line, "an alias (*name); write out what it stands for");
      case YAML_DOCUMENT_START_EVENT:
        if (parser_->has_document) fail(result.line, "a second document (---) in one file");
        parser_->has_document = true;
        break;
      case YAML_STREAM_END_EVENT:
      case YAML_NO_EVENT:
        parser_->has_ended = true;
        break;
      default:
        break;
    }
  }
  result.kind = YamlEvent::Kind::end;
  return result;
}

void YamlReader::skip(const YamlEvent& begun) {
  using Kind = YamlEvent::Kind;
  if (begun.kind != Kind::begin_list && begun.kind != Kind::begin_map) return;
  for (std::size_t depth = 1; depth > 0;) {
    const YamlEvent event = next();
    if (event.kind == Kind::begin_list || event.kind == Kind::begin_map) ++depth;
    if (event.kind == Kind::end_list || event.kind == Kind::end_map) --depth;
    if (event.kind == Kind::end) return;
  }
}

bool is_changed_by_yaml(std::string_view plain) {
  static constexpr std::array<std::string_view, 28> kWords = {
      "",      "~",     "null",  "Null", "NULL", "yes",  "Yes",  "YES",  "no",   "No",
      "NO",    "on",    "On",    "ON",   "off",  "Off",  "OFF",  "true", "True", "TRUE",
      "false", "False", "FALSE", "<<",   ".nan", ".NaN", ".NAN", "="};
  if (std::ranges::find(kWords, plain) != kWords.end()) return true;
  constexpr std::size_t kLongestNumber = 256;  // no secret is a number of more digits by chance
  const bool may_be_number =
      plain.find_first_of("0123456789+-.") == 0 && plain.size() <= kLongestNumber;
  if (!may_be_number) return false;
  static const std::regex decimal("-?(0|[1-9][0-9]*)");  // written again as it is read
  static const std::regex others(  // SnakeYAML's Resolver: FLOAT, INT, TIMESTAMP
      "[-+]?[0-9][0-9_]*\\.[0-9_]*([eE][-+]?[0-9]+)?"
      "|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+"
      "|[-+]?\\.[0-9][0-9_]*([eE][-+]?[0-9]+)?"
      "|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+\\.[0-9_]*"
      "|[-+]?\\.(inf|Inf|INF)"
      "|[-+]?0b_*[01][01_]*|[-+]?0[0-7_]+|[-+]?(0|[1-9][0-9_]*)"
      "|[-+]?0x_*[0-9a-fA-F][0-9a-fA-F_]*"
      "|[-+]?[1-9][0-9_]*(:[0-5]?[0-9])+"
      "|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
      "|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt]|[ \\t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(\\.[0-9]*)?"
      "([ \\t]*(Z|[-+][0-9]{1,2}(:?[0-9]{2})?))?");
  if (std::regex_match(plain.begin(), plain.end(), decimal)) return plain == "-0";
  return std::regex_match(plain.begin(), plain.end(), others);
}

}  // namespace comet::inline v0_1::access

#include <array>
#include <boost/container/small_vector.hpp>
#include <charconv>
#include <cstring>
#include <optional>
#include <string>

#include "byte_scan.hpp"
#include "comet/base/parse_number.hpp"
#include "comet/remoting/errors.hpp"
#include "header_codec.hpp"
#include "json_reader.hpp"

namespace comet::inline v0_1::remoting {
namespace {

using Kind = JsonReader::Kind;

// A number, or a number in a string; null leaves `out` alone.
void read_any_int(JsonReader& reader, std::int32_t& out) {
  std::optional<std::int32_t> value;
  std::string_view digits;
  JsonString text;
  switch (reader.peek()) {
    case Kind::number:
      if (reader.read_number(digits)) value = parse_number<std::int32_t>(digits);
      break;
    case Kind::string:
      if (reader.read_string(text))
        value = parse_number<std::int32_t>(text.escaped ? text.text() : text.raw);
      break;
    case Kind::null:
      return reader.read_null();
    default:
      break;
  }
  if (!value) return reader.fail();
  out = *value;
}

[[gnu::always_inline]] inline void read_int(JsonReader& reader, std::int32_t& out) {
  if (!reader.take_short_integer(out)) read_any_int(reader, out);
}

// A name, or the number of the enumerator.
void read_language(JsonReader& reader, Language& out) {
  if (reader.ahead(0) == '"') {
    JsonString name;
    if (reader.read_string(name)) out = parse_language(name.raw).value_or(Language::other);
  } else if (reader.peek() == Kind::number) {
    std::string_view digits;
    if (reader.read_number(digits))
      out = language_of(parse_number<std::int32_t>(digits).value_or(-1));
  } else if (reader.peek() == Kind::null) {
    reader.read_null();
  } else {
    JsonString name;
    if (reader.read_string(name)) out = parse_language(name.raw).value_or(Language::other);
  }
}

// A scalar as text. False for null, and for what is no scalar (the reader has failed then).
bool read_text(JsonReader& reader, JsonString& out) {
  if (reader.ahead(0) == '"') return reader.read_string(out);
  out.escaped = false;
  switch (reader.peek()) {
    case Kind::string:
      return reader.read_string(out);
    case Kind::number:
      return reader.read_number(out.raw);
    case Kind::boolean:
      return reader.read_boolean(out.raw);
    case Kind::null:
      reader.read_null();
      return false;
    default:
      reader.fail();
      return false;
  }
}

void read_remark(JsonReader& reader, std::string& out) {
  JsonString text;
  if (!read_text(reader, text)) return;
  out.resize(text.raw.size());
  out.resize(text.decode(out.data()));
}

// A key or a value with escapes, of a field.
class Escaped {
 public:
  std::size_t field = 0;
  bool is_key = false;
  JsonString text;
};

// All text from the first key to the last value is copied at once; fields are places in it, and
// what was escaped is decoded where it stands.
void read_fields(JsonReader& reader, Fields& fields) {
  fields.clear();
  if (reader.peek() == Kind::null) return reader.read_null();
  reader.enter_object();
  const char* const begin = reader.at();
  const auto place_of = [begin](std::string_view text) {
    return Fields::Place{static_cast<std::size_t>(text.data() - begin), text.size()};
  };
  boost::container::small_vector<Escaped, 8> escaped;
  JsonString key;
  JsonString value;
  fields.reserve(kUsualFields, 0);
  while (reader.take_short_key(key) || reader.next_key(key)) {
    if (!read_text(reader, value)) continue;
    if (fields.size() == kMostFields) {
      reader.fail();
      break;
    }
    if (value.escaped) escaped.push_back({fields.size(), false, value});
    if (!key.escaped) {
      fields.add_place(key.raw, place_of(key.raw), place_of(value.raw));
      continue;
    }
    escaped.push_back({fields.size(), true, key});
    const std::string name = key.text();
    fields.add_place(name, {place_of(key.raw).at, name.size()}, place_of(value.raw));
  }
  if (!reader.ok()) return fields.clear();
  fields.set_text(std::string_view(begin, static_cast<std::size_t>(reader.at() - begin)));
  for (const Escaped& one : escaped) {
    if (one.is_key) {
      one.text.decode(fields.key_text(one.field));
    } else {
      fields.trim_value(one.field, one.text.decode(fields.value_text(one.field)));
    }
  }
}

void read_member(JsonReader& reader, std::string_view name, RemotingCommand& command) {
  if (name == "code") return read_int(reader, command.code);
  if (name == "extFields") return read_fields(reader, command.fields);
  if (name == "flag") return read_int(reader, command.flag);
  if (name == "language") return read_language(reader, command.language);
  if (name == "opaque") return read_int(reader, command.opaque);
  if (name == "version") return read_int(reader, command.version);
  if (name == "remark") return read_remark(reader, command.remark);
  // serializeTypeCurrentRPC repeats what the frame says; others are not ours.
  reader.skip_value();
}

// A member that stands as most clients write it, without spaces and escapes; otherwise nothing has
// been read.
bool read_usual_member(JsonReader& reader, RemotingCommand& command) {
  switch (reader.ahead(1)) {
    case 'c':
      return reader.take_text("\"code\":") && (read_int(reader, command.code), true);
    case 'e':
      return reader.take_text("\"extFields\":") && (read_fields(reader, command.fields), true);
    case 'f':
      return reader.take_text("\"flag\":") && (read_int(reader, command.flag), true);
    case 'l':
      return reader.take_text("\"language\":") && (read_language(reader, command.language), true);
    case 'o':
      return reader.take_text("\"opaque\":") && (read_int(reader, command.opaque), true);
    case 's':
      return reader.take_text("\"serializeTypeCurrentRPC\":\"JSON\"");
    case 'v':
      return reader.take_text("\"version\":") && (read_int(reader, command.version), true);
    default:
      return false;
  }
}

// How a byte to be escaped stands in a JSON string: 'u' as \u00XX, others after a backslash.
constexpr std::array<char, 256> make_escapes() {
  std::array<char, 256> escapes{};
  for (std::size_t byte = 0; byte < 0x20; ++byte) escapes[byte] = 'u';
  escapes['\b'] = 'b';
  escapes['\f'] = 'f';
  escapes['\n'] = 'n';
  escapes['\r'] = 'r';
  escapes['\t'] = 't';
  escapes['"'] = '"';
  escapes['\\'] = '\\';
  return escapes;
}
constexpr std::array<char, 256> kEscapes = make_escapes();

// Writes behind what is in a string, which has its final size when the writer has ended. (Many
// small appends to a std::string cost more than all the rest.)
class JsonWriter {
 public:
  JsonWriter(std::string& out, std::size_t expected) : out_(out), used_(out.size()) {
    out_.resize(used_ + expected);
  }
  ~JsonWriter() { out_.resize(used_); }
  JsonWriter(const JsonWriter&) = delete;
  JsonWriter& operator=(const JsonWriter&) = delete;

  void put(char c) { *room(1) = c, ++used_; }
  template <std::size_t N>
  void put_text(const char (&text)[N]) {
    std::memcpy(room(N - 1), text, N - 1);
    used_ += N - 1;
  }
  void put(std::string_view text) {
    text.copy(room(text.size()), text.size());
    used_ += text.size();
  }
  [[gnu::always_inline]] void put(std::int32_t value) {
    if (value >= 0 && value < 10) return put(static_cast<char>('0' + value));
    constexpr std::size_t longest = 11;
    char* to = room(longest);
    used_ += static_cast<std::size_t>(std::to_chars(to, to + longest, value).ptr - to);
  }
  void put_quoted(std::string_view text);
  void put_key(std::string_view key) {
    if (key.size() != 1 || !is_plain(key[0])) {
      put_quoted(key);
      return put(':');
    }
    const char quoted[] = {'"', key[0], '"', ':'};  // the usual one of a send
    std::memcpy(room(sizeof quoted), quoted, sizeof quoted);
    used_ += sizeof quoted;
  }

 private:
  char* room(std::size_t size) {
    if (out_.size() - used_ < size) grow(size);
    return out_.data() + used_;
  }
  void grow(std::size_t size) { out_.resize(used_ + size + kStep); }
  void put_escaped(const char* at, const char* end);
  void put_escape(unsigned char byte);

  static constexpr std::size_t kStep = 256;
  std::string& out_;
  std::size_t used_;
};

void JsonWriter::put_quoted(std::string_view text) {
  const char* const at = text.data();
  const char* const end = at + text.size();
  char* to = room(text.size() + 2);
  *to++ = '"';
  const char* const stop = copy_plain(at, end, to);
  used_ += 1 + static_cast<std::size_t>(stop - at);
  if (stop != end) return put_escaped(stop, end);
  to[text.size()] = '"';
  ++used_;
}

// The rest of a quoted text, from a byte that is to be escaped on.
void JsonWriter::put_escaped(const char* at, const char* end) {
  while (at != end) {
    put_escape(static_cast<unsigned char>(*at++));
    const char* const stop = copy_plain(at, end, room(static_cast<std::size_t>(end - at)));
    used_ += static_cast<std::size_t>(stop - at);
    at = stop;
  }
  put('"');
}

void JsonWriter::put_escape(unsigned char byte) {
  constexpr std::string_view hex = "0123456789abcdef";
  put('\\');
  put(kEscapes[byte]);
  if (kEscapes[byte] != 'u') return;
  const char digits[4] = {'0', '0', hex[byte >> 4], hex[byte & 15]};
  put(std::string_view(digits, sizeof digits));
}

void put_fields(JsonWriter& writer, const Fields& fields) {
  writer.put('{');
  for (std::size_t i = 0; i < fields.size(); ++i) {
    auto [key, value] = fields[i];
    if (i != 0) writer.put(',');
    writer.put_key(key);
    writer.put_quoted(value);
  }
  writer.put('}');
}

// Of the header without its escapes: its members, and quotes, colon and comma of each field.
std::size_t expected_size(const RemotingCommand& command) noexcept {
  constexpr std::size_t members = 192;
  constexpr std::size_t marks = 6;
  return members + command.fields.text_size() + marks * command.fields.size() +
         command.remark.size();
}

}  // namespace

error_code decode_json_header(std::string_view header, RemotingCommand& command) {
  reset_header(command);
  JsonReader reader(header);
  reader.enter_object();
  JsonString key;
  while (reader.next_member()) {
    if (read_usual_member(reader, command) || !reader.read_key(key)) continue;
    if (key.escaped) {
      read_member(reader, key.text(), command);
    } else {
      read_member(reader, key.raw, command);
    }
  }
  return reader.ok() && reader.at_end() ? error_code{} : RemotingErrc::bad_header;
}

void encode_json_header(const RemotingCommand& command, std::string& out) {
  JsonWriter writer(out, expected_size(command));
  writer.put_text("{\"code\":");
  writer.put(command.code);
  // Clients look into those of an answer without asking whether there are any.
  if (!command.fields.empty() || command.is_response()) {
    writer.put_text(",\"extFields\":");
    put_fields(writer, command.fields);
  }
  writer.put_text(",\"flag\":");
  writer.put(command.flag);
  writer.put_text(",\"language\":\"");
  writer.put(to_string(command.language));
  writer.put_text("\",\"opaque\":");
  writer.put(command.opaque);
  if (!command.remark.empty()) {
    writer.put_text(",\"remark\":");
    writer.put_quoted(command.remark);
  }
  writer.put_text(",\"serializeTypeCurrentRPC\":\"JSON\",\"version\":");
  writer.put(command.version);
  writer.put('}');
}

}  // namespace comet::inline v0_1::remoting

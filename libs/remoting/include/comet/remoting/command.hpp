#pragma once
// RocketMQ's remoting command: the unit of the wire protocol, request or response.

#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "comet/base/body.hpp"
#include "comet/remoting/codes.hpp"
#include "comet/remoting/serialize_type.hpp"

namespace comet::inline v0_1::remoting {

// Apache: LanguageCode.
enum class Language : std::uint8_t {
  java = 0,
  cpp = 1,
  dotnet = 2,
  python = 3,
  delphi = 4,
  erlang = 5,
  ruby = 6,
  other = 7,
  http = 8,
  go = 9,
  php = 10,
  oms = 11,
  rust = 12,
  node_js = 13,
};
// "JAVA", "CPP", ...; unknown codes are "OTHER".
[[nodiscard]] std::string_view to_string(Language language) noexcept;
[[nodiscard]] std::optional<Language> parse_language(std::string_view name) noexcept;

// The version that we send: V4_9_8 (Apache: MQVersion ordinal). Clients gate features on it.
inline constexpr std::int32_t kVersion = 409;
inline constexpr std::int32_t kVersionV3_4_9 = 121;
inline constexpr std::int32_t kVersionV4_9_4 = 401;
inline constexpr std::int32_t kVersionV5_0_0 = 413;
inline constexpr std::int32_t kVersionV5_3_1 = 475;

namespace detail {

// Leaves new elements of a vector<char> as they are: they are written right after.
template <class T>
struct UninitializedAllocator : std::allocator<T> {
  template <class U>
  struct rebind {
    using other = UninitializedAllocator<U>;
  };
  template <class U>
  void construct(U* at) noexcept {
    ::new (static_cast<void*>(at)) U;
  }
};

}  // namespace detail

// extFields: an ordered list of text pairs. All text lives in one buffer of this object, so views
// handed out stay valid until the object is changed or destroyed, also when it is moved.
class Fields {
 public:
  Fields() = default;
  Fields(const Fields&) = default;
  Fields& operator=(const Fields&) = default;
  Fields(Fields&& other) noexcept
      : text_(std::move(other.text_)),
        entries_(std::move(other.entries_)),
        text_size_(std::exchange(other.text_size_, 0)),
        is_ascending_(std::exchange(other.is_ascending_, true)) {}
  Fields& operator=(Fields&& other) noexcept {
    text_ = std::move(other.text_);
    entries_ = std::move(other.entries_);
    text_size_ = std::exchange(other.text_size_, 0);
    is_ascending_ = std::exchange(other.is_ascending_, true);
    return *this;
  }
  ~Fields() = default;

  // Appends; the caller does not set one key twice.
  void add(std::string_view key, std::string_view value);
  void add(std::string_view key, std::int64_t value);
  void add(std::string_view key, bool value) { add(key, value ? "true" : "false"); }
  template <class T>
    requires std::is_integral_v<T>
  void add(std::string_view key, T value) {
    add(key, static_cast<std::int64_t>(value));
  }
  void add(std::string_view key, const char* value) { add(key, std::string_view(value)); }
  void add(std::string_view key, const std::string& value) { add(key, std::string_view(value)); }

  // The last value of that key; nullopt when absent.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view key) const noexcept;
  // The same for `key` with its tag, looked for at `next` first, which then becomes the place
  // behind it: readers ask for keys in the order in which writers put them.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view key, std::uint64_t tag,
                                                     std::size_t& next) const noexcept {
    if (is_ascending_ && next < entries_.size() && is_of(entries_[next], key, tag)) {
      return value_of(entries_[next++]);
    }
    return find_elsewhere(key, tag, next);
  }
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
  [[nodiscard]] std::pair<std::string_view, std::string_view> operator[](
      std::size_t i) const noexcept {
    const Entry& entry = entries_[i];
    return {std::string_view(text_.data() + entry.key, entry.key_size), value_of(entry)};
  }
  // Of all keys and values together.
  [[nodiscard]] std::size_t text_size() const noexcept { return text_size_; }
  // That is held, used or not.
  [[nodiscard]] std::size_t capacity() const noexcept {
    return text_.capacity() + entries_.capacity() * sizeof(Entry);
  }
  // Keeps the memory for the next use.
  void clear() noexcept;
  void reserve(std::size_t fields, std::size_t bytes);

  // For decoders: keys and values that lie in one text, which is copied as a whole. First all
  // places, then the text. Only on an object that is empty.
  class Place {
   public:
    std::size_t at = 0;
    std::size_t size = 0;
  };
  void add_place(std::string_view key, Place key_place, Place value_place) {
    add_entry({tag_of(key), static_cast<std::uint32_t>(key_place.at),
               static_cast<std::uint32_t>(key_place.size),
               static_cast<std::uint32_t>(value_place.at),
               static_cast<std::uint32_t>(value_place.size)});
  }
  void set_text(std::string_view text);
  // Of the i-th field, in the text: what is written there anew, no longer than it was.
  [[nodiscard]] char* key_text(std::size_t i) noexcept { return text_.data() + entries_[i].key; }
  [[nodiscard]] char* value_text(std::size_t i) noexcept {
    return text_.data() + entries_[i].value;
  }
  void trim_value(std::size_t i, std::size_t size) noexcept {
    text_size_ -= entries_[i].value_size - size;
    entries_[i].value_size = static_cast<std::uint32_t>(size);
  }

  // A key's first bytes, with its size if it has no more than kTaggedBytes: equal for equal keys,
  // and up to that size only for those.
  static constexpr std::size_t kTaggedBytes = 7;
  [[nodiscard]] static constexpr std::uint64_t tag_of(std::string_view key) noexcept {
    std::uint64_t tag = 0;
    if (key.size() > kTaggedBytes) {
      for (std::size_t i = 0; i < kTaggedBytes; ++i) tag |= byte_of(key, i) << (8 * (i + 1));
      return tag | 0xff;
    }
    for (std::size_t i = 0; i < key.size(); ++i) tag |= byte_of(key, i) << (8 * (i + 1));
    return tag | key.size();
  }

 private:
  struct Entry {
    std::uint64_t tag;
    std::uint32_t key, key_size, value, value_size;
  };
  [[nodiscard]] static constexpr std::uint64_t byte_of(std::string_view key,
                                                       std::size_t i) noexcept {
    return static_cast<unsigned char>(key[i]);
  }
  [[nodiscard]] std::string_view value_of(const Entry& entry) const noexcept {
    return {text_.data() + entry.value, entry.value_size};
  }
  [[nodiscard]] bool is_of(const Entry& entry, std::string_view key,
                           std::uint64_t tag) const noexcept {
    return entry.tag == tag && (key.size() <= kTaggedBytes ||
                                std::string_view(text_.data() + entry.key, entry.key_size) == key);
  }
  [[nodiscard]] std::optional<std::string_view> find_elsewhere(std::string_view key,
                                                               std::uint64_t tag,
                                                               std::size_t& next) const noexcept;
  void add_entry(const Entry& entry) {
    is_ascending_ = is_ascending_ && (entries_.empty() || entries_.back().tag < entry.tag);
    text_size_ += entry.key_size + entry.value_size;
    entries_.push_back(entry);
  }
  // Appends an entry with room for the value; returns where that belongs.
  [[nodiscard]] char* add_sized(std::string_view key, std::size_t value_size);

  std::vector<char, detail::UninitializedAllocator<char>> text_;
  std::vector<Entry> entries_;
  std::size_t text_size_ = 0;
  bool is_ascending_ = true;  // by their tags: no key is there twice
};

class RemotingCommand {
 public:
  static constexpr std::int32_t kResponseFlag = 1;
  static constexpr std::int32_t kOnewayFlag = 2;

  RemotingCommand() = default;

  // A request of this process's language and version; the connection gives it its opaque.
  [[nodiscard]] static RemotingCommand request(RequestCode code, Body body = {});
  template <class Header>
    requires requires { Header::fields; }
  [[nodiscard]] static RemotingCommand request(RequestCode code, const Header& header,
                                               Body body = {});
  // An answer to `to`: its opaque, its serialization.
  [[nodiscard]] static RemotingCommand response(const RemotingCommand& to, ResponseCode code,
                                                std::string remark = {});

  [[nodiscard]] bool is_response() const noexcept { return (flag & kResponseFlag) != 0; }
  [[nodiscard]] bool is_oneway() const noexcept { return (flag & kOnewayFlag) != 0; }
  void mark_oneway() noexcept { flag |= kOnewayFlag; }
  [[nodiscard]] RequestCode request_code() const noexcept { return static_cast<RequestCode>(code); }
  [[nodiscard]] ResponseCode response_code() const noexcept {
    return static_cast<ResponseCode>(code);
  }
  // Bytes of its fields and its body.
  [[nodiscard]] std::size_t memory_size() const noexcept {
    return fields.text_size() + body.size();
  }

  std::int32_t code = 0;
  std::int32_t version = kVersion;
  std::int32_t opaque = 0;
  std::int32_t flag = 0;
  Language language = Language::cpp;
  SerializeType serialize_type = SerializeType::json;
  // Of a request that has failed: a connection had taken it, so that its peer may have got it.
  bool on_its_way = false;
  std::string remark;  // empty = none
  Fields fields;
  Body body;
};

}  // namespace comet::inline v0_1::remoting

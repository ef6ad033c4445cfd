#pragma once
// A daemon's configuration: one table says which keys there are, what they mean and what holds
// without them; values come from there, from properties files and from the command line.

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "comet/base/error.hpp"
#include "comet/base/properties.hpp"

namespace comet::inline v0_1 {

// One row of the table. Apache's daemons have some hundred keys; rows say which of them do
// something here. All text must live for ever (literals).
class ConfigKey {
 public:
  enum class Use {
    used,
    no_effect,    // a setting of Apache's that there is no need for here
    unsupported,  // somebody who sets it expects something that does not happen here
    refused,      // likewise, and to go on without it could lose, lay open or mislead
  };
  enum class Type { text, integer, boolean, choice };

  static constexpr ConfigKey text(std::string_view name, std::string_view otherwise,
                                  std::string_view help) {
    return {name, Use::used, Type::text, otherwise, help};
  }
  // A text that is never printed.
  static constexpr ConfigKey secret(std::string_view name, std::string_view help) {
    ConfigKey key{name, Use::used, Type::text, {}, help};
    key.is_secret_ = true;
    return key;
  }
  static constexpr ConfigKey integer(std::string_view name, std::string_view otherwise,
                                     std::int64_t least, std::int64_t most, std::string_view help) {
    ConfigKey key{name, Use::used, Type::integer, otherwise, help};
    key.least_ = least;
    key.most_ = most;
    return key;
  }
  // A number that Apache's daemons move into their range instead of refusing it: so does Config,
  // with a warning.
  static constexpr ConfigKey clamped(std::string_view name, std::string_view otherwise,
                                     std::int64_t least, std::int64_t most, std::string_view help) {
    ConfigKey key = integer(name, otherwise, least, most, help);
    key.is_clamped_ = true;
    return key;
  }
  static constexpr ConfigKey boolean(std::string_view name, bool otherwise, std::string_view help) {
    return {name, Use::used, Type::boolean, otherwise ? "true" : "false", help};
  }
  // `choices`: "ASYNC_FLUSH|SYNC_FLUSH".
  static constexpr ConfigKey choice(std::string_view name, std::string_view otherwise,
                                    std::string_view choices, std::string_view help) {
    ConfigKey key{name, Use::used, Type::choice, otherwise, help};
    key.choices_ = choices;
    return key;
  }
  static constexpr ConfigKey no_effect(std::string_view name) {
    return {name, Use::no_effect, Type::text, {}, {}};
  }
  // `reason` goes on after "<name> has no effect here: ".
  static constexpr ConfigKey unsupported(std::string_view name, std::string_view reason) {
    return {name, Use::unsupported, Type::text, {}, reason};
  }

  // `harmless`: the values that ask for nothing which is missing here, Apache's default among them;
  // "false", "0|1", "default|"; in any case of letters. They are taken in silence, any other is an
  // error. `reason` goes on after "<name> = "<value>" cannot be served: " and says what to do.
  static constexpr ConfigKey refused(std::string_view name, std::string_view harmless,
                                     std::string_view reason) {
    ConfigKey key{name, Use::refused, Type::choice, {}, reason};
    key.choices_ = harmless;
    return key;
  }

  [[nodiscard]] constexpr std::string_view name() const noexcept { return name_; }
  [[nodiscard]] constexpr Use use() const noexcept { return use_; }
  [[nodiscard]] constexpr Type type() const noexcept { return type_; }
  [[nodiscard]] constexpr bool is_secret() const noexcept { return is_secret_; }
  [[nodiscard]] constexpr std::string_view otherwise() const noexcept { return otherwise_; }
  [[nodiscard]] constexpr std::string_view help() const noexcept { return help_; }
  // Of choice() and refused().
  [[nodiscard]] constexpr std::string_view choices() const noexcept { return choices_; }
  // What is wrong with a value, e.g. "must be a whole number from 1 to 65535"; empty: nothing.
  [[nodiscard]] std::string complaint(std::string_view value) const;
  // The number that holds instead of `value`; `value` itself unless the key is a clamped() one.
  [[nodiscard]] std::int64_t clamp(std::int64_t value) const noexcept;

 private:
  constexpr ConfigKey(std::string_view name, Use use, Type type, std::string_view otherwise,
                      std::string_view help)
      : name_(name), otherwise_(otherwise), help_(help), use_(use), type_(type) {}

  std::string_view name_;
  std::string_view otherwise_;
  std::string_view help_;
  std::string_view choices_;
  std::int64_t least_ = 0;
  std::int64_t most_ = 0;
  Use use_;
  Type type_;
  bool is_secret_ = false;
  bool is_clamped_ = false;
};

// The effective values. Not thread-safe while it is being filled.
class Config {
 public:
  // `keys` must outlive the Config.
  explicit Config(std::span<const ConfigKey> keys);

  // A default that is only known at run time (the host's name, the home directory).
  void set_default(std::string_view key, std::string value);
  // Later settings replace earlier ones. `source` is what the operator calls the place: a file's
  // name, "command line"; `line` is the line of that file, 0: none. White space around values is
  // dropped. Keys without effect, unsupported and unknown ones become warnings(). Throws Error
  // (BaseErrc::bad_value) naming key, value, source, line and what is allowed; the old value stays.
  void set(std::string_view key, std::string_view value, std::string_view source,
           std::size_t line = 0);
  // All of them. One Error (BaseErrc::bad_value) names all that are wrong, one a line in context().
  void apply(const Properties& properties, std::string_view source);

  // One more of warnings(): for what the table cannot express.
  void warn(std::string line) { warnings_.push_back(std::move(line)); }
  // Lines for the operator, ready for the log.
  [[nodiscard]] std::vector<std::string> warnings() const;
  // Those of them that are about unknown keys.
  [[nodiscard]] const std::vector<std::string>& unknown_keys() const noexcept { return unknown_; }

  // The key must be a used one of the table and of that type (std::logic_error otherwise).
  [[nodiscard]] const std::string& text(std::string_view key) const;  // also of choices
  [[nodiscard]] std::int64_t integer(std::string_view key) const;
  [[nodiscard]] bool boolean(std::string_view key) const;
  // The value of any used key, as it was written.
  [[nodiscard]] const std::string& shown(std::string_view key) const {
    return values_.at(key).text;
  }
  // Whether the table has such a used key.
  [[nodiscard]] bool has(std::string_view key) const { return values_.contains(key); }
  // Whether somebody has set it; false: the default holds.
  [[nodiscard]] bool is_set(std::string_view key) const;
  // An Error (BaseErrc::bad_value) for checks that the table cannot express: names key, value,
  // source and line, and `complaint` says what is wrong.
  [[nodiscard]] Error error(std::string_view key, std::string_view complaint) const;

  // All used keys as a properties file (secrets as "***"), grouped under comments that say where
  // the values come from.
  [[nodiscard]] std::string print() const;
  // The same without comments, as administrators' tools expect it.
  [[nodiscard]] std::string print_values() const;
  // One line per used key: name, default, help.
  [[nodiscard]] std::string describe() const;

  // The key whose name is most like `name`; empty when none is near.
  [[nodiscard]] std::string_view nearest(std::string_view name) const;

 private:
  struct Value {
    std::string text;
    std::string source;  // empty: default
    std::size_t line = 0;
  };
  [[nodiscard]] const ConfigKey* find(std::string_view key) const noexcept;
  [[nodiscard]] const Value& value(std::string_view key, ConfigKey::Type type) const;
  void clamp(const ConfigKey& key, Value& given);
  [[nodiscard]] std::map<std::string_view, std::string> lines_by_source() const;
  static Error make_error(const ConfigKey& key, const Value& value, std::string_view complaint);

  std::span<const ConfigKey> keys_;
  std::map<std::string_view, const ConfigKey*> by_name_;
  std::map<std::string_view, Value> values_;                        // of used keys, by name
  std::map<std::string, std::vector<std::string_view>> no_effect_;  // by source
  std::vector<std::string> unknown_;
  std::vector<std::string> warnings_;
};

}  // namespace comet::inline v0_1

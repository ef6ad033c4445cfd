#pragma once
// The one exception type of the project. It carries an error_code to branch on (a category per
// library: remoting, client, store, and the broker's response codes) and a text that says what
// was tried, where, and what to check.

#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>
#include <exception>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace comet::inline v0_1 {

using boost::system::error_code;

class Error : public boost::system::system_error {
 public:
  // `context` reads as a sentence of its own, e.g. "connect to name server 127.0.0.1:9876"; what()
  // is "<context>: <message of the code>". The code's source location is dropped: it names a line
  // of Boost, which tells an operator nothing.
  Error(const error_code& code, const std::string& context)
      : boost::system::system_error(error_code(code.value(), code.category()), context),
        context_(context) {}

  [[nodiscard]] const std::string& context() const noexcept { return context_; }

 private:
  std::string context_;
};

[[noreturn]] void throw_code(const error_code& code);

// Of any exception: its what(), a sentence when it has none, and nothing for no exception.
[[nodiscard]] std::string exception_text(const std::exception_ptr& problem);
// Of a system_error, as Error is; none for all others.
[[nodiscard]] error_code exception_code(const std::exception_ptr& problem) noexcept;

// A value or the code of an error, for decoders and other code that must not throw on bad input.
// As boost::system::result, whose header costs a tenth of everything else that is included.
template <class T>
class Result {
  template <class From>
  static constexpr bool kIsError = std::is_convertible_v<From, error_code>;

 public:
  // Implicit, so that functions return a value, an error_code or an enum of errors.
  template <class From = T>
    requires(!std::is_same_v<std::remove_cvref_t<From>, Result> && std::is_convertible_v<From, T> &&
             !kIsError<From>)
  Result(From&& value) : value_(std::forward<From>(value)) {}  // NOLINT
  template <class From>
    requires kIsError<From>
  Result(From error) noexcept : error_(error) {}  // NOLINT

  [[nodiscard]] bool has_value() const noexcept { return value_.has_value(); }
  [[nodiscard]] bool has_error() const noexcept { return !value_.has_value(); }
  explicit operator bool() const noexcept { return value_.has_value(); }
  // None when there is a value.
  [[nodiscard]] error_code error() const noexcept { return error_; }

  // Throws boost::system::system_error when there is none.
  [[nodiscard]] T& value() & { return checked(), *value_; }
  [[nodiscard]] const T& value() const& { return checked(), *value_; }
  [[nodiscard]] T&& value() && { return checked(), *std::move(value_); }

  // Precondition: has_value().
  [[nodiscard]] T& operator*() & noexcept { return *value_; }
  [[nodiscard]] const T& operator*() const& noexcept { return *value_; }
  [[nodiscard]] T&& operator*() && noexcept { return *std::move(value_); }
  [[nodiscard]] T* operator->() noexcept { return value_.operator->(); }
  [[nodiscard]] const T* operator->() const noexcept { return value_.operator->(); }

 private:
  void checked() const {
    if (!value_) throw_code(error_);
  }

  std::optional<T> value_;
  error_code error_;
};

// Errors of `base` itself.
enum class BaseErrc {
  bad_property_file = 1,  // a properties file does not parse
  bad_address,            // text is not host:port
  bad_value,              // a configuration value has the wrong form or is out of range
};
const boost::system::error_category& base_category() noexcept;
inline error_code make_error_code(BaseErrc code) noexcept {
  return {static_cast<int>(code), base_category()};
}

}  // namespace comet::inline v0_1

template <>
struct boost::system::is_error_code_enum<comet::BaseErrc> : std::true_type {};

#pragma once
// The one exception type of the project. It carries an error_code to branch on (a category per
// library: remoting, client, store, and the broker's response codes) and a text that says what
// was tried, where, and what to check.

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>
#include <boost/system/system_error.hpp>
#include <string>

namespace comet {

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

// A value or an Error's parts, for decoders and other code that must not throw on bad input.
template <class T>
using Result = boost::system::result<T>;

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

}  // namespace comet

template <>
struct boost::system::is_error_code_enum<comet::BaseErrc> : std::true_type {};

#include "comet/base/error.hpp"

namespace comet::inline v0_1 {
namespace {

class BaseCategory final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "comet.base"; }
  std::string message(int code) const override {
    switch (static_cast<BaseErrc>(code)) {
      case BaseErrc::bad_property_file:
        return "the properties file does not parse";
      case BaseErrc::bad_address:
        return "not an address of the form host:port";
      case BaseErrc::bad_value:
        return "the value has the wrong form or is out of range";
    }
    return "unknown error";
  }
};

}  // namespace

void throw_code(const error_code& code) { throw boost::system::system_error(code); }

std::string exception_text(const std::exception_ptr& problem) {
  try {
    if (problem) std::rethrow_exception(problem);
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "unknown exception";
  }
  return {};
}

error_code exception_code(const std::exception_ptr& problem) noexcept {
  try {
    if (problem) std::rethrow_exception(problem);
  } catch (const boost::system::system_error& error) {
    return error.code();
  } catch (...) {
    return {};
  }
  return {};
}

const boost::system::error_category& base_category() noexcept {
  static BaseCategory category;
  return category;
}

}  // namespace comet::inline v0_1

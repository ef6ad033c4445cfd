#include "comet/base/body_error.hpp"

#include <string>

namespace comet::inline v0_1 {
namespace {

class BodyCategory final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "comet.body"; }
  std::string message(int code) const override {
    switch (static_cast<BodyErrc>(code)) {
      case BodyErrc::malformed:
        return "the body has not the structure that it should have";
      case BodyErrc::too_deep:
        return "the body is nested too deeply";
    }
    return "unknown error";
  }
};

}  // namespace

const boost::system::error_category& body_category() noexcept {
  static const BodyCategory category;
  return category;
}

}  // namespace comet::inline v0_1

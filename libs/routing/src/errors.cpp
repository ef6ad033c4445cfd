#include "comet/routing/errors.hpp"

#include <string>

namespace comet::inline v0_1::routing {
namespace {

class RoutingCategory final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "comet.routing"; }
  std::string message(int code) const override {
    switch (static_cast<RoutingErrc>(code)) {
      case RoutingErrc::malformed:
        return "the body has not the structure that it should have";
      case RoutingErrc::too_deep:
        return "the body is nested too deeply";
    }
    return "unknown error";
  }
};

}  // namespace

const boost::system::error_category& routing_category() noexcept {
  static const RoutingCategory category;
  return category;
}

}  // namespace comet::inline v0_1::routing

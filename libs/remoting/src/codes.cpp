#include "comet/remoting/codes.hpp"

#include <cstddef>

namespace comet::inline v0_1::remoting {
namespace {

// The codes are written in our spelling; logs show them in RocketMQ's.
template <std::size_t size>
struct UpperName {
  // NOLINTNEXTLINE(google-explicit-constructor): made from literals only
  consteval UpperName(const char (&name)[size]) {
    for (std::size_t i = 0; i < size; ++i) {
      text[i] = name[i] >= 'a' && name[i] <= 'z' ? static_cast<char>(name[i] - 'a' + 'A') : name[i];
    }
  }
  [[nodiscard]] constexpr std::string_view view() const { return {text, size - 1}; }
  char text[size] = {};
};

}  // namespace

std::string_view to_string(RequestCode code) noexcept {
  switch (code) {
#define COMET_X(name, number)               \
  case RequestCode::name: {                 \
    static constexpr UpperName text(#name); \
    return text.view();                     \
  }
    COMET_REQUEST_CODES(COMET_X)
#undef COMET_X
  }
  return "UNKNOWN";
}

std::string_view to_string(ResponseCode code) noexcept {
  switch (code) {
#define COMET_X(name, number)               \
  case ResponseCode::name: {                \
    static constexpr UpperName text(#name); \
    return text.view();                     \
  }
    COMET_RESPONSE_CODES(COMET_X)
#undef COMET_X
  }
  return "UNKNOWN";
}

}  // namespace comet::inline v0_1::remoting

#pragma once
// comet-broker -t, comet-namesrv -t: what is wrong with a configuration, all of it at once.

#include <functional>
#include <string>
#include <string_view>

#include "comet/base/config.hpp"

namespace comet::inline v0_1::daemon {

class ConfigurationCheck {
 public:
  explicit ConfigurationCheck(std::string_view program) : program_(program) {}

  // What the step throws (Error) goes to stderr, and the check goes on.
  void attempt(const std::function<void()>& step);
  // Certificates, keys and ciphers are read as a start would read them.
  void try_tls(const Config& settings);
  // Says what else there is to say of the settings: unknown keys are wrong, keys without effect are
  // not. Returns program::kOk or kFailed.
  [[nodiscard]] int finish(const Config& settings);

 private:
  std::string_view program_;
  bool failed_ = false;
};

}  // namespace comet::inline v0_1::daemon

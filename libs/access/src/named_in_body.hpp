#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "comet/access/request_rules.hpp"
#include "comet/base/error.hpp"

namespace comet::inline v0_1::access {

// Topics and groups that a request's body names.
class NamedInBody {
 public:
  // Whether the account may have it; false ends the search.
  using Ask = std::function<bool(ResourceKind kind, std::string_view name)>;

  // All that a handler could take for a name, so that none reads what was not asked for. Stops at
  // the first that is refused. An error: the body is not readable.
  [[nodiscard]] error_code ask_all(BodyRule rule, std::string_view body, const Ask& ask);

  [[nodiscard]] bool is_refused() const noexcept { return is_refused_; }
  [[nodiscard]] ResourceKind refused_kind() const noexcept { return kind_; }
  [[nodiscard]] const std::string& refused_name() const noexcept { return name_; }
  // Of a heartbeat, if it comes before what was refused or behind it.
  [[nodiscard]] const std::string& client_id() const noexcept { return client_id_; }

 private:
  class Reader;
  bool is_refused_ = false;
  ResourceKind kind_ = ResourceKind::topic;
  std::string name_;
  std::string client_id_;
};

}  // namespace comet::inline v0_1::access

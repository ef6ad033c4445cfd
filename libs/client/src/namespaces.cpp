#include "comet/client/namespaces.hpp"

#include <fmt/format.h>

#include "comet/message/validate.hpp"

namespace comet::inline v0_1::client {
namespace {

constexpr std::string_view kInstancePrefix = "MQ_INST_";

bool is_system_resource(std::string_view name) {
  return is_system_topic(name) || is_system_group(name);
}

// "%RETRY%", "%DLQ%" or nothing.
std::string_view prefix_of(std::string_view resource) {
  for (const std::string_view prefix : {kRetryTopicPrefix, kDlqTopicPrefix}) {
    if (resource.starts_with(prefix)) return prefix;
  }
  return {};
}

bool is_in_namespace(std::string_view name_space, std::string_view name) {
  return name.size() > name_space.size() && name.starts_with(name_space) &&
         name[name_space.size()] == '%';
}

// MQ_INST_<owner>_<instance>.<host>
std::string_view instance_of(std::string_view endpoint) {
  if (!endpoint.starts_with(kInstancePrefix)) return {};
  const std::string_view name = endpoint.substr(0, endpoint.find('.'));
  if (name.size() == endpoint.size()) return {};
  const std::string_view rest = name.substr(kInstancePrefix.size());
  const std::size_t separator = rest.find('_');
  const bool complete =
      separator != std::string_view::npos && separator > 0 && separator + 1 < rest.size();
  return complete ? name : std::string_view();
}

}  // namespace

std::string wrap_namespace(std::string_view name_space, std::string_view resource) {
  if (name_space.empty() || resource.empty() || is_system_resource(resource)) {
    return std::string(resource);
  }
  const std::string_view prefix = prefix_of(resource);
  const std::string_view name = resource.substr(prefix.size());
  if (is_in_namespace(name_space, name)) return std::string(resource);
  return fmt::format("{}{}%{}", prefix, name_space, name);
}

std::string unwrap_namespace(std::string_view name_space, std::string_view resource) {
  if (name_space.empty() || is_system_resource(resource)) return std::string(resource);
  const std::string_view prefix = prefix_of(resource);
  const std::string_view name = resource.substr(prefix.size());
  if (!is_in_namespace(name_space, name)) return std::string(resource);
  return fmt::format("{}{}", prefix, name.substr(name_space.size() + 1));
}

NameServerList parse_name_server_list(std::string_view text) {
  NameServerList list;
  std::string plain;
  while (!text.empty()) {
    const std::size_t end = text.find(';');
    std::string_view item = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const std::size_t scheme = item.find("://");
    if (scheme != std::string_view::npos) item.remove_prefix(scheme + 3);
    if (list.name_space.empty()) list.name_space = instance_of(item);
    plain.append(item).append(";");
  }
  list.addresses = Address::parse_list(plain);
  return list;
}

}  // namespace comet::inline v0_1::client

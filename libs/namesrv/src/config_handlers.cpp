// GET_NAMESRV_CONFIG and UPDATE_NAMESRV_CONFIG.

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "answers.hpp"
#include "comet/base/ascii.hpp"
#include "comet/base/log.hpp"
#include "comet/base/printable.hpp"
#include "comet/base/properties.hpp"
#include "comet/base/utf8.hpp"
#include "service.hpp"

namespace comet::inline v0_1::namesrv {
namespace {

constexpr std::string_view kSource = "UPDATE_NAMESRV_CONFIG";

// Apache's black list, always in force. What else is a path or is read only at the start is kept
// from changes by not being one of kLiveKeys.
constexpr std::string_view kForbidden[] = {"configBlackList", "configStorePath", "kvConfigPath",
                                           "rocketmqHome"};

Reply get_configuration(Service& service, Request& request) {
  const std::scoped_lock lock(service.mutex);
  if (!service.settings) return success(request);
  return success(request, service.settings->print_values());
}

// Why this key of the configuration cannot be changed over the network; empty: it can, or there is
// no such key here, which is passed over as Apache's name server does.
std::string find_objection(const Service& service, std::string_view key) {
  if (std::ranges::find(kForbidden, key) != std::end(kForbidden) ||
      list_has(service.config.config_black_list, ';', key)) {
    return "Can not update config in black list.";
  }
  if (is_live_key(key) || !service.settings->has(key)) return {};
  return std::string(key) + " cannot be changed over the network";
}

Reply change_settings(Service& service, const Request& request, const Properties& asked) {
  const std::string peer = request.connection->remote().to_string();
  Properties changes;
  for (const auto& [key, value] : asked.values()) {
    std::string objection = find_objection(service, key);
    if (!objection.empty()) {
      log::warn("configuration: {} refused to {}", printable(key), peer);
      return failure(request, ResponseCode::no_permission, std::move(objection));
    }
    if (is_live_key(key)) changes.set(key, value);
  }

  Config changed = *service.settings;
  try {
    for (const auto& [key, value] : changes.values()) changed.set(key, value, kSource);
  } catch (const Error& problem) {
    return failure(request, ResponseCode::system_error, problem.what());
  }
  const std::string& path = service.config.config_store_path;
  if (!path.empty()) {
    std::string problem = change_properties_file(path, changes, kSource);
    if (!problem.empty()) return failure(request, ResponseCode::system_error, std::move(problem));
  }
  service.settings = std::move(changed);
  service.use(read_live_settings(*service.settings));
  for (const auto& [key, value] : changes.values()) {
    log::info("configuration: {}={} set by {}", key, printable(value), peer);
  }
  return success(request);
}

Reply update_configuration(Service& service, Request& request) {
  const std::string_view body = request.command.body.view();
  if (body.empty()) return success(request);
  const Result<Properties> asked =
      is_utf8(body) ? Properties::parse(body) : Result<Properties>(BaseErrc::bad_property_file);
  if (!asked) return failure(request, ResponseCode::system_error, "string2Properties error");
  const std::scoped_lock lock(service.mutex);
  if (!service.settings) {
    return failure(request, ResponseCode::no_permission,
                   "this name server has no configuration that can be changed");
  }
  return change_settings(service, request, *asked);
}

}  // namespace

void install_config_handlers(remoting::Dispatcher& dispatcher,
                             const std::shared_ptr<Service>& service) {
  serve(dispatcher, RequestCode::update_namesrv_config, service, update_configuration);
  serve(dispatcher, RequestCode::get_namesrv_config, service, get_configuration);
}

}  // namespace comet::inline v0_1::namesrv

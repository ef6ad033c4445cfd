// GET_NAMESRV_CONFIG and UPDATE_NAMESRV_CONFIG.

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "answers.hpp"
#include "comet/base/files.hpp"
#include "comet/base/log.hpp"
#include "comet/base/printable.hpp"
#include "comet/base/properties.hpp"
#include "comet/base/utf8.hpp"
#include "service.hpp"

namespace comet::inline v0_1::namesrv {
namespace {

// Apache's black list, always in force. What else is a path or is read only at the start is kept
// from changes by not being one of kLiveKeys.
constexpr std::string_view kForbidden[] = {"configBlackList", "configStorePath", "kvConfigPath",
                                           "rocketmqHome"};

// "key=value" lines without comments, as administrators' tools expect them.
std::string properties_text(const Config& settings) {
  const std::string printed = settings.print();
  std::string text;
  for (std::string_view rest = printed; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n') + 1);
    rest.remove_prefix(line.size());
    if (!line.starts_with('#')) text += line;
  }
  return text;
}

Reply get_configuration(Service& service, Request& request) {
  const std::scoped_lock lock(service.mutex);
  if (!service.settings) return success(request);
  return success(request, properties_text(*service.settings));
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t size = utf8_character_size(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

// "a;b;c"
bool lists(std::string_view names, std::string_view name) {
  while (!names.empty()) {
    const std::size_t end = std::min(names.find(';'), names.size());
    if (names.substr(0, end) == name) return true;
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  return false;
}

// Why this key of the configuration cannot be changed over the network; empty: it can, or there is
// no such key here, which is passed over as Apache's name server does.
std::string find_objection(const Service& service, std::string_view key) {
  if (std::ranges::find(kForbidden, key) != std::end(kForbidden) ||
      lists(service.config.config_black_list, key)) {
    return "Can not update config in black list.";
  }
  if (is_live_key(key) || !service.settings->has(key)) return {};
  return std::string(key) + " cannot be changed over the network";
}

// Adds the changes to what the file holds. Empty: done; otherwise why not.
std::string store(const std::string& path, const Properties& changes) {
  if (path.empty()) return {};
  Properties stored;
  // What cannot be read now must not be lost by writing the changes alone.
  const Result<std::string> content = read_file(path);
  if (content) {
    if (const Result<Properties> present = Properties::parse(*content)) stored = *present;
  } else if (content.error() != boost::system::errc::no_such_file_or_directory) {
    return "the configuration in " + path + " cannot be read: " + content.error().message();
  }
  for (const auto& [key, value] : changes.values()) stored.set(key, value);
  std::string text = "# Written by UPDATE_NAMESRV_CONFIG\n";
  for (const auto& [key, value] : stored.values()) append_property(text, key, value);
  const error_code error = write_file_atomically(path, text, true);
  if (!error) return {};
  return "the configuration cannot be saved to " + path + ": " + error.message();
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
    for (const auto& [key, value] : changes.values())
      changed.set(key, value, "UPDATE_NAMESRV_CONFIG");
  } catch (const Error& problem) {
    return failure(request, ResponseCode::system_error, problem.what());
  }
  std::string problem = store(service.config.config_store_path, changes);
  if (!problem.empty()) return failure(request, ResponseCode::system_error, std::move(problem));
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

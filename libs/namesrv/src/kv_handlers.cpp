#include <optional>

#include "answers.hpp"
#include "comet/base/log.hpp"
#include "comet/base/printable.hpp"
#include "comet/remoting/namesrv_headers.hpp"
#include "service.hpp"

namespace comet::inline v0_1::namesrv {
namespace {

void refresh_order_config(Service& service, std::string_view changed) {
  if (changed != kOrderTopicConfig) return;
  service.order_config.replace(service.kv.find_namespace(kOrderTopicConfig));
}

Reply put_kv_config(Service& service, Request& request) {
  const auto header = remoting::read_header<remoting::PutKvConfigHeader>(request.command.fields);
  if (!header || !header->name_space || !header->key) {
    return failure(request, ResponseCode::system_error, "namespace or key is null");
  }
  const std::scoped_lock lock(service.mutex);
  std::string problem =
      service.kv.put(*header->name_space, *header->key, header->value.value_or(std::string_view()));
  if (!problem.empty()) return failure(request, ResponseCode::system_error, std::move(problem));
  refresh_order_config(service, *header->name_space);
  log::info("KV configuration: {} / {} set by {}", printable(*header->name_space),
            printable(*header->key), request.connection->remote().to_string());
  return success(request);
}

Reply get_kv_config(Service& service, Request& request) {
  std::string missing;
  const auto header = remoting::read_header<remoting::KvConfigHeader>(
      request.command.fields, remoting::FieldNames::full, &missing);
  if (!header) return lacks(request, missing);
  const std::scoped_lock lock(service.mutex);
  const std::string* value = service.kv.find(header->name_space, header->key);
  if (value == nullptr) {
    return failure(request, ResponseCode::query_not_found,
                   "No config item, Namespace: " + header->name_space + " Key: " + header->key);
  }
  RemotingCommand answer = success(request);
  remoting::KvConfigResponseHeader found;
  found.value = *value;
  remoting::write_header(found, answer.fields);
  return answer;
}

Reply delete_kv_config(Service& service, Request& request) {
  std::string missing;
  const auto header = remoting::read_header<remoting::KvConfigHeader>(
      request.command.fields, remoting::FieldNames::full, &missing);
  if (!header) return lacks(request, missing);
  const std::scoped_lock lock(service.mutex);
  std::string problem = service.kv.remove(header->name_space, header->key);
  if (!problem.empty()) return failure(request, ResponseCode::system_error, std::move(problem));
  refresh_order_config(service, header->name_space);
  log::info("KV configuration: {} / {} deleted by {}", printable(header->name_space),
            printable(header->key), request.connection->remote().to_string());
  return success(request);
}

Reply get_kv_list(Service& service, Request& request) {
  std::string missing;
  const auto header = remoting::read_header<remoting::NamespaceHeader>(
      request.command.fields, remoting::FieldNames::full, &missing);
  if (!header) return lacks(request, missing);
  const std::scoped_lock lock(service.mutex);
  const KvConfig::Table* table = service.kv.find_namespace(header->name_space);
  if (table == nullptr) {
    return failure(request, ResponseCode::query_not_found,
                   "No config item, Namespace: " + header->name_space);
  }
  return success(request, kv_table_json(*table));
}

}  // namespace

std::string kv_table_json(const KvConfig::Table& table) {
  JsonWriter json;
  json.begin_object();
  json.key("table");
  json.begin_object();
  for (const auto& [key, value] : table) json.member(key, value);
  json.end_object();
  json.end_object();
  return json.take();
}

void install_kv_handlers(remoting::Dispatcher& dispatcher,
                         const std::shared_ptr<Service>& service) {
  serve(dispatcher, RequestCode::put_kv_config, service, put_kv_config);
  serve(dispatcher, RequestCode::get_kv_config, service, get_kv_config);
  serve(dispatcher, RequestCode::delete_kv_config, service, delete_kv_config);
  serve(dispatcher, RequestCode::get_kvlist_by_namespace, service, get_kv_list);
}

}  // namespace comet::inline v0_1::namesrv

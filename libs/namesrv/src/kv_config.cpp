#include "kv_config.hpp"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdio>
#include <utility>

#include "comet/base/files.hpp"
#include "comet/base/log.hpp"
#include "comet/routing/errors.hpp"
#include "comet/routing/json.hpp"
#include "comet/routing/json_writer.hpp"

namespace comet::inline v0_1::namesrv {
namespace {

bool is_missing(error_code error) {
  return error == boost::system::errc::no_such_file_or_directory;
}

}  // namespace

void KvConfig::load() {
  if (path_.empty()) return;
  const Result<std::string> text = read_file(path_);
  if (!text) {
    if (is_missing(text.error())) return;
    throw Error(text.error(), "read " + path_ + " (kvConfigPath)");
  }
  if (Result<Tables> tables = parse(*text)) {
    tables_ = std::move(*tables);
    return;
  }
  const std::string aside = path_ + ".damaged";
  if (std::rename(path_.c_str(), aside.c_str()) != 0) {
    throw Error({errno, boost::system::system_category()}, "set the damaged " + path_ + " aside");
  }
  const Result<std::string> backup = read_file(path_ + ".bak");
  if (Result<Tables> tables = parse(backup ? *backup : std::string())) {
    log::error("{} is damaged: set aside as {}, going on with its backup", path_, aside);
    (void)replace(std::move(*tables));
  } else {
    log::error("{} is damaged and has no usable backup: set aside as {}, going on without", path_,
               aside);
  }
}

std::string KvConfig::put(std::string_view name_space, std::string_view key,
                          std::string_view value) {
  Tables changed = tables_;
  changed[std::string(name_space)][std::string(key)] = value;
  return replace(std::move(changed));
}

std::string KvConfig::remove(std::string_view name_space, std::string_view key) {
  if (find(name_space, key) == nullptr) return {};
  Tables changed = tables_;
  changed[std::string(name_space)].erase(std::string(key));
  return replace(std::move(changed));
}

const std::string* KvConfig::find(std::string_view name_space, std::string_view key) const {
  const Table* table = find_namespace(name_space);
  if (table == nullptr) return nullptr;
  const auto found = table->find(key);
  return found == table->end() ? nullptr : &found->second;
}

const KvConfig::Table* KvConfig::find_namespace(std::string_view name_space) const {
  const auto found = tables_.find(name_space);
  return found == tables_.end() ? nullptr : &found->second;
}

Result<KvConfig::Tables> KvConfig::parse(std::string_view json) {
  const Result<boost::json::value> value = routing::parse_json(json);
  if (!value) return value.error();
  const boost::json::object* object = value->if_object();
  const boost::json::value* table =
      object == nullptr ? nullptr : object->if_contains("configTable");
  if (table == nullptr || !table->is_object()) return routing::RoutingErrc::malformed;
  Tables tables;
  for (const auto& [name, entries] : table->get_object()) {
    if (!entries.is_object()) return routing::RoutingErrc::malformed;
    Table& read = tables[name];
    for (const auto& [key, unused] : entries.get_object()) {
      read[key] = routing::get_string(entries.get_object(), key);
    }
  }
  return tables;
}

std::string KvConfig::to_json() const {
  routing::JsonWriter json;
  json.begin_object();
  json.key("configTable");
  json.begin_object();
  for (const auto& [name, table] : tables_) {
    json.key(name);
    json.begin_object();
    for (const auto& [key, value] : table) json.member(key, value);
    json.end_object();
  }
  json.end_object();
  json.end_object();
  return json.take();
}

std::string KvConfig::replace(Tables changed) {
  std::swap(tables_, changed);
  const std::string json = to_json();
  std::string problem;
  if (json.size() > kMaxBytes) {
    problem = "there is no room for more KV configuration";
  } else if (!path_.empty()) {
    if (const error_code error = write_file_atomically(path_, json, true)) {
      problem = "the KV configuration cannot be saved to " + path_ + ": " + error.message();
    }
  }
  if (!problem.empty()) std::swap(tables_, changed);
  return problem;
}

}  // namespace comet::inline v0_1::namesrv

#include "kv_config.hpp"

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdio>
#include <utility>

#include "comet/base/body_error.hpp"
#include "comet/base/files.hpp"
#include "comet/base/json.hpp"
#include "comet/base/json_writer.hpp"
#include "comet/base/log.hpp"

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
    tables_ = std::move(*tables);
    (void)save();
  } else {
    log::error("{} is damaged and has no usable backup: set aside as {}, going on without", path_,
               aside);
  }
}

std::string KvConfig::put(std::string_view name_space, std::string_view key,
                          std::string_view value) {
  const auto [table, is_new_table] = tables_.try_emplace(std::string(name_space));
  const auto [entry, is_new] = table->second.try_emplace(std::string(key));
  std::string former = std::exchange(entry->second, std::string(value));
  std::string problem = save();
  if (problem.empty()) return problem;
  entry->second = std::move(former);
  if (is_new) table->second.erase(entry);
  if (is_new_table) tables_.erase(table);
  return problem;
}

std::string KvConfig::remove(std::string_view name_space, std::string_view key) {
  if (find(name_space, key) == nullptr) return {};
  Table& table = tables_.find(name_space)->second;
  auto entry = table.extract(table.find(key));
  std::string problem = save();
  if (!problem.empty()) table.insert(std::move(entry));
  return problem;
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
  const Result<boost::json::value> value = parse_json(json);
  if (!value) return value.error();
  const boost::json::object* object = value->if_object();
  const boost::json::value* table =
      object == nullptr ? nullptr : object->if_contains("configTable");
  if (table == nullptr || !table->is_object()) return BodyErrc::malformed;
  Tables tables;
  for (const auto& [name, entries] : table->get_object()) {
    if (!entries.is_object()) return BodyErrc::malformed;
    Table& read = tables[name];
    for (const auto& [key, unused] : entries.get_object()) {
      read[key] = get_string(entries.get_object(), key);
    }
  }
  return tables;
}

std::string KvConfig::to_json() const {
  std::size_t size = 0;
  for (const auto& [name, table] : tables_) {
    size += name.size() + 8;
    for (const auto& [key, value] : table) size += key.size() + value.size() + 8;
  }
  JsonWriter json;
  json.reserve(size + size / 16);
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

std::string KvConfig::save() const {
  const std::string json = to_json();
  if (json.size() > kMaxBytes) {
    return fmt::format("the KV configuration would have {} bytes, the most is {}", json.size(),
                       kMaxBytes);
  }
  if (path_.empty()) return {};
  const error_code error = write_file_atomically(path_, json, true);
  if (!error) return {};
  return "the KV configuration cannot be saved to " + path_ + ": " + error.message();
}

}  // namespace comet::inline v0_1::namesrv

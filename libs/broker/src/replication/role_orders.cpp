#include "comet/broker/role_orders.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "comet/base/files.hpp"
#include "comet/base/log.hpp"
#include "comet/base/parse_number.hpp"
#include "comet/base/properties.hpp"
#include "comet/store/set_aside.hpp"
#include "replication/replication_files.hpp"

namespace comet::inline v0_1::broker {
namespace {

constexpr std::string_view kPromoter = "cometctl promote";

std::string resync_path(const std::string& store_root) { return store_root + "/config/resync"; }

bool is_there(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

std::string without_line_end(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

bool was_log_moved(const store::StoreConfig& store, const std::string& name) {
  return is_there(store.commit_log_path.empty() ? store.root + "/" + name + "/commitlog"
                                                : store.commit_log_path + "." + name);
}

// What tells of the log that was moved goes with it.
void move_history(const std::string& store_root, const std::string& name) {
  const std::string into = store_root + "/" + name + "/config";
  if (error_code error = make_directories(into)) throw Error(error, "create " + into);
  for (const std::string& path :
       {replication_history_path(store_root), replication_confirmed_path(store_root)}) {
    std::error_code error;
    const std::string to = into + path.substr(path.rfind('/'));
    if (is_there(path)) std::filesystem::rename(path, to, error);
    if (error) throw Error(error, fmt::format("move {} to {}", path, to));
  }
}

}  // namespace

std::string promotion_path(const std::string& store_root) {
  return store_root + "/config/promoted";
}

error_code write_promotion(const std::string& store_root, const Promotion& promotion) {
  std::string text = "# by cometctl promote; remove it to have a slave again\n";
  append_property(text, "brokerRole",
                  promotion.role == BrokerRole::async_master ? "ASYNC_MASTER" : "SYNC_MASTER");
  append_property(text, "promotedFrom", std::to_string(promotion.slave_id));
  return write_file_atomically(promotion_path(store_root), text, false);
}

std::optional<Promotion> read_promotion(const std::string& store_root) {
  const std::string path = promotion_path(store_root);
  if (!is_there(path)) return std::nullopt;
  const Properties file = Properties::load(path);
  const std::string* role = file.find("brokerRole");
  const std::string* from = file.find("promotedFrom");
  const auto id = from == nullptr ? std::nullopt : parse_number<std::int64_t>(*from);
  const bool is_known = role != nullptr && (*role == "SYNC_MASTER" || *role == "ASYNC_MASTER");
  if (!is_known || !id) {
    throw Error(BaseErrc::bad_value,
                path + " does not say what this broker was made; remove it to have a slave");
  }
  Promotion promotion;
  promotion.role = *role == "SYNC_MASTER" ? BrokerRole::sync_master : BrokerRole::async_master;
  promotion.slave_id = *id;
  return promotion;
}

void forget_promotion(const std::string& store_root) {
  std::error_code error;
  std::filesystem::remove(promotion_path(store_root), error);
  if (error) log::warn("{} cannot be removed: {}", promotion_path(store_root), error.message());
}

void apply_promotion(Config& settings) {
  if (settings.text("brokerRole") != "SLAVE") return;
  const std::string& root = settings.text("storePathRootDir");
  const std::optional<Promotion> promotion = read_promotion(root);
  if (!promotion) return;
  const std::int64_t id = settings.integer("brokerId");
  if (id != promotion->slave_id) {
    throw Error(BaseErrc::bad_value,
                fmt::format("{} made the slave with brokerId {} the master, and the configuration "
                            "says brokerRole = SLAVE, brokerId = {}; remove that file to have a "
                            "slave",
                            promotion_path(root), promotion->slave_id, id));
  }
  const char* role = promotion->role == BrokerRole::async_master ? "ASYNC_MASTER" : "SYNC_MASTER";
  settings.set("brokerRole", role, kPromoter);
  settings.set("brokerId", "0", kPromoter);
  settings.warn(
      fmt::format("this broker was made the master by cometctl promote ({}): set brokerRole = {} "
                  "and brokerId = 0 in the configuration, which says SLAVE",
                  promotion_path(root), role));
}

error_code order_resync(const std::string& store_root, const std::string& name) {
  return write_file_atomically(resync_path(store_root), name + "\n", false);
}

void obey_resync(const BrokerConfig& config) {
  const std::string& root = config.store.root;
  const std::string path = resync_path(root);
  if (!is_there(path)) return;
  const Result<std::string> order = read_file(path);
  const std::string name = order ? without_line_end(*order) : std::string();
  const bool is_name = name.starts_with("before-resync-") && name.find('/') == name.npos;
  std::string refusal;
  if (!config.replication.is_slave()) {
    refusal = "this broker is a master";
  } else if (!is_name) {
    refusal = "it does not say where to";
  } else {
    try {
      std::string places;
      for (const std::string& place : store::set_aside(config.store, name)) {
        places += (places.empty() ? "" : ", ") + place;
      }
      move_history(root, name);
      log::warn("a full copy of the master's log begins, as was ordered; the old one is kept: {}",
                places);
    } catch (const Error& error) {
      if (was_log_moved(config.store, name)) throw;
      refusal = error.what();
    }
  }
  if (!refusal.empty()) log::error("{}: no full copy is made: {}", path, refusal);
  std::error_code error;
  std::filesystem::remove(path, error);
  if (error) throw Error(error, "remove " + path);
}

}  // namespace comet::inline v0_1::broker

#include "client_id.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <set>

#include "comet/base/log.hpp"
#include "local_ip.hpp"

namespace comet::inline v0_1::client {
namespace {

// <pid>#<nanoseconds>, as Apache's clients name themselves; a counter keeps two instances apart
// that are made at the same (perhaps virtual) time.
std::string unique_instance_name(TimeSource& time) {
  static std::atomic<std::int64_t> made = 0;
  return fmt::format("{}#{}", ::getpid(), time.now().time_since_epoch().count() + ++made);
}

// Of all clients of this process.
class IdsInUse {
 public:
  [[nodiscard]] bool take(const std::string& id) {
    const std::lock_guard lock(mutex_);
    return ids_.insert(id).second;
  }
  void give_back(const std::string& id) {
    const std::lock_guard lock(mutex_);
    ids_.erase(id);
  }

 private:
  std::mutex mutex_;
  std::set<std::string> ids_;
};

IdsInUse& ids_in_use() {
  static IdsInUse& ids = *new IdsInUse();  // clients may outlive static objects
  return ids;
}

}  // namespace

ClientId::ClientId(const ClientConfig& config, TimeSource& time) {
  const std::string ip = config.client_ip.empty() ? local_ip() : config.client_ip;
  const std::string name =
      config.instance_name.empty() ? unique_instance_name(time) : config.instance_name;
  const std::string unit = config.unit_name.empty() ? "" : "@" + config.unit_name;
  text_ = ip + "@" + name + unit;
  for (int number = 2; !ids_in_use().take(text_); ++number) {
    text_ = fmt::format("{}@{}#{}{}", ip, name, number, unit);
  }
}

ClientId::~ClientId() { ids_in_use().give_back(text_); }

}  // namespace comet::inline v0_1::client

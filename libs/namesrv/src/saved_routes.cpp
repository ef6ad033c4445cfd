#include "saved_routes.hpp"

#include <cstdio>
#include <string>

#include "comet/base/files.hpp"
#include "comet/base/log.hpp"

namespace comet::inline v0_1::namesrv {

void restore_routes(Service& service) {
  const std::string& path = service.config.saved_routes_path;
  if (path.empty()) return;
  const Result<std::string> text = read_file(path);
  if (!text && text.error() == boost::system::errc::no_such_file_or_directory) return;
  if (!text) throw Error(text.error(), "read " + path + " (savedRoutesPath)");

  const Duration expiry = service.config.saved_routes_expiry > Duration::zero()
                              ? service.config.saved_routes_expiry
                              : service.live.broker_expiry;
  if (service.table.restore(*text, service.time.now(), expiry)) {
    const std::string aside = path + ".damaged";
    (void)std::rename(path.c_str(), aside.c_str());
    log::error("the saved routes in {} are damaged: set aside as {}, waiting for the brokers", path,
               aside);
    return;
  }
  service.saved_revision = service.table.revision();
  log::info("routes of {} brokers and {} topics restored from {}, for {} s unless they register",
            service.table.brokers(), service.table.topic_count(), path, to_millis(expiry) / 1000);
}

void save_routes(Service& service) {
  const std::string& path = service.config.saved_routes_path;
  if (path.empty()) return;
  std::string text;
  std::uint64_t revision = 0;
  {
    const std::scoped_lock lock(service.mutex);
    revision = service.table.revision();
    if (revision == service.saved_revision) return;
    text = service.table.save();
  }
  const error_code error = write_file_atomically(path, text, false);
  const std::scoped_lock lock(service.mutex);
  std::string& problem = service.saved_routes_problem;
  if (error) {
    if (problem.empty()) {
      log::error("routes cannot be saved to {}: {}; it is tried again", path, error.message());
    }
    problem = "routes cannot be saved to " + path + ": " + error.message();
    return;
  }
  if (!problem.empty()) log::info("routes are saved to {} again", path);
  problem.clear();
  service.saved_revision = revision;
}

}  // namespace comet::inline v0_1::namesrv

// A daemon notices that its certificates are replaced.

#include <boost/test/unit_test.hpp>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "tls_settings.hpp"
#include "tls_world.hpp"

using namespace comet;
using namespace comet::test;

namespace fs = std::filesystem;

namespace {

constexpr ConfigKey kNone[] = {ConfigKey::no_effect("nothing")};
constexpr auto kKeys = daemon::with_tls_keys(kNone);

struct Watched {
  Watched() : settings(kKeys), tasks(world.executor(), world.time) {
    settings.set("tls.server.certPath", files.path("server.pem"), "test");
    settings.set("tls.server.keyPath", files.path("server.key"), "test");
    network.emplace(settings);
    tasks.spawn("watch", network->watch_files(world.time));
    world.pass(std::chrono::seconds(10));
  }
  ~Watched() {
    tasks.cancel();
    world.run(tasks.join());
  }
  // A pair that is valid for so long; another inode each, as good tools replace files.
  void issue(long days) const {
    const Certificate server("server", "DNS:server", &files.authority, -1, days);
    write_text(files.path("new.pem"), server.certificate_pem());
    write_text(files.path("new.key"), server.key_pem());
    fs::rename(files.path("new.pem"), files.path("server.pem"));
    fs::rename(files.path("new.key"), files.path("server.key"));
  }
  [[nodiscard]] std::int64_t days_left() const {
    return (network->expiry().server.value() - std::time(nullptr) + 3600) / (24 * 3600);
  }

  VirtualWorld world;
  TlsFiles files;
  Config settings;
  std::optional<daemon::DaemonNetwork> network;
  TaskGroup tasks;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(tls_files, Watched)

BOOST_AUTO_TEST_CASE(replaced_certificates_are_in_use_two_looks_later) {
  BOOST_TEST(days_left() == 30);
  issue(60);
  world.pass(daemon::DaemonNetwork::kWatchPeriod * 2);
  BOOST_TEST(days_left() == 60);
  BOOST_TEST(!network->reload_failed());
}

BOOST_AUTO_TEST_CASE(
    files_that_cannot_be_used_leave_the_last_good_pair_until_there_is_a_better_one) {
  issue(60);
  write_text(files.path("server.key"), "nonsense");
  world.pass(std::chrono::seconds(10));
  BOOST_TEST(days_left() == 30);
  BOOST_TEST(network->reload_failed());
  fs::remove(files.path("server.key"));
  world.pass(std::chrono::seconds(10));
  BOOST_TEST(days_left() == 30);
  issue(90);
  world.pass(std::chrono::seconds(10));
  BOOST_TEST(days_left() == 90);
  BOOST_TEST(!network->reload_failed());
}

BOOST_AUTO_TEST_CASE(the_metrics_tell_when_the_certificate_expires_and_that_files_are_no_good) {
  monitor::Metrics metrics;
  metrics.add([this](monitor::Scrape& scrape) { network->report(scrape); });
  const std::string line = "comet_tls_certificate_not_after_seconds{role=\"server\"} ";
  std::string text = metrics.text();
  BOOST_TEST_REQUIRE(text.find(line) != std::string::npos, text);
  const double shown = std::stod(text.substr(text.find(line) + line.size()));
  BOOST_TEST(static_cast<std::int64_t>(shown) == network->expiry().server.value());
  BOOST_TEST(text.find("comet_tls_reload_failed 0") != std::string::npos);
  write_text(files.path("server.pem"), "nonsense");
  world.pass(std::chrono::seconds(10));
  text = metrics.text();
  BOOST_TEST(text.find("comet_tls_reload_failed 1") != std::string::npos, text);
}

BOOST_AUTO_TEST_SUITE_END()

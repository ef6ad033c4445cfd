#include "namesrv_metrics.hpp"

namespace comet::inline v0_1::daemon {

// Apache's name server has no metrics, so the names are ours.
void report_name_server(const namesrv::NameServerStats& stats, monitor::Scrape& scrape) {
  const auto gauge = [&](std::string_view name, std::string_view help, std::size_t value) {
    scrape.gauge(name, help, static_cast<double>(value));
  };
  const auto counter = [&](std::string_view name, std::string_view help, std::uint64_t value) {
    scrape.counter(name, help, static_cast<double>(value));
  };
  gauge("comet_namesrv_connections", "Open connections", stats.connections);
  gauge("comet_namesrv_brokers", "Registered addresses, masters and slaves", stats.brokers);
  gauge("comet_namesrv_topics", "Topics with a route", stats.topics);
  gauge("comet_namesrv_route_watches", "Routes that clients watch", stats.route_watches);
  counter("comet_namesrv_registrations_total", "Registrations taken", stats.registrations);
  counter("comet_namesrv_registrations_refused_total", "Registrations refused",
          stats.registrations_refused);
  const auto removed = [&](const char* reason, std::uint64_t value) {
    scrape.counter("comet_namesrv_brokers_removed_total", "Addresses removed, by the reason",
                   static_cast<double>(value), {{"reason", reason}});
  };
  removed("expired", stats.expired);
  removed("connection_closed", stats.connections_lost);
  removed("unregistered", stats.unregistered);
  counter("comet_namesrv_route_not_found_total", "Queries for topics without a route",
          stats.route_not_found);
  counter("comet_namesrv_frames_given_up_total",
          "Connections closed since others needed the memory of their unfinished frames",
          stats.frames_given_up);
  gauge("comet_namesrv_unfinished_frame_bytes", "Bytes of frames that have not come whole",
        stats.unfinished_frame_bytes);
  counter("comet_namesrv_answers_given_up_total",
          "Connections closed with answers that they had not taken for longest",
          stats.answers_given_up);
  gauge("comet_namesrv_unsent_bytes", "Bytes of answers that peers have not taken",
        stats.unsent_bytes);
  counter("comet_namesrv_route_notifications_total", "Notifications of changed routes",
          stats.route_notifications);
}

}  // namespace comet::inline v0_1::daemon

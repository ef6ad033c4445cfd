#pragma once

#include "comet/monitor/metrics.hpp"
#include "comet/namesrv/name_server.hpp"

namespace comet::inline v0_1::daemon {

void report_name_server(const namesrv::NameServerStats& stats, monitor::Scrape& scrape);

}  // namespace comet::inline v0_1::daemon

#pragma once
// The parts of bench_echo: two servers that answer every frame, and what drives them.

#include <cstddef>
#include <cstdint>
#include <string>

namespace comet::inline v0_1::benchmark_support {

// Both print "listening on PORT", serve on one thread and never return.
void serve_comet();
// Reads into one buffer, looks at the length words only and writes what is complete from where it
// was read: what any server of these frames on Asio has to do at least. With `answer`, each frame
// is answered with one of so many bytes instead, as long as that of a send is (240).
void serve_bare(std::size_t answer);

class LoadOptions {
 public:
  std::uint16_t port = 0;
  std::size_t connections = 1;
  std::size_t in_flight = 1;  // per connection
  std::size_t body = 1024;
  double seconds = 3;
  std::uint64_t requests = 0;   // > 0: ends after so many instead
  std::string header = "json";  // json, rocketmq: a header without fields; send: SEND_MESSAGE_V2
};
// Keeps `in_flight` requests on their way on every connection; prints one line of JSON.
void run_load(const LoadOptions& options);

}  // namespace comet::inline v0_1::benchmark_support

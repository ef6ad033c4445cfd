#include "comet/monitor/request_metrics.hpp"

#include <string>

#include "comet/base/ascii.hpp"
#include "comet/remoting/codes.hpp"

namespace comet::inline v0_1::monitor {
namespace {

using remoting::RequestCode;
using remoting::ResponseCode;

constexpr std::string_view kName = "rocketmq_rpc_latency_milliseconds";
constexpr std::string_view kHelp = "Requests by code and outcome, time until the answer";

}  // namespace

// What tells one histogram from another, as a number that is never 0.
class RequestMetrics::Kind {
 public:
  enum class Result : std::uint8_t {
    answered,
    oneway,
    held,       // answered later, when there was something to say
    no_answer,  // not yet, or never
  };
  Kind(std::int32_t code, std::int32_t answer, Result result) noexcept
      : packed_(1u +
                (static_cast<std::uint64_t>(static_cast<std::uint32_t>(code)) << 32 |
                 static_cast<std::uint64_t>(static_cast<std::uint32_t>(answer) & 0xffffffu) << 8 |
                 static_cast<std::uint64_t>(result) << 1)) {}
  explicit Kind(std::uint64_t packed) noexcept : packed_(packed) {}

  [[nodiscard]] std::uint64_t packed() const noexcept { return packed_; }
  [[nodiscard]] Labels labels() const {
    const std::uint64_t bits = packed_ - 1;
    const auto code = static_cast<RequestCode>(static_cast<std::uint32_t>(bits >> 32));
    const auto answer =
        static_cast<ResponseCode>(static_cast<std::uint32_t>(bits >> 8 & 0xffffffu));
    const auto result = static_cast<Result>(bits >> 1 & 0x7fu);
    const bool none = result == Result::no_answer;
    const bool held = none || result == Result::held;
    return {{"protocol_type", "remoting"},
            {"request_code", ascii_lower(to_string(code))},
            {"response_code", none ? "" : ascii_lower(to_string(answer))},
            {"is_long_polling", held ? "true" : "false"},
            {"result", result == Result::oneway ? "oneway" : "success"}};
  }

 private:
  std::uint64_t packed_;
};

RequestMetrics::RequestMetrics() = default;
RequestMetrics::~RequestMetrics() = default;

void RequestMetrics::on_request(const remoting::RequestIdentity& request,
                                const remoting::RemotingCommand* answer, Duration took) noexcept {
  Kind::Result result = Kind::Result::answered;
  if (request.is_held) result = Kind::Result::held;
  if (answer == nullptr) result = Kind::Result::no_answer;
  if (request.is_oneway) result = Kind::Result::oneway;
  const std::int32_t outcome = answer == nullptr ? 0 : answer->code;
  Kind kind(request.code, outcome, result);
  LatencyHistogram* histogram = find(kind.packed());
  if (histogram == nullptr) {
    // RocketMQ's codes are few; all others are one.
    constexpr std::int32_t kUnknown = -1;
    const bool known = to_string(static_cast<RequestCode>(request.code)) != "UNKNOWN";
    kind = Kind(known ? request.code : kUnknown, outcome, result);
    histogram = &take(kind.packed());
  }
  histogram->record(took);
}

LatencyHistogram* RequestMetrics::find(std::uint64_t kind) const noexcept {
  for (std::size_t at = kind * 0x9e3779b97f4a7c15u >> 32;; ++at) {
    const Slot& slot = slots_[at % kSlots];
    const std::uint64_t holder = slot.kind.load(std::memory_order_acquire);
    if (holder == kind) return slot.latency.get();
    if (holder == 0) return nullptr;  // never full: kMostUsed
  }
}

LatencyHistogram& RequestMetrics::take(std::uint64_t kind) {
  const std::scoped_lock lock(mutex_);
  if (LatencyHistogram* present = find(kind)) return *present;
  if (used_ == kMostUsed) return others_;
  ++used_;
  std::size_t at = kind * 0x9e3779b97f4a7c15u >> 32;
  while (slots_[at % kSlots].kind.load(std::memory_order_relaxed) != 0) ++at;
  Slot& slot = slots_[at % kSlots];
  slot.latency = std::make_unique<LatencyHistogram>();
  slot.kind.store(kind, std::memory_order_release);
  return *slot.latency;
}

void RequestMetrics::report(Scrape& scrape) const {
  for (const Slot& slot : slots_) {
    const std::uint64_t kind = slot.kind.load(std::memory_order_acquire);
    if (kind != 0) scrape.histogram(kName, kHelp, *slot.latency, Kind(kind).labels());
  }
  scrape.histogram(kName, kHelp, others_,
                   {{"protocol_type", "remoting"}, {"request_code", "other"}});
}

}  // namespace comet::inline v0_1::monitor

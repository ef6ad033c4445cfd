#include "comet/monitor/metrics.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>
#include <map>
#include <sstream>

namespace comet::inline v0_1::monitor {
namespace {

double millis(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

}  // namespace

struct Scrape::Impl {
  prometheus::ClientMetric& add(std::string_view name, std::string_view help,
                                prometheus::MetricType type, Labels labels) {
    const auto [entry, is_new] = by_name.try_emplace(std::string(name), families.size());
    if (is_new) {
      prometheus::MetricFamily& family = families.emplace_back();
      family.name = name;
      family.help = help;
      family.type = type;
    }
    prometheus::ClientMetric& metric = families[entry->second].metric.emplace_back();
    for (const auto& [key, value] : common) metric.label.push_back({key, value});
    for (auto& [key, value] : labels) metric.label.push_back({std::move(key), std::move(value)});
    return metric;
  }

  Labels common;
  std::vector<prometheus::MetricFamily> families;
  std::map<std::string, std::size_t, std::less<>> by_name;
};

Scrape::Scrape(const Labels& common) : impl_(std::make_unique<Impl>()) { impl_->common = common; }
Scrape::~Scrape() = default;

void Scrape::counter(std::string_view name, std::string_view help, double value, Labels labels) {
  impl_->add(name, help, prometheus::MetricType::Counter, std::move(labels)).counter.value = value;
}

void Scrape::gauge(std::string_view name, std::string_view help, double value, Labels labels) {
  impl_->add(name, help, prometheus::MetricType::Gauge, std::move(labels)).gauge.value = value;
}

void Scrape::histogram(std::string_view name, std::string_view help, const LatencyHistogram& values,
                       Labels labels) {
  constexpr std::size_t kCount = LatencyHistogram::kBounds.size();
  std::array<double, kCount> bounds{};
  std::array<std::uint64_t, kCount + 1> counts{};
  for (std::size_t i = 0; i < kCount; ++i) bounds[i] = millis(LatencyHistogram::kBounds[i]);
  for (std::size_t i = 0; i <= kCount; ++i) counts[i] = values.count(i);
  histogram(name, help, bounds, counts, millis(values.sum()), std::move(labels));
}

void Scrape::histogram(std::string_view name, std::string_view help, std::span<const double> bounds,
                       std::span<const std::uint64_t> counts, double sum, Labels labels) {
  auto& shown =
      impl_->add(name, help, prometheus::MetricType::Histogram, std::move(labels)).histogram;
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    seen += counts[i];
    const double bound = i < bounds.size() ? bounds[i] : std::numeric_limits<double>::infinity();
    shown.bucket.push_back({seen, bound});
  }
  shown.sample_count = seen;
  shown.sample_sum = sum;
}

std::string Scrape::text() const {
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, impl_->families);
  return std::move(out).str();
}

void Metrics::add(Source source) {
  const std::scoped_lock lock(mutex_);
  sources_.push_back(std::move(source));
}

std::string Metrics::text() const {
  Scrape scrape(common_);
  {
    const std::scoped_lock lock(mutex_);
    for (const Source& source : sources_) source(scrape);
  }
  return scrape.text();
}

}  // namespace comet::inline v0_1::monitor

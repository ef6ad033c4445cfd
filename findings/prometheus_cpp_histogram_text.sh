#!/usr/bin/env bash
# prometheus-cpp 1.0.1 (Debian 12): three things about histograms and their text.
#  - An observed NaN counts in the LOWEST bucket, so it looks like the fastest request of all.
#  - Bounds are printed with 16 digits: 0.3 and 0.1+0.2 are different bounds, but both lines say le="0.3", a duplicate
#    series for whoever reads the text.
#  - Adding a histogram again with the same labels and other bounds gives the old one: the new bounds are dropped.
# Why it matters: bounds made by arithmetic (start + i * step) and unchecked durations do no harm in the program; they show only
# in the scraped figures.
source "$(dirname "$0")/common.sh"
need g++
debian prometheus-cpp-dev

cd "$work"
cat >histogram.cpp <<'CPP'
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <iostream>
#include <limits>
int main() {
    using prometheus::Histogram;
    prometheus::Registry nan_registry;
    auto& seconds = prometheus::BuildHistogram().Name("nan").Register(nan_registry).Add({}, Histogram::BucketBoundaries{1, 5});
    seconds.Observe(std::numeric_limits<double>::quiet_NaN());
    std::cout << prometheus::TextSerializer().Serialize(nan_registry.Collect());

    prometheus::Registry near_registry;
    auto& family = prometheus::BuildHistogram().Name("near").Register(near_registry);
    auto& first = family.Add({}, Histogram::BucketBoundaries{0.3, 0.1 + 0.2});
    auto& again = family.Add({}, Histogram::BucketBoundaries{7, 8, 9, 10});
    std::cout << prometheus::TextSerializer().Serialize(near_registry.Collect());
    std::cout << "again: " << (&first == &again ? "the old object" : "a new object") << ", "
              << again.Collect().histogram.bucket.size() << " buckets\n";
}
CPP
g++ -std=c++20 histogram.cpp -o histogram -lprometheus-cpp-core
./histogram >text

expect "bucket le=\"1\" after one NaN" 'nan_bucket{le="1"} 0' 'nan_bucket{le="1"} 1' "$(grep '^nan_bucket{le="1"}' text)"
expect "labels of the bounds 0.3 and 0.1+0.2" 'le="0.3" le="0.30000000000000004" le="+Inf"' 'le="0.3" le="0.3" le="+Inf"' \
    "$(grep -o 'near_bucket{le="[^"]*"' text | cut -d'{' -f2 | paste -sd' ')"
expect "same labels added with four other bounds" "an error, or 5 buckets" "again: the old object, 3 buckets" "$(grep '^again' text)"
finish

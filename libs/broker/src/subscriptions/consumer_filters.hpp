#pragma once
// What consumer groups filter by, other than tags (Apache: ConsumerFilterManager; file
// consumerFilter.json). The filters at work are the client registry's; this is the memory of them
// that outlives connections and restarts, in Apache's form.

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "comet/base/error.hpp"
#include "comet/base/json_writer.hpp"
#include "comet/base/time.hpp"
#include "subscriptions/subscription.hpp"
#include "tables/state_file.hpp"
#include "tables/table_limits.hpp"

namespace comet::inline v0_1::broker {

// Thread-safe.
class ConsumerFilters {
 public:
  ConsumerFilters(const std::string& store_root, TimeSource& time, FilterLimits limits = {});

  // What it reads is dead until its group comes back.
  void load();
  // Writes the file when anything has changed since the last time. Blocking.
  void save_if_changed();
  // Why the file cannot be written; empty: it can.
  [[nodiscard]] std::string problem() const { return file_.problem(); }

  // A member of the group, which is registered as one already, subscribes to these, and to nothing
  // else.
  void subscribe(const std::string& group, const std::vector<Subscription>& subscriptions);
  // The group has lost a member. `is_empty` says whether that was the last one: asked with this
  // table's lock held, so that a member that comes on another thread is seen, or subscribes later.
  void member_left(std::string_view group, const std::function<bool()>& is_empty);

  // As Java prints a ConsumerFilterData; "null" when there is none.
  [[nodiscard]] std::string describe(std::string_view topic, std::string_view group) const;
  class Size {
   public:
    std::size_t filters = 0;
    std::size_t bytes = 0;  // estimated
  };
  [[nodiscard]] Size size() const;
  // The file's content.
  [[nodiscard]] std::string to_json() const;

 private:
  struct Filter {
    std::string expression, expression_type;
    std::int64_t client_version = 0;
    std::int64_t born = 0, dead = 0;  // ms; dead at 0: it lives
    [[nodiscard]] bool is_dead() const noexcept { return dead >= born; }
  };
  using ByGroup = std::map<std::string, Filter, std::less<>>;

  error_code parse(std::string_view json);
  static void write(JsonWriter& json, std::string_view topic, std::string_view group,
                    const Filter& filter);
  // All with the lock held.
  void put(const std::string& group, const Subscription& subscription);
  // Ends the group's filter for the topic.
  void bury(std::string_view topic, std::string_view group);
  void forget_long_dead();

  StateFile file_;
  TimeSource& time_;
  const FilterLimits limits_;
  mutable std::mutex mutex_;
  std::map<std::string, ByGroup, std::less<>> topics_;
  std::map<std::string, std::set<std::string>, std::less<>> live_;  // topics, by group
  std::size_t size_ = 0;
  std::size_t bytes_ = 0;
  bool is_full_ = false;  // and the log says so
  bool changed_ = false;
};

}  // namespace comet::inline v0_1::broker

#include "retention.hpp"

#include <algorithm>
#include <string>

#include "comet/base/local_time.hpp"
#include "comet/base/parse_number.hpp"

namespace comet::inline v0_1::store {

std::set<int> parse_delete_hours(std::string_view text) {
  std::set<int> hours;
  while (!text.empty()) {
    std::string_view word = text.substr(0, text.find(';'));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    while (word.starts_with(' ')) word.remove_prefix(1);
    while (word.ends_with(' ')) word.remove_suffix(1);
    if (word.empty()) continue;
    const int hour = parse_number<int>(word).value_or(-1);
    if (hour < 0 || hour > 23) {
      throw Error(make_error_code(BaseErrc::bad_value),
                  "deleteWhen: \"" + std::string(word) + "\" is no hour from 00 to 23");
    }
    hours.insert(hour);
  }
  return hours;
}

int local_hour_of(std::int64_t wall_millis) { return local_time(wall_millis).tm_hour; }

RetentionPlan plan_retention(const StoreConfig& config, const std::set<int>& hours,
                             std::int64_t wall_millis, int used_percent, bool asked_for) {
  RetentionPlan plan;
  plan.refuse_appends = used_percent > config.disk_warning_percent;
  bool short_of_space = used_percent > config.disk_max_used_percent;
  plan.delete_expired = asked_for || short_of_space || hours.contains(local_hour_of(wall_millis));
  plan.ignore_age = config.clean_file_forcibly && used_percent > config.disk_clean_forcibly_percent;
  return plan;
}

}  // namespace comet::inline v0_1::store

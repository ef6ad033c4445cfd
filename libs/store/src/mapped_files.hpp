#pragma once
// The log files that are mapped to be sent from: few, and none that nobody reads.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "log_pages.hpp"

namespace comet::inline v0_1::store {

// Thread-safe. Files are named by where they start in the log. What is dropped stays mapped while
// an answer lies in it.
class MappedFiles {
 public:
  using Map = std::function<Result<std::shared_ptr<LogPages>>()>;

  // `map` makes it when there is none, in place of the one that was not used for longest. Nullptr:
  // that has failed.
  [[nodiscard]] std::shared_ptr<LogPages> find(std::int64_t start, const Map& map);
  void drop(std::int64_t start);
  // Those that find() was not asked for since the last call.
  void drop_idle();
  [[nodiscard]] std::size_t count() const;

 private:
  struct Mapped {
    std::int64_t start;
    std::shared_ptr<LogPages> pages;
    bool is_used;  // since drop_idle()
  };
  template <class Condition>
  void drop_those(Condition condition);

  mutable std::mutex mutex_;
  std::vector<Mapped> files_;  // the most recently used last
};

}  // namespace comet::inline v0_1::store

#pragma once
// Entries of a table that are looked up for every message, found without the table's lock.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace comet::inline v0_1::broker {

// Each thread keeps snapshots of its own of what it has found since the table's last change: event
// loops share nothing but a counter that they read. After a change, which costs one addition
// however large the table is, each entry is looked up once more. Thread-safe.
template <class Entry>
class Lookups {
 public:
  // An entry as it was when it was looked up; null: there is none.
  using Snapshot = std::shared_ptr<const Entry>;

  // The present state of the entry. `look_up` is called when this thread does not know it; it takes
  // the table's lock.
  template <class LookUp>
  [[nodiscard]] Snapshot find(std::string_view name, LookUp look_up) const {
    const std::uint64_t changes = changes_.load(std::memory_order_acquire);
    Known& known = threads_own()[place_of(name)];
    if (known.table == id_ && known.changes == changes && known.name == name) return known.entry;
    // A change from here on makes what is kept outdated at once.
    Snapshot found = look_up();
    known.table = 0;
    if (found == nullptr) return found;
    known.name = name;
    known.entry = found;
    known.changes = changes;
    known.table = id_;
    return found;
  }
  // To be called with the table's lock held, before it is given back.
  void changed() noexcept { changes_.fetch_add(1, std::memory_order_release); }

 private:
  struct Known {
    std::uint64_t table = 0;  // 0: nothing
    std::uint64_t changes = 0;
    std::string name;
    Snapshot entry;
  };
  static constexpr std::size_t kPlaces = 256;  // for each thread

  [[nodiscard]] static std::array<Known, kPlaces>& threads_own() {
    thread_local std::array<Known, kPlaces> own;
    return own;
  }
  // Names differ at their ends most.
  [[nodiscard]] static std::size_t place_of(std::string_view name) noexcept {
    std::uint64_t end = 0;
    const std::size_t size = std::min(name.size(), sizeof end);
    std::memcpy(&end, name.data() + name.size() - size, size);
    constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15;
    return static_cast<std::size_t>((end ^ name.size()) * kOdd >> 56);
  }
  // Unlike addresses, never used twice.
  [[nodiscard]] static std::uint64_t next_id() noexcept {
    static std::atomic<std::uint64_t> last{0};
    return ++last;
  }

  const std::uint64_t id_ = next_id();
  std::atomic<std::uint64_t> changes_{0};
};

}  // namespace comet::inline v0_1::broker

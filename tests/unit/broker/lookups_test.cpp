#include "tables/lookups.hpp"

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

using namespace comet;

namespace {

// A table as those of topics and groups are.
class Numbers {
 public:
  using Snapshot = broker::Lookups<int>::Snapshot;

  Snapshot find(std::string_view name) const {
    return lookups_.find(name, [&]() -> Snapshot {
      const std::scoped_lock lock(mutex_);
      ++looked_up_;
      const auto found = numbers_.find(name);
      return found == numbers_.end() ? nullptr : std::make_shared<const int>(found->second);
    });
  }
  void put(const std::string& name, int number) {
    const std::scoped_lock lock(mutex_);
    numbers_[name] = number;
    lookups_.changed();
  }
  void remove(const std::string& name) {
    const std::scoped_lock lock(mutex_);
    numbers_.erase(name);
    lookups_.changed();
  }
  int looked_up() const {
    const std::scoped_lock lock(mutex_);
    return looked_up_;
  }

 private:
  broker::Lookups<int> lookups_;
  mutable std::mutex mutex_;
  mutable int looked_up_ = 0;
  std::map<std::string, int, std::less<>> numbers_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(lookups)

BOOST_AUTO_TEST_CASE(an_entry_is_looked_up_once_between_two_changes_of_its_table) {
  Numbers numbers;
  numbers.put("a", 1);
  for (int i = 0; i < 10; ++i) BOOST_TEST(*numbers.find("a") == 1);
  BOOST_TEST(numbers.looked_up() == 1);
  const Numbers::Snapshot before = numbers.find("a");
  numbers.put("a", 2);
  BOOST_TEST(*numbers.find("a") == 2);
  BOOST_TEST(*before == 1);  // who has it keeps it
  numbers.remove("a");
  BOOST_TEST((numbers.find("a") == nullptr));
  BOOST_TEST((numbers.find("") == nullptr));
}

BOOST_AUTO_TEST_CASE(what_is_not_there_is_not_kept) {
  Numbers numbers;
  BOOST_TEST((numbers.find("a") == nullptr));
  BOOST_TEST((numbers.find("a") == nullptr));
  BOOST_TEST(numbers.looked_up() == 2);
}

BOOST_AUTO_TEST_CASE(tables_and_names_are_told_apart_however_many_there_are) {
  std::vector<Numbers> tables(3);
  for (int name = 0; name < 1000; ++name) {
    for (std::size_t table = 0; table < tables.size(); ++table) {
      tables[table].put("topic-" + std::to_string(name), name * 10 + static_cast<int>(table));
    }
  }
  for (int round = 0; round < 2; ++round) {
    for (int name = 0; name < 1000; ++name) {
      for (std::size_t table = 0; table < tables.size(); ++table) {
        const auto found = tables[table].find("topic-" + std::to_string(name));
        if (*found != name * 10 + static_cast<int>(table)) BOOST_ERROR("another one's number");
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_thread_never_finds_less_than_what_was_changed_before_it_began_to_look) {
  Numbers numbers;
  numbers.put("a", 0);
  std::atomic<int> changed{0};
  std::atomic<int> behind{0};
  std::vector<std::jthread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      for (int least = 0; least < 2000;) {
        least = changed.load(std::memory_order_acquire);
        if (*numbers.find("a") < least) ++behind;
      }
    });
  }
  for (int number = 1; number <= 2000; ++number) {
    numbers.put("a", number);
    changed.store(number, std::memory_order_release);
  }
  readers.clear();
  BOOST_TEST(behind == 0);
}

BOOST_AUTO_TEST_SUITE_END()

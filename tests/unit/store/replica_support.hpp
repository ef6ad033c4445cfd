#pragma once
// A store and another one that is fed with the bytes of its log.

#include <boost/test/unit_test.hpp>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "store_support.hpp"

namespace comet::inline v0_1::store::test {

// All of a store's log from `from` on.
inline std::string raw_bytes(const StoreCore& core, std::int64_t from, std::int64_t until) {
  std::string bytes;
  while (from < until) {
    Result<Body> piece = core.read_raw(from, until - from);
    BOOST_TEST_REQUIRE(piece.has_value(), piece.error().message());
    BOOST_TEST_REQUIRE(!piece->empty());
    const auto& pages = piece->pages();
    if (pages == nullptr) {
      bytes += piece->to_string();
    } else {
      for (const std::span<const char> part : pages->parts()) {
        Result<SharedBytes> copy = pages->file().copy(part);
        BOOST_TEST_REQUIRE(copy.has_value());
        bytes += copy->view();
      }
    }
    from += static_cast<std::int64_t>(piece->size());
  }
  return bytes;
}

class Replicas {
 public:
  Replicas() {
    master.open();
    slave.open();
  }

  // What the slave does not have yet, in pieces of that many bytes.
  error_code feed(std::int64_t piece = 1 << 20) {
    return feed_until(master.core->appended_end(), piece);
  }
  error_code feed_until(std::int64_t end, std::int64_t piece = 1 << 20) {
    std::int64_t at = slave.core->appended_end();
    const std::string bytes = raw_bytes(*master.core, at, end);
    for (std::size_t done = 0; done < bytes.size(); done += static_cast<std::size_t>(piece)) {
      const auto part = std::string_view(bytes).substr(done, static_cast<std::size_t>(piece));
      if (error_code error = slave.core->append_raw(at, part)) return error;
      at += std::ssize(part);
    }
    return {};
  }

  // The files of both logs, byte for byte, as far as the slave has them.
  void check_same_files() {
    const std::int64_t size = slave.config.commit_log_file_size;
    for (std::int64_t at = slave.core->min_physical_offset(); at < slave.core->appended_end();
         at += size) {
      const std::string ours = read_whole(log_file(slave.config.root, at));
      const std::string theirs = read_whole(log_file(master.config.root, at));
      BOOST_TEST_REQUIRE(ours.size() == theirs.size());
      const auto known = static_cast<std::size_t>(std::min(slave.core->appended_end() - at, size));
      BOOST_TEST(ours.substr(0, known) == theirs.substr(0, known), "the file at " << at);
      BOOST_TEST((ours.find_first_not_of('\0', known) == std::string::npos));
    }
  }
  // Every queue has the same messages at the same offsets.
  void check_same_queues() {
    BOOST_TEST((slave.core->queue_counts() == master.core->queue_counts()));
    for (const auto& [topic, count] : master.core->queue_counts()) {
      for (std::int32_t id = 0; id < count; ++id) {
        const std::int64_t min = master.core->min_offset(topic, id);
        BOOST_TEST(slave.core->max_offset(topic, id) == master.core->max_offset(topic, id));
        BOOST_TEST(slave.core->min_offset(topic, id) == min);
        BOOST_TEST(
            (bodies_of(*slave.core, topic, id, min) == bodies_of(*master.core, topic, id, min)));
      }
    }
  }

  StoreOnDisk master;
  StoreOnDisk slave;
};

// Messages of several sizes, topics and queues, over some files.
inline void append_mixed(StoreCore& core, int from, int to) {
  for (int i = from; i < to; ++i) {
    const std::string number = std::to_string(i);
    const std::string body = number + std::string(static_cast<std::size_t>(i * 37 % 900), 'b');
    must_append(core, record_of(i % 3 == 0 ? "A" : "B", i % 4, body,
                                "KEYS\1k" + number + "\2TAGS\1t" + std::to_string(i % 2)));
  }
}

inline std::int64_t found_by_key(const StoreCore& core, std::string_view topic,
                                 const std::string& key) {
  KeyQuery query;
  query.topic = topic;
  query.key = key;
  return core.query(query).count;
}

}  // namespace comet::inline v0_1::store::test

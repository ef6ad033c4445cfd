#pragma once
// A batch on its way into the log.

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "comet/broker/config.hpp"
#include "comet/message/batch.hpp"
#include "comet/message/record.hpp"
#include "comet/store/message_store.hpp"
#include "send/send_checks.hpp"

namespace comet::inline v0_1::broker {

// Every stored message says to which cluster it came.
void append_cluster(std::string_view cluster, std::string& properties);

// What all items of a batch share. An item's own properties have precedence: Java 5.x and Go give
// the batch a UNIQ_KEY, and each item its own. Views into the text.
class CommonProperties {
 public:
  explicit CommonProperties(std::string_view properties);

  // Those that the item lacks are appended to its own.
  void add_to(std::string& item);
  // What add_to() appends at most.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  std::map<std::string_view, std::string_view> values_;
  std::size_t size_ = 1;            // with a separator before them
  std::set<std::string_view> own_;  // of the item at hand
};

// Every message of the batch as a record of its own. Made one at a time: 50 KB on the wire may be a
// thousand messages with 32 KB of properties each.
class BatchRecords final : public store::RecordSource {
 public:
  // `record`: what all have in common. Its views and the others must outlive this.
  BatchRecords(std::string_view body, std::string_view common, std::string_view cluster,
               const RecordView& record);

  void rewind() override { reader_ = BatchReader(body_); }
  const RecordView* next() override;

  class Measured {
   public:
    Refusal refusal;        // empty: it may be stored
    std::size_t bytes = 0;  // of its records, at most
  };
  // Against maxBatchMessages, maxMessageSize and the limit of properties, before anything is made.
  [[nodiscard]] Measured measure(const BrokerConfig& config);

 private:
  void make_properties(const BatchItem& item);
  [[nodiscard]] std::size_t most_properties(const BatchItem& item) const noexcept;

  std::string_view body_, cluster_;
  CommonProperties common_;
  RecordView record_;
  BatchReader reader_;
  std::string properties_;  // of the record that next() has made
};

}  // namespace comet::inline v0_1::broker

#include "comet/store/message_store.hpp"

namespace comet::inline v0_1::store {

namespace {

class StoreCategory final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "comet.store"; }
  std::string message(int code) const override {
    switch (static_cast<StoreErrc>(code)) {
      case StoreErrc::locked:
        return "another process has the store open";
      case StoreErrc::not_writable:
        return "the store directory cannot be written";
      case StoreErrc::wrong_file_size:
        return "a file has another size than configured";
      case StoreErrc::message_too_large:
        return "a part of the message is beyond its limit, or its properties have a zero byte";
      case StoreErrc::flush_timeout:
        return "stored, but not yet on disk";
      case StoreErrc::read_only:
        return "the store is read-only after an I/O error";
      case StoreErrc::disk_full:
        return "no space left on the store's disk";
      case StoreErrc::closed:
        return "the store is shutting down";
      case StoreErrc::illegal_queue:
        return "the topic or queue id cannot name a queue";
      case StoreErrc::foreign_format:
        return "the directory belongs to another kind of store";
      case StoreErrc::short_file:
        return "the file is shorter than it was";
      case StoreErrc::too_much_lost:
        return "more would be lost than maxRecordsLostAtStart allows";
      case StoreErrc::log_missing:
        return "the commit log is missing";
      case StoreErrc::not_contiguous:
        return "the bytes do not continue the log";
      case StoreErrc::only_a_replica:
        return "a slave's store takes nothing but its master's log";
      case StoreErrc::not_kept:
        return "the log does not have these bytes";
    }
    return "unknown store error";
  }
};

}  // namespace

const boost::system::error_category& store_category() noexcept {
  static const StoreCategory category;
  return category;
}

}  // namespace comet::inline v0_1::store

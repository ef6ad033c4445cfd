#include "comet/replication/store_log.hpp"

namespace comet::inline v0_1::replication {

std::optional<LastRecord> StoreLog::record_before(std::int64_t offset) const {
  const std::optional<store::RawRecord> raw = log_.record_before(offset);
  if (!raw) return std::nullopt;
  LastRecord record;
  record.offset = raw->offset;
  record.size = raw->size;
  record.store_timestamp = raw->store_timestamp;
  record.crc = raw->crc;
  return record;
}

}  // namespace comet::inline v0_1::replication

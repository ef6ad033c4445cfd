#include "index_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>

#include "comet/base/bytes.hpp"
#include "comet/message/record.hpp"

namespace comet::inline v0_1::store {

namespace {

constexpr std::int32_t kSlotsPerPage = 1024;   // slots are written in pieces of this many
constexpr std::int32_t kEntriesAtOnce = 3000;  // that are read

error_code damaged() { return make_error_code(BaseErrc::bad_value); }

}  // namespace

std::string IndexHeader::encode() const {
  std::string bytes;
  append_be<std::int64_t>(bytes, begin_timestamp);
  append_be<std::int64_t>(bytes, end_timestamp);
  append_be<std::int64_t>(bytes, begin_offset);
  append_be<std::int64_t>(bytes, end_offset);
  append_be<std::int32_t>(bytes, used_slots);
  append_be<std::int32_t>(bytes, count);
  return bytes;
}

IndexHeader IndexHeader::decode(const char* from) noexcept {
  IndexHeader header;
  header.begin_timestamp = load_be<std::int64_t>(from);
  header.end_timestamp = load_be<std::int64_t>(from + 8);
  header.begin_offset = load_be<std::int64_t>(from + 16);
  header.end_offset = load_be<std::int64_t>(from + 24);
  header.used_slots = load_be<std::int32_t>(from + 32);
  header.count = std::max(load_be<std::int32_t>(from + 36), 1);  // 0: a new file of Apache's
  return header;
}

bool IndexHeader::is_possible(const IndexShape& shape) const noexcept {
  // Apache 5 counts every entry as a used slot.
  return count <= shape.entries && used_slots >= 0 && used_slots < count && begin_offset >= 0 &&
         begin_timestamp >= 0 && (count == 1 || begin_offset <= end_offset) &&
         (count == 1 || begin_timestamp <= end_timestamp);
}

void IndexEntry::encode_to(std::string& out) const {
  append_be<std::int32_t>(out, hash);
  append_be<std::int64_t>(out, offset);
  append_be<std::int32_t>(out, seconds);
  append_be<std::int32_t>(out, previous);
}

IndexEntry IndexEntry::decode(const char* from) noexcept {
  IndexEntry entry;
  entry.hash = load_be<std::int32_t>(from);
  entry.offset = load_be<std::int64_t>(from + 4);
  entry.seconds = load_be<std::int32_t>(from + 12);
  entry.previous = load_be<std::int32_t>(from + 16);
  return entry;
}

std::int32_t index_hash(std::string_view topic_and_key) noexcept {
  std::int32_t hash = java_hash_code(topic_and_key);
  if (hash == std::numeric_limits<std::int32_t>::min()) return 0;  // has no positive counterpart
  return hash < 0 ? -hash : hash;
}

Result<std::unique_ptr<IndexFile>> IndexFile::open(FileSystem& files, std::string path,
                                                   const IndexShape& shape) {
  Result<std::shared_ptr<File>> file = files.open(path, OpenMode::existing);
  if (!file) return file.error();
  Result<std::int64_t> size = (*file)->size();
  if (!size) return size.error();
  if (*size != shape.file_size()) return damaged();
  std::array<char, IndexShape::kHeaderSize> bytes{};
  if (error_code error = read_fully(**file, bytes, 0)) return error;
  std::unique_ptr<IndexFile> index(new IndexFile(std::move(path), shape, std::move(*file)));
  index->header_ = IndexHeader::decode(bytes.data());
  if (!index->header_.is_possible(shape)) return damaged();
  index->pending_begin_ = index->header_.count;
  return index;
}

Result<std::unique_ptr<IndexFile>> IndexFile::create(FileSystem& files, std::string path,
                                                     const IndexShape& shape,
                                                     const IndexHeader& before) {
  Result<std::shared_ptr<File>> file = files.open(path, OpenMode::create);
  if (!file) return file.error();
  if (error_code error = make_zeros(**file, shape.file_size())) return error;
  std::unique_ptr<IndexFile> index(new IndexFile(std::move(path), shape, std::move(*file)));
  index->header_.begin_timestamp = index->header_.end_timestamp = before.end_timestamp;
  index->header_.begin_offset = index->header_.end_offset = before.end_offset;
  if (error_code error = index->allocate_slots()) return error;
  return index;
}

error_code IndexFile::allocate_slots() {
  void* memory = std::calloc(static_cast<std::size_t>(shape_.slots), sizeof(std::int32_t));
  if (memory == nullptr) return {ENOMEM, boost::system::system_category()};
  slots_.reset(static_cast<std::int32_t*>(memory));
  dirty_pages_.assign(static_cast<std::size_t>(shape_.slots / kSlotsPerPage + 1), false);
  return {};
}

error_code IndexFile::load_slots() {
  if (error_code error = allocate_slots()) return error;
  std::vector<char> bytes(kSlotsPerPage * IndexShape::kSlotSize);
  for (std::int32_t begin = 0; begin < shape_.slots; begin += kSlotsPerPage) {
    const std::int32_t end = std::min(begin + kSlotsPerPage, shape_.slots);
    bytes.resize(static_cast<std::size_t>((end - begin) * IndexShape::kSlotSize));
    if (error_code error = read_whole(*file_, bytes, shape_.slot_position(begin))) {
      slots_.reset();
      return error;
    }
    const char* from = bytes.data();
    for (std::int32_t slot = begin; slot < end; ++slot, from += IndexShape::kSlotSize) {
      auto value = load_be<std::int32_t>(from);
      if (value == 0) continue;  // leaves the page untouched
      if (!is_entry(value)) {
        slots_.reset();
        return damaged();
      }
      slots_[static_cast<std::size_t>(slot)] = value;
    }
  }
  return {};
}

error_code IndexFile::rebuild(const IndexHeader& header) {
  header_ = header;
  header_.used_slots = 0;
  pending_.clear();
  pending_begin_ = header_.count;
  if (error_code error = allocate_slots()) return error;
  dirty_pages_.assign(dirty_pages_.size(), true);  // whatever the file holds
  std::vector<char> bytes;
  std::int64_t last = header_.begin_offset;
  for (std::int32_t index = 1; index < header_.count; ++index) {
    const std::int32_t place = (index - 1) % kEntriesAtOnce;
    if (place == 0) {
      const std::int32_t count = std::min(kEntriesAtOnce, header_.count - index);
      bytes.resize(static_cast<std::size_t>(count * IndexShape::kEntrySize));
      if (error_code error = read_whole(*file_, bytes, shape_.entry_position(index))) {
        slots_.reset();
        return error;
      }
    }
    const IndexEntry one = IndexEntry::decode(bytes.data() + place * IndexShape::kEntrySize);
    bool possible = one.hash >= 0 && one.offset >= last && one.offset <= header_.end_offset;
    auto slot = static_cast<std::size_t>(possible ? one.hash % shape_.slots : 0);
    if (!possible || one.previous != slots_[slot]) {
      slots_.reset();
      return damaged();
    }
    if (one.previous == 0) ++header_.used_slots;
    slots_[slot] = index;
    last = one.offset;
  }
  return {};
}

void IndexFile::put(std::int32_t hash, std::int64_t offset, std::int64_t timestamp) {
  const std::int32_t slot = hash % shape_.slots;
  // No checksum covers a record's time: a damaged one must not hide the other messages of the file.
  const bool is_first = header_.count == 1;
  const bool can_be = timestamp > 0 && timestamp <= kLastIndexedMillis &&
                      (is_first || timestamp >= header_.begin_timestamp);
  if (!can_be) timestamp = header_.end_timestamp;
  IndexEntry one;
  one.hash = hash;
  one.offset = offset;
  const std::int32_t newest = slots_[static_cast<std::size_t>(slot)];
  one.previous = is_entry(newest) ? newest : 0;
  if (header_.begin_timestamp > 0) {
    std::int64_t seconds = (timestamp - header_.begin_timestamp) / 1000;
    one.seconds = static_cast<std::int32_t>(
        std::clamp<std::int64_t>(seconds, 0, std::numeric_limits<std::int32_t>::max()));
  }
  one.encode_to(pending_);
  set_slot(slot, header_.count);
  if (is_first) header_.begin_offset = offset;
  if (is_first || header_.begin_timestamp == 0) header_.begin_timestamp = timestamp;
  if (one.previous == 0) ++header_.used_slots;
  ++header_.count;
  header_.end_offset = offset;
  header_.end_timestamp = timestamp;
}

void IndexFile::set_slot(std::int32_t slot, std::int32_t value) {
  slots_[static_cast<std::size_t>(slot)] = value;
  dirty_pages_[static_cast<std::size_t>(slot / kSlotsPerPage)] = true;
}

error_code IndexFile::write_entries() {
  if (error_code error = write_fully(*file_, pending_, shape_.entry_position(pending_begin_))) {
    return error;
  }
  pending_.clear();
  pending_begin_ = header_.count;
  return {};
}

error_code IndexFile::write_all() {
  // The header first: a file that a killed process leaves half written then ends later than the
  // checkpoint says, and Apache's broker does not trust it.
  if (error_code error = write_fully(*file_, header_.encode(), 0)) return error;
  if (error_code error = write_entries()) return error;
  return write_slots();
}

error_code IndexFile::write_slots() {
  std::string bytes;
  for (std::size_t page = 0; page < dirty_pages_.size(); ++page) {
    if (!dirty_pages_[page]) continue;
    std::int32_t begin = static_cast<std::int32_t>(page) * kSlotsPerPage;
    std::int32_t end = std::min(begin + kSlotsPerPage, shape_.slots);
    bytes.clear();
    for (std::int32_t slot = begin; slot < end; ++slot) {
      append_be<std::int32_t>(bytes, slots_[static_cast<std::size_t>(slot)]);
    }
    if (error_code error = write_fully(*file_, bytes, shape_.slot_position(begin))) return error;
    dirty_pages_[page] = false;
  }
  return {};
}

void IndexFile::seal() noexcept {
  slots_.reset();
  dirty_pages_ = {};
  pending_ = {};
}

Result<std::int32_t> IndexFile::slot_value(std::int32_t slot) const {
  std::int32_t value = 0;
  if (slots_) {
    value = slots_[static_cast<std::size_t>(slot)];
  } else {
    std::array<char, IndexShape::kSlotSize> bytes{};
    if (error_code error = read_whole(*file_, bytes, shape_.slot_position(slot))) return error;
    value = load_be<std::int32_t>(bytes.data());
  }
  return is_entry(value) ? value : 0;
}

bool IndexFile::covers(std::int64_t begin, std::int64_t end) const noexcept {
  return begin <= header_.end_timestamp && end >= header_.begin_timestamp;
}

Result<IndexWalk> IndexFile::begin_search(const IndexSearch& search,
                                          std::vector<std::int64_t>& offsets) const {
  IndexWalk walk(*this, search);
  walk.slot_ = search.hash % shape_.slots;
  walk.count_ = header_.count;
  walk.begin_timestamp_ = header_.begin_timestamp;
  walk.newer_ = header_.end_offset;
  const Result<std::int32_t> newest = slot_value(walk.slot_);
  if (!newest) return newest.error();
  walk.next_ = *newest;
  while (walk.next_ >= pending_begin_ && walk.is_wanted(offsets.size())) {
    const char* bytes = pending_.data() + (walk.next_ - pending_begin_) * IndexShape::kEntrySize;
    if (error_code error = walk.take(IndexEntry::decode(bytes), offsets)) return error;
  }
  return walk;
}

bool IndexWalk::is_wanted(std::size_t found) const noexcept {
  return next_ > 0 && next_ < count_ && found < search_.max_count;
}

error_code IndexWalk::go_on(std::vector<std::int64_t>& offsets, IndexBudget& budget) {
  while (is_wanted(offsets.size()) && !budget.is_spent()) {
    --budget.entries;
    const Result<IndexEntry> entry = read(budget);
    if (!entry) return entry.error();
    if (error_code error = take(*entry, offsets)) return error;
  }
  return {};
}

error_code IndexWalk::take(const IndexEntry& entry, std::vector<std::int64_t>& offsets) {
  // Entries only point at older ones of their slot.
  const bool possible = entry.hash >= 0 && entry.hash % file_->shape_.slots == slot_ &&
                        entry.seconds >= 0 && entry.previous >= 0 && entry.previous < next_ &&
                        entry.offset <= newer_;
  if (!possible) return damaged();
  // The first entry counts its seconds from the end of the file before.
  const std::int64_t seconds = next_ == 1 ? 0 : entry.seconds;
  const std::int64_t earliest = begin_timestamp_ + seconds * 1000;
  const std::int64_t latest = earliest + 999;
  if (entry.hash == search_.hash && latest >= search_.begin && earliest <= search_.end) {
    offsets.push_back(entry.offset);
  }
  gap_ = next_ - entry.previous;
  newer_ = entry.offset;
  next_ = latest < search_.begin ? 0 : entry.previous;
  return {};
}

// With its neighbours: the more the nearer the last one was to its.
Result<IndexEntry> IndexWalk::read(IndexBudget& budget) {
  constexpr std::int32_t kFew = 16;
  constexpr std::int32_t kMany = 2048;
  constexpr std::int32_t kNear = 256;
  constexpr auto kEntrySize = static_cast<std::size_t>(IndexShape::kEntrySize);
  if (block_.empty() || next_ < block_begin_) {
    --budget.reads;
    const std::int32_t most = gap_ > 0 && gap_ <= kNear ? kMany : kFew;
    const std::int32_t count = std::min(next_, most);
    block_begin_ = next_ - count + 1;
    block_.resize(static_cast<std::size_t>(count) * kEntrySize);
    const std::int64_t at = file_->shape_.entry_position(block_begin_);
    if (error_code error = read_whole(*file_->file_, block_, at)) return error;
  }
  return IndexEntry::decode(block_.data() +
                            static_cast<std::size_t>(next_ - block_begin_) * kEntrySize);
}

}  // namespace comet::inline v0_1::store

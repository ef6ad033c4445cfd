#pragma once
// One index file: a hash table on disk that leads from a key to the log offsets of the messages
// that carry it, in Apache's format (docs/store.md). Holds hashes only: whoever looks something up
// must compare the messages' keys.

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "comet/base/error.hpp"
#include "file.hpp"

namespace comet::inline v0_1::store {

// Later times are damaged: one day before the year 10000, ms.
inline constexpr std::int64_t kLastIndexedMillis = 253'402'214'400'000;

// How many slots and entries a file has; the same for all files of a store.
class IndexShape {
 public:
  static constexpr std::int64_t kHeaderSize = 40;
  static constexpr std::int64_t kSlotSize = 4;
  static constexpr std::int64_t kEntrySize = 20;

  std::int32_t slots = 0;    // maxHashSlotNum
  std::int32_t entries = 0;  // maxIndexNum; entry 0 is never used

  [[nodiscard]] std::int64_t slot_position(std::int64_t slot) const noexcept {
    return kHeaderSize + slot * kSlotSize;
  }
  [[nodiscard]] std::int64_t entry_position(std::int64_t entry) const noexcept {
    return slot_position(slots) + entry * kEntrySize;
  }
  [[nodiscard]] std::int64_t file_size() const noexcept { return entry_position(entries); }
};

class IndexHeader {
 public:
  std::int64_t begin_timestamp = 0;  // store times of the first and the last message, ms
  std::int64_t end_timestamp = 0;
  std::int64_t begin_offset = 0;  // where they lie in the log
  std::int64_t end_offset = 0;
  std::int32_t used_slots = 0;
  std::int32_t count = 1;  // of entries, with the unused first one

  [[nodiscard]] std::string encode() const;
  [[nodiscard]] static IndexHeader decode(const char* from) noexcept;
  // Whether a file of that shape can have it.
  [[nodiscard]] bool is_possible(const IndexShape& shape) const noexcept;
  friend bool operator==(const IndexHeader&, const IndexHeader&) = default;
};

class IndexEntry {
 public:
  std::int32_t hash = 0;
  std::int64_t offset = 0;    // in the log
  std::int32_t seconds = 0;   // since the header's begin_timestamp
  std::int32_t previous = 0;  // the next older entry of the slot; 0: none

  void encode_to(std::string& out) const;
  [[nodiscard]] static IndexEntry decode(const char* from) noexcept;
};

// Of "topic#key", never negative.
[[nodiscard]] std::int32_t index_hash(std::string_view topic_and_key) noexcept;

// What is looked for in a file.
class IndexSearch {
 public:
  std::int32_t hash = 0;
  std::int64_t begin = 0;  // ms, both included. A file tells times of whole seconds only: whatever
  std::int64_t end = 0;    // may lie between them is found
  std::size_t max_count = 0;
};

// What a search may do, in all files together: a key that millions of messages have ends there.
class IndexBudget {
 public:
  std::int64_t entries = 2'000'000;
  std::int64_t reads = 10'000;
  [[nodiscard]] bool is_spent() const noexcept { return entries <= 0 || reads <= 0; }
};

class IndexFile;

// A search in one file: from a slot's newest entry to its oldest. What lies in the file does not
// change any more, so that the search goes on there without a lock. Not thread-safe; the file
// outlives it.
class IndexWalk {
 public:
  // Appends log offsets, the newest first. BaseErrc::bad_value: the entries contradict each other;
  // StoreErrc::short_file: somebody has cut the file; others are the system's.
  [[nodiscard]] error_code go_on(std::vector<std::int64_t>& offsets, IndexBudget& budget);

 private:
  friend class IndexFile;
  IndexWalk(const IndexFile& file, const IndexSearch& search) noexcept
      : file_(&file), search_(search) {}
  [[nodiscard]] bool is_wanted(std::size_t found) const noexcept;
  // Looks at the entry next_, and finds the one before.
  [[nodiscard]] error_code take(const IndexEntry& entry, std::vector<std::int64_t>& offsets);
  [[nodiscard]] Result<IndexEntry> read(IndexBudget& budget);

  const IndexFile* file_;
  IndexSearch search_;
  std::int32_t slot_ = 0;
  std::int32_t next_ = 0;   // 0: that was all
  std::int32_t count_ = 0;  // of the file's entries, with the unused first one
  std::int64_t begin_timestamp_ = 0;
  std::int64_t newer_ = 0;  // offset of the entry before in the search
  std::int32_t gap_ = 0;    // entries from there to this one
  std::string block_;       // entries that were read
  std::int32_t block_begin_ = 0;
};

// Not thread-safe, but for begin_search() in a file that is not written any more. The one file that
// is written keeps its slots in memory (4 bytes each) and entries that are not yet in the file.
class IndexFile {
 public:
  // An error of BaseErrc::bad_value: the file's size or header cannot be.
  [[nodiscard]] static Result<std::unique_ptr<IndexFile>> open(FileSystem& files, std::string path,
                                                               const IndexShape& shape);
  // A new file that goes on where `before` ends (Apache copies the end of the full file).
  [[nodiscard]] static Result<std::unique_ptr<IndexFile>> create(FileSystem& files,
                                                                 std::string path,
                                                                 const IndexShape& shape,
                                                                 const IndexHeader& before);

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] const IndexHeader& header() const noexcept { return header_; }
  [[nodiscard]] const std::shared_ptr<File>& file() const noexcept { return file_; }
  [[nodiscard]] bool is_full() const noexcept { return header_.count >= shape_.entries; }

  // Writing. -------------------------------------------------------------------------------------
  [[nodiscard]] bool is_writable() const noexcept { return slots_ != nullptr; }
  // Reads the slots. BaseErrc::bad_value: they point at entries that are not there.
  [[nodiscard]] error_code load_slots();
  // Goes back to the entries that `header` counts: what they say is right, slots and header may be
  // newer. BaseErrc::bad_value: the entries contradict each other.
  [[nodiscard]] error_code rebuild(const IndexHeader& header);
  // The file must be writable and not full.
  void put(std::int32_t hash, std::int64_t offset, std::int64_t timestamp);
  // Bytes that only memory has; write_entries() is due when they are many.
  [[nodiscard]] std::size_t pending_size() const noexcept { return pending_.size(); }
  [[nodiscard]] error_code write_entries();
  // Makes the file say what memory says (no sync).
  [[nodiscard]] error_code write_all();
  // Gives up the memory of the slots; write_all() came before.
  void seal() noexcept;

  // Reading. -------------------------------------------------------------------------------------
  // Takes what memory has of it; errors as IndexWalk::go_on().
  [[nodiscard]] Result<IndexWalk> begin_search(const IndexSearch& search,
                                               std::vector<std::int64_t>& offsets) const;
  // Whether a message of the time may be in the file (Apache: isTimeMatched).
  [[nodiscard]] bool covers(std::int64_t begin, std::int64_t end) const noexcept;

 private:
  friend class IndexWalk;
  class FreeMemory {
   public:
    void operator()(std::int32_t* memory) const noexcept { std::free(memory); }
  };
  // Untouched pages take no memory.
  using Slots = std::unique_ptr<std::int32_t[], FreeMemory>;

  IndexFile(std::string path, const IndexShape& shape, std::shared_ptr<File> file) noexcept
      : shape_(shape), path_(std::move(path)), file_(std::move(file)) {}
  [[nodiscard]] error_code allocate_slots();
  // 0: it leads to no entry.
  [[nodiscard]] Result<std::int32_t> slot_value(std::int32_t slot) const;
  [[nodiscard]] bool is_entry(std::int32_t index) const noexcept {
    return index > 0 && index < header_.count;
  }
  void set_slot(std::int32_t slot, std::int32_t value);
  [[nodiscard]] error_code write_slots();

  IndexShape shape_;
  std::string path_;
  std::shared_ptr<File> file_;
  IndexHeader header_;
  Slots slots_;
  std::vector<bool> dirty_pages_;   // of slots_
  std::string pending_;             // entries that are not in the file
  std::int32_t pending_begin_ = 1;  // the first of them
};

}  // namespace comet::inline v0_1::store

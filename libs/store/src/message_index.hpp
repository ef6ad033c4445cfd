#pragma once
// All index files: built from the log, behind the append, and thrown away and built anew when they
// cannot be trusted. Nothing that happens to the index ever stops the store.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint.hpp"
#include "comet/store/message_store.hpp"
#include "commit_log.hpp"
#include "index_file.hpp"

namespace comet::inline v0_1::store {

// What a search in the index found; the keys are still to be compared.
class IndexMatches {
 public:
  std::vector<std::int64_t> offsets;  // in the log, the newest first
  std::int64_t last_timestamp = 0;    // of the last message with a key, ms
  std::int64_t last_offset = 0;
  bool is_damaged = false;  // something is missing: a part of the index is being built anew
  bool is_cut = false;      // there are more entries than a search may look at
};

// Whether a record has what is asked for.
[[nodiscard]] bool is_match(const RecordView& record, const KeyQuery& query);

// Thread-safe.
class MessageIndex {
 public:
  MessageIndex(FileSystem& files, std::string directory, IndexShape shape, const CommitLog& log)
      : files_(files), directory_(std::move(directory)), shape_(shape), log_(log) {}

  // Takes over what lies in the directory, as far as it can be trusted: after a crash, as far as
  // the checkpoint vouches for it. `log_end` is the log's.
  void open(const Checkpoint& checkpoint, bool unclean, std::int64_t log_end);

  // Indexes what the log has between log_end() and `limit`, about `max_bytes` of it. False when
  // there is nothing to do, or nothing can be done.
  bool build(std::int64_t limit, std::int64_t max_bytes);
  // Every record before it is indexed.
  [[nodiscard]] std::int64_t log_end() const;

  // Of what is damaged or cannot be read one ERROR line tells; it is removed, and build() makes it
  // anew.
  // Waits for nobody who reads the disk, and nobody waits for its own reads.
  [[nodiscard]] IndexMatches find(const KeyQuery& query, std::size_t max_count);

  // Bringing it to the disk: write(), then sync(), which makes progress() tell what write() saw.
  // One thread at a time.
  void write();
  void sync();
  // Whether write() saw more than the last sync().
  [[nodiscard]] bool has_news() const { return !(written_ == progress_); }
  [[nodiscard]] IndexProgress progress() const;
  // Removes files all of whose messages lie before `log_min`; never the last.
  void drop_before(std::int64_t log_min);
  // The log ends at `log_end` now: files that know what lay behind it are removed, and built anew.
  void cut(std::int64_t log_end);
  [[nodiscard]] std::size_t file_count() const;

 private:
  using Files = std::vector<std::shared_ptr<IndexFile>>;

  [[nodiscard]] error_code load(const DirectoryEntry& entry);
  [[nodiscard]] bool is_as_noted(const IndexProgress& known) const;
  void distrust(const Checkpoint& checkpoint);
  [[nodiscard]] bool make_usable();
  [[nodiscard]] error_code load_last();
  void drop_from(std::size_t first, std::string_view why);
  void replace_damaged(const IndexFile& file, const error_code& error);
  void continue_behind_last();
  [[nodiscard]] IndexProgress last_progress() const;
  [[nodiscard]] error_code add(const RecordView& record);
  [[nodiscard]] error_code add_key(KeyKind kind, std::string_view key, const RecordView& record);
  [[nodiscard]] error_code add_file(std::int64_t timestamp);
  void give_up(const error_code& error, std::string_view what);

  FileSystem& files_;
  std::string directory_;
  IndexShape shape_;
  const CommitLog& log_;

  mutable std::mutex mutex_;
  Files index_files_;  // the last one is written
  std::int64_t highest_name_ = 0;
  std::int64_t log_end_ = 0;
  IndexProgress trusted_;  // after a crash: of the last file, until it is first used
  bool repair_last_ = false;
  int keys_done_ = 0;  // of the record at log_end_, when an error came in between
  std::string key_buffer_;
  bool no_space_logged_ = false;
  bool given_up_ = false;
  bool directory_dirty_ = false;
  std::vector<std::shared_ptr<File>> unsynced_;  // full files

  IndexProgress written_;  // by write()
  std::vector<std::shared_ptr<File>> to_sync_;
  bool sync_directory_ = false;
  IndexProgress progress_;
};

}  // namespace comet::inline v0_1::store

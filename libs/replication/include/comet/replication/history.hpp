#pragma once
// What a broker must not forget: which log it has, which epoch it has promised, who wrote what.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "comet/base/error.hpp"
#include "comet/replication/epochs.hpp"

namespace comet::inline v0_1::replication {

// Where the state lies. Tests have one in memory that crashes.
class StateFile {
 public:
  virtual ~StateFile() = default;
  // Nullopt: there is none yet.
  [[nodiscard]] virtual Result<std::optional<std::string>> read() = 0;
  // On disk (fsync of file and directory) when this returns: the old or the new content, whole.
  [[nodiscard]] virtual error_code write(std::string_view content) = 0;
  [[nodiscard]] virtual std::string name() const = 0;
};
// A file; blocking, some milliseconds a write.
[[nodiscard]] std::unique_ptr<StateFile> disk_state_file(std::string path);

// Each change is on disk before the call returns; when it cannot be written, nothing has changed.
// Changes happen at handshakes and when a mastership begins, never per message. One thread.
//
// A log of one broker alone has no file: there is one when the log is shared, that is, when the
// broker has followed a master, or has had a replica. So a start that cannot read it is refused.
//
// The file (storePathRootDir/config/replication): lines of text, the last one a CRC-32C of the
// others:
//   comet-replication 1
//   log 00112233445566778899aabbccddeeff
//   promised 7
//   confirmed 123456
//   epoch 7 123400 0123456789abcdef        (epoch, start, id)
//   replica 1 10.0.0.2:10911               (id, address for clients)
//   crc 89abcdef
class History {
 public:
  // Throws Error: it cannot be read, or is damaged (base's bad_value).
  explicit History(std::unique_ptr<StateFile> file);

  // The log's uuid, 32 hex digits; empty: no master has given it one yet.
  [[nodiscard]] const std::string& log_id() const noexcept { return now_.log_id; }
  // Nothing is confirmed and nothing answered in an epoch below it.
  [[nodiscard]] std::int64_t promised() const noexcept { return now_.promised; }
  // This broker knows that all in front of it was confirmed; may be older than the truth.
  [[nodiscard]] std::int64_t confirmed() const noexcept { return now_.confirmed; }
  [[nodiscard]] const EpochTable& epochs() const noexcept { return now_.epochs; }
  // False: nobody else has had this log, and nothing of it is on disk.
  [[nodiscard]] bool is_shared() const noexcept { return is_shared_; }
  // Replicas that this broker has served as a master, the last kMostReplicas; by id (0: on Apache's
  // wire), where they take requests of clients ("-": not known).
  using Replicas = std::map<std::int64_t, std::string>;
  static constexpr std::size_t kMostReplicas = 32;
  [[nodiscard]] const Replicas& replicas() const noexcept { return now_.replicas; }

  // Precondition: not below promised().
  [[nodiscard]] error_code promise(std::int64_t epoch);
  // Master: promises the epoch and begins it at `start`; gives the log an id if it has none.
  [[nodiscard]] error_code begin_mastership(const EpochEntry& entry);
  // The same in memory alone, of a log that is not shared: who needs to know it is told after
  // note_replica().
  void begin_unshared_mastership(const EpochEntry& entry);
  // Master: it is about to serve this replica. Writes what is new, and all of it the first time.
  [[nodiscard]] error_code note_replica(std::int64_t id, const std::string& address);
  // Replica: the log, which ends at `log_end`, is that of this master.
  [[nodiscard]] error_code adopt(const std::string& log_id, const EpochTable& epochs,
                                 std::int64_t promised, std::int64_t log_end);
  // In memory; on disk with the next change or save().
  void note_confirmed(std::int64_t offset) noexcept;
  // confirmed() and the log's id as a text, for a file of its own that may be written often and on
  // any thread: who loses it only knows less.
  [[nodiscard]] std::string confirmed_note() const;
  // What such a note says, if it is one of this log.
  void take_confirmed_note(std::string_view text);
  // After log files were deleted; likewise.
  void forget_before(std::int64_t begin) { now_.epochs.forget_before(begin); }
  [[nodiscard]] error_code save();

 private:
  struct State {
    std::string log_id;
    std::int64_t promised = 0;
    std::int64_t confirmed = 0;
    EpochTable epochs;
    Replicas replicas;
  };
  [[nodiscard]] static std::string encode(const State& state);
  [[nodiscard]] static Result<State> decode(std::string_view text);
  [[nodiscard]] static State mastership_of(State state, const EpochEntry& entry);
  [[nodiscard]] error_code change_to(State next);

  std::unique_ptr<StateFile> file_;
  State now_;
  bool is_shared_ = false;
};

// 64 random bits, from the system.
[[nodiscard]] std::uint64_t random_id();

}  // namespace comet::inline v0_1::replication

// A store that is fed with the bytes of another one's log, that is master itself for a while, and
// is cut back then; its machine stops at any moment, from a seed. The other one never fails.

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <map>

#include "comet/base/log.hpp"
#include "world.hpp"

namespace comet::inline v0_1::store::test {

namespace {

class ReplicaCounts {
 public:
  std::int64_t lives = 0;
  std::int64_t cuts = 0;
  std::int64_t kills = 0;
  std::int64_t in_recovery = 0;
  std::int64_t faults = 0;
  std::int64_t pieces = 0;
  std::int64_t log_cuts = 0;
  std::int64_t interrupted_cuts = 0;
  std::int64_t begun_later = 0;
  std::int64_t torn_headers = 0;
  std::int64_t records = 0;
};

class ReplicaSchedule {
 public:
  ReplicaSchedule(std::uint64_t seed, FlushMode flush, ReplicaCounts& counts)
      : counts_(counts),
        master_(seed, FlushMode::async_flush),
        files_(std::make_unique<PowerCutFiles>(master_.random, master_.time)),
        config_(master_.config) {
    config_.flush = flush;
    config_.replicated = true;
    config_.consume_queue_file_size = QueueUnit::kSize * (5 + random().below(30));
    master_.open();
    begins_late_ = random().chance(30);
  }

  void run() {
    for (std::int64_t i = random().below(30); i > 0; --i) master_.append_some(5, 300);
    const std::int64_t lives = 2 + random().below(4);
    for (std::int64_t life = 0; life < lives; ++life) {
      live();
      end_life();
    }
    open_again();
    catch_up();
    counts_.records += static_cast<std::int64_t>(master_.ledger.entries().size());
  }

 private:
  static constexpr std::int64_t kNowhere = -1;

  Random& random() { return master_.random; }
  [[nodiscard]] bool is_stopped() const { return files_->is_stopped(); }

  void live() {
    ++counts_.lives;
    open_again();
    if (random().chance(70)) files_->stop_at_call(random().below(200));
    if (random().chance(15)) {
      files_->fail_at_call(random().below(100), random().chance(50) ? EIO : ENOSPC, 1);
      ++counts_.faults;
    }
    for (std::int64_t i = random().below(60); i > 0 && !is_stopped(); --i) {
      step();
      if (!is_stopped()) note_promises();
    }
  }

  void step() {
    auto nothing = [] {};
    switch (random().below(20)) {
      case 0:
        return (void)core_->write_checkpoint(nothing);
      case 1:
        return (void)core_->sync_busy_queues(nothing);
      case 2:
        return (void)core_->prepare_segment();
      case 3:
        return (void)core_->build_index();
      case 4:
        return master_.let_time_pass(5000);
      case 5:
        return (void)core_->write_queue_units();
      case 6:
        return limit_readers();
      case 7:
      case 8:
      case 9:
        return (void)core_->sync();
      case 10:
      case 11:
        return master_.append_some(5, random().chance(90) ? 200 : 900);
      case 12:
        if (random().chance(30)) be_master();
        return;
      case 13:
        if (random().chance(40)) cut(random().chance(70));
        return;
      default:
        return feed(1 + random().below(random().chance(20) ? 20 : 1500));
    }
  }

  void limit_readers() {
    limit_ = random().chance(40) ? RawLog::kNoLimit : random().below(core_->appended_end() + 100);
    core_->set_read_limit(limit_);
    check_limit();
  }

  void check_limit() {
    for (const Entry& entry : master_.ledger.entries()) {
      if (entry.log_begin < core_->min_physical_offset()) continue;
      const bool is_behind = entry.log_end > limit_ || entry.log_end > core_->appended_end();
      require(!is_behind || diverged_from_ != kNowhere ||
                  core_->max_offset(entry.topic, entry.queue_id) <= entry.queue_offset,
              fmt::format("offset {} of {} {} is seen behind the limit {}", entry.queue_offset,
                          entry.topic, entry.queue_id, limit_));
    }
  }

  // The next bytes of the master's log; from the last whole record on when a life, or an error,
  // has lost the rest.
  void feed(std::int64_t size) {
    if (diverged_from_ != kNowhere) return cut(false);
    const std::int64_t end = core_->appended_end();
    if (fed_ == kNowhere || fed_ < end) fed_ = end;
    const std::int64_t master_end = master_.core->appended_end();
    const bool is_empty = core_->min_physical_offset() == end && fed_ == end;
    if (is_empty && begins_late_) fed_ = master_end - master_end % config_.commit_log_file_size;
    if (is_empty && !begins_late_ && end > 0) fed_ = 0;
    size = std::min(size, master_end - fed_);
    if (size <= 0) return;
    if (is_empty && fed_ > 0) ++counts_.begun_later;
    const std::string bytes = master_bytes(fed_, fed_ + size);
    ++counts_.pieces;
    const error_code error = core_->append_raw(fed_, bytes);
    fed_ = error ? kNowhere : fed_ + size;
    require(
        !error || error == StoreErrc::read_only || error == StoreErrc::disk_full || is_stopped(),
        "the master's bytes are refused: " + error.message());
  }

  [[nodiscard]] std::string master_bytes(std::int64_t from, std::int64_t until) const {
    return bytes_of(*master_.core, from, until);
  }
  static std::string bytes_of(const StoreCore& core, std::int64_t from, std::int64_t until) {
    std::string bytes;
    while (std::ssize(bytes) < until - from) {
      const std::int64_t at = from + std::ssize(bytes);
      Result<Body> piece = core.read_raw(at, until - at);
      require(piece && !piece->empty(), fmt::format("no bytes at {}", at));
      bytes += piece->to_string();
    }
    return bytes;
  }

  // Messages that the master does not have, as a master appends them.
  void be_master() {
    const std::int64_t before = core_->appended_end();
    if (core_->min_physical_offset() == before) return;
    for (std::int64_t i = 1 + random().below(6); i > 0; --i) {
      const std::string body = fmt::format("own {}", number_++) +
                               std::string(static_cast<std::size_t>(random().below(400)), 'o');
      const std::string properties = fmt::format("KEYS\1own{}", number_);
      RecordView record;
      record.topic = random().chance(60) ? "T" : random().chance(50) ? "other topic" : "own topic";
      record.queue_id = static_cast<std::int32_t>(random().below(3));
      record.body = body;
      record.properties = properties;
      record.born_host = record.store_host = IpEndpoint::v4({127, 0, 0, 1}, 10911);
      Append append;
      SpanSource source(std::span(&record, 1));
      if (core_->encode(source, append)) continue;
      Append* pointer = &append;
      core_->append(std::span<Append* const>(&pointer, 1));
    }
    fed_ = kNowhere;
    // What a stop has interrupted may be there at the next start.
    if (diverged_from_ == kNowhere) diverged_from_ = before;
    log::info("own messages from {} to {}", before, core_->appended_end());
  }

  // Back to what both have, or to a record in front of that.
  void cut(bool at_common) {
    if (!core_->read_only_reason().empty()) return;
    const std::int64_t end = core_->appended_end();
    std::int64_t at = diverged_from_ == kNowhere ? end : diverged_from_;
    if (!at_common && random().chance(50)) {
      for (std::int64_t i = random().below(5); i > 0; --i) {
        if (auto record = core_->record_before(at)) at = record->offset;
      }
    }
    fed_ = kNowhere;
    cutting_to_ = at;
    log::info("cut at {} of {}, diverged {}", at, end, diverged_from_);
    const Result<std::int64_t> dropped = core_->cut(at);
    ++counts_.log_cuts;
    if (!dropped) {
      require(dropped.error() == StoreErrc::read_only || dropped.error() == StoreErrc::disk_full ||
                  is_stopped(),
              "a cut is refused: " + dropped.error().message());
      return;
    }
    require(is_stopped() || core_->appended_end() == at, "a cut ends elsewhere");
    cutting_to_ = diverged_from_ = kNowhere;
    durable_ = synced_ = at;
  }

  void note_promises() {
    if (cutting_to_ != kNowhere) return;
    durable_ = core_->durable_end();
    // An empty log promises nothing, wherever it begins.
    if (core_->min_physical_offset() == durable_) durable_ = 0;
    if (core_->read_only_reason().empty()) synced_ = std::min(core_->synced_end(), durable_);
  }

  void end_life() {
    const bool unnoted = is_stopped() && files_->has_failed();
    const bool is_cut = unnoted || random().chance(70);
    ++(is_cut ? counts_.cuts : counts_.kills);
    if (core_ && !is_stopped() && random().chance(15)) core_->close();
    core_.reset();
    files_->restart(is_cut ? Ending::power_cut : Ending::process_killed);
    log::info("{}", is_cut ? "the power is cut" : "the process is killed");
    if (is_cut && config_.flush == FlushMode::async_flush) durable_ = std::min(durable_, synced_);
    fed_ = kNowhere;
    limit_ = RawLog::kNoLimit;
  }

  void open_again() {
    while (true) {
      if (random().chance(20)) files_->stop_at_call(random().below(60));
      try {
        core_.reset();
        core_.emplace(config_, master_.time, *files_);
        if (!is_stopped()) break;
      } catch (const Error& error) {
        require(is_stopped(), std::string("refused to start: ") + error.what());
      }
      ++counts_.in_recovery;
      end_life();
    }
    files_->stop_at_call(-1);
    check_after_start();
  }

  void check_after_start() {
    const std::int64_t end = core_->appended_end();
    if (cutting_to_ != kNowhere) {
      ++counts_.interrupted_cuts;
      require(end >= std::min(durable_, cutting_to_),
              fmt::format("the log ends at {}, in front of the cut at {}", end, cutting_to_));
      if (end <= cutting_to_) durable_ = std::min(durable_, end);
      cutting_to_ = kNowhere;
    }
    require(end >= durable_, fmt::format("the log ends at {}, promised were {}", end, durable_));
    if (diverged_from_ != kNowhere && end <= diverged_from_) diverged_from_ = kNowhere;
    promised_at_start_ = durable_;
    durable_ = synced_ = end;
    check_contents();
    promised_at_start_ = end;
  }

  // All that it has of the master's log is just that.
  void check_contents() {
    const std::int64_t begin = core_->min_physical_offset();
    const std::int64_t end = core_->appended_end();
    const std::int64_t common = diverged_from_ == kNowhere ? end : diverged_from_;
    if (begin == end) return;
    const std::string ours = bytes_of(*core_, begin, common);
    const std::string theirs = master_bytes(begin, common);
    const std::int64_t differ = begin + (std::ranges::mismatch(ours, theirs).in1 - ours.begin());
    if (ours != theirs && is_torn_header(differ)) {
      ++counts_.torn_headers;
      require(core_->cut(torn_record_).has_value(), "a torn record is not cut");
      durable_ = synced_ = torn_record_;
      diverged_from_ = kNowhere;
      return check_contents();
    }
    require(ours == theirs, fmt::format("the logs differ at {}", differ));
    std::map<std::pair<std::string, std::int32_t>, std::int64_t> ends;
    for (const Entry& entry : master_.ledger.entries()) {
      if (entry.log_begin < begin || entry.log_end > common) continue;
      ends[{entry.topic, entry.queue_id}] = entry.queue_offset + 1;
      const ReadResult read =
          core_->read(entry.topic, entry.queue_id, entry.queue_offset, ReadLimits(), {});
      require(read.count > 0, fmt::format("{} {}: offset {} at {} is not there", entry.topic,
                                          entry.queue_id, entry.queue_offset, entry.log_begin));
      const MessageExt message = decode_records(read.records.to_string(), false).front();
      require(message.body() == entry.body && message.queue_offset == entry.queue_offset &&
                  message.physical_offset == entry.log_begin,
              fmt::format("{} {}: offset {} is another message", entry.topic, entry.queue_id,
                          entry.queue_offset));
      if (random().chance(5)) check_key(entry);
    }
    if (diverged_from_ != kNowhere) return;
    for (const auto& [topic, count] : core_->queue_counts()) {
      for (std::int32_t id = 0; id < count; ++id) {
        const std::int64_t max = core_->max_offset(topic, id);
        // Where the log begins later, padding may be left of a queue whose message was lost.
        if (begin > 0 && !ends.contains({topic, id})) continue;
        const auto due = ends.find({topic, id});
        require(max == (due == ends.end() ? 0 : due->second),
                fmt::format("{} {} ends at {}, not at {}", topic, id, max,
                            due == ends.end() ? 0 : due->second));
      }
    }
  }

  // A write that was interrupted in the middle of a header, and torn there: no checksum covers
  // these fields, and no disk with sectors does that.
  bool is_torn_header(std::int64_t at) {
    const auto& entries = master_.ledger.entries();
    const auto torn = std::ranges::find_if(entries, [at](const Entry& entry) {
      return at >= entry.log_begin + 36 && at < entry.log_begin + 84;
    });
    if (torn == entries.end() || torn->log_end <= promised_at_start_) return false;
    torn_record_ = torn->log_begin;
    return true;
  }

  void check_key(const Entry& entry) {
    KeyQuery query;
    query.topic = entry.topic;
    query.key = entry.key;
    const KeyQueryResult found = core_->query(query);
    require(found.count == 1, fmt::format("key {}: {} found", entry.key, found.count));
  }

  // In the end it has all, and goes on as a master.
  void catch_up() {
    if (diverged_from_ != kNowhere) cut(true);
    for (int i = 0; i < 100'000 && core_->appended_end() < master_.core->appended_end(); ++i) {
      feed(1 + random().below(3000));
    }
    require(core_->appended_end() == master_.core->appended_end(), "it does not catch up");
    require(!core_->sync(), "it does not sync");
    check_contents();
    std::map<std::pair<std::string, std::int32_t>, std::int64_t> due;
    for (const auto& [topic, count] : core_->queue_counts()) {
      for (std::int32_t id = 0; id < count; ++id) due[{topic, id}] = core_->max_offset(topic, id);
    }
    if (core_->min_physical_offset() == core_->appended_end()) return;
    be_master();
    require(!core_->sync(), "it does not sync");
    for (const auto& [name, offset] : due) {
      const ReadResult read = core_->read(name.first, name.second, offset, ReadLimits(), {});
      if (core_->max_offset(name.first, name.second) == offset) continue;
      require(read.count > 0, "an own message does not follow");
    }
  }

  ReplicaCounts& counts_;
  World master_;
  std::unique_ptr<PowerCutFiles> files_;
  StoreConfig config_;
  std::optional<StoreCore> core_;
  bool begins_late_ = false;
  std::int64_t number_ = 0;                // of own messages
  std::int64_t fed_ = kNowhere;            // what comes next of the master's log
  std::int64_t diverged_from_ = kNowhere;  // own messages lie from here on
  std::int64_t cutting_to_ = kNowhere;     // a cut that has not said that it is done
  std::int64_t limit_ = RawLog::kNoLimit;  // of readers
  std::int64_t durable_ = 0;               // as it has said
  std::int64_t synced_ = 0;
  std::int64_t promised_at_start_ = 0;
  std::int64_t torn_record_ = 0;
};

}  // namespace

void run_replicas(std::uint64_t seed, std::int64_t schedules) {
  ReplicaCounts counts;
  for (std::int64_t i = 0; i < schedules; ++i) {
    const std::uint64_t own_seed = seed + static_cast<std::uint64_t>(i);
    const FlushMode flush = own_seed % 3 == 0 ? FlushMode::async_flush : FlushMode::sync_flush;
    try {
      ReplicaSchedule(own_seed, flush, counts).run();
    } catch (const std::exception& problem) {
      throw Broken(fmt::format("replica schedule {}: {}", own_seed, problem.what()));
    }
  }
  std::printf(
      "replicas: %lld schedules from seed %llu, %lld lives: %lld power cuts, %lld kills, %lld "
      "ended "
      "in recovery, %lld with failing calls; %lld pieces, %lld logs begun later, %lld cuts of a "
      "log, %lld of them interrupted; %lld torn headers; %lld records\n",
      static_cast<long long>(schedules), static_cast<unsigned long long>(seed),
      static_cast<long long>(counts.lives), static_cast<long long>(counts.cuts),
      static_cast<long long>(counts.kills), static_cast<long long>(counts.in_recovery),
      static_cast<long long>(counts.faults), static_cast<long long>(counts.pieces),
      static_cast<long long>(counts.begun_later), static_cast<long long>(counts.log_cuts),
      static_cast<long long>(counts.interrupted_cuts), static_cast<long long>(counts.torn_headers),
      static_cast<long long>(counts.records));
}

}  // namespace comet::inline v0_1::store::test

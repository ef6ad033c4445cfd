#include "log_walk.hpp"

#include <fmt/format.h>
#include <string.h>

#include <algorithm>
#include <iterator>
#include <span>

#include "comet/base/bytes.hpp"
#include "comet/base/log.hpp"
#include "comet/message/validate.hpp"
#include "commit_log.hpp"

namespace comet::inline v0_1::store {

namespace {

constexpr std::int64_t kWindow = 256 << 10;  // stays in the processor's cache
constexpr std::int64_t kPage = 4096;
// Where a record says which of its queue it is, and where it lies.
constexpr std::int64_t kQueueOffsetAt = 20;
constexpr std::int64_t kPhysicalOffsetAt = 28;
constexpr std::int64_t kHeaderEnd = 36;
// What both magic numbers of a record begin with.
constexpr std::string_view kMagicPrefix = "\xDA\xA3\x20";
// Bodies of this many bytes are checked in vain while a record is searched, not more: somebody may
// have sent what looks like headers.
constexpr std::int64_t kMostInVain = std::int64_t{1} << 30;
// Larger stretches are not looked at as one record.
constexpr std::int64_t kLargestRecord = 64 << 20;

bool has_zero(std::string_view bytes) noexcept {
  return bytes.find('\0') != std::string_view::npos;
}

bool all_zero(std::string_view bytes) noexcept {
  return bytes.find_first_not_of('\0') == std::string_view::npos;
}

class Walker {
 public:
  Walker(const CommitLog& log, const WalkRules& rules, const RecordVisitor& visit)
      : log_(log),
        rules_(rules),
        visit_(visit),
        reader_(log, rules.limit),
        other_reader_(log, rules.limit) {
    last_timestamp_ = newest_ = rules.last_timestamp;
  }

  LogWalk run(std::int64_t from) {
    std::int64_t at = from;
    while (at < rules_.limit && log_.holds(at)) {
      if (const Damage* known = log_.damage_over(at)) {
        if (at == known->begin) take(*known);
        at = known->end;
        continue;
      }
      Look look = look_at(reader_, at, rules_.crc);
      if (look.kind == Kind::whole) {
        accept(look.record);
        at += look.record.total_size;
      } else if (look.kind == Kind::blank) {
        at = end_of_file(at);
      } else if (!step_over(at, std::move(look))) {
        break;
      }
    }
    result_.end = at;
    return std::move(result_);
  }

 private:
  enum class Kind {
    whole,
    known,    // not whole, but its lengths add up
    blank,    // the file ends here
    nothing,  // none of these
  };
  class Look {
   public:
    Kind kind = Kind::nothing;
    RecordView record;
    bool is_torn = false;
    bool is_zero = false;
    std::string reason;
  };

  std::int64_t end_of_file(std::int64_t at) const noexcept {
    return at - at % log_.segment_size() + log_.segment_size();
  }

  Look look_at(LogReader& reader, std::int64_t at, CheckCrc crc) const {
    Look look;
    const std::int64_t room = end_of_file(at) - at;
    std::string_view front = reader.view(at, 8);
    if (room < kBlankSize) {
      look.kind = Kind::blank;
      return look;
    }
    const auto size = load_be<std::int32_t>(front.data());
    const auto magic = load_be<std::int32_t>(front.data() + 4);
    if (magic == kBlankMagic && size == room) {
      look.kind = Kind::blank;
      return look;
    }
    look.is_zero = size == 0 && magic == 0;
    if (look.is_zero) return look;
    const bool possible = (magic == kRecordMagic || magic == kRecordMagicV2) &&
                          size >= kRecordOverhead && size <= room;
    std::string_view bytes = possible ? reader.view(at, size) : front;
    Result<RecordView> record = parse_record(bytes, CheckCrc::no);
    if (!record) {
      look.reason = record.error().message();
      return look;
    }
    judge(at, crc, *record, look);
    return look;
  }

  // A record whose lengths add up.
  void judge(std::int64_t at, CheckCrc crc, const RecordView& record, Look& look) const {
    look.record = record;
    if (record.physical_offset != at) {
      look.reason = fmt::format("the record says that it lies at {}", record.physical_offset);
      look.record.physical_offset = at;
      look.kind = Kind::known;
      return;
    }
    const bool body_is_good =
        crc == CheckCrc::no || record.body.empty() || body_crc(record.body) == record.body_crc;
    if (!body_is_good) {
      look.reason = make_error_code(RecordErrc::bad_crc).message();
    } else if (crc == CheckCrc::yes && !is_safe_path_component(record.topic)) {
      look.reason = "the record's topic cannot be one";  // torn: no checksum covers it
    } else if (at >= rules_.zeros_from && has_zero(record.properties)) {
      look.reason = "the record's properties are not whole";
      look.is_torn = true;
    }
    look.kind = look.reason.empty() ? Kind::whole : Kind::known;
  }

  void accept(const RecordView& record) {
    if (visit_) visit_(record, RecordState::whole);
    // No checksum covers a store time: a single one that lies far ahead must not let those behind
    // it pass for old, nor the clock go on from there.
    const bool is_first = newest_ == 0;
    last_timestamp_ = is_first ? record.store_timestamp : std::min(newest_, record.store_timestamp);
    result_.newest_timestamp = std::max(newest_, record.store_timestamp);
    newest_ = record.store_timestamp;
    result_.last_timestamp = last_timestamp_;
    ++result_.records;
    bytes_ += record.total_size;
  }

  // Whether the record can come behind what is damaged at `damage`.
  bool can_follow(const RecordView& record, std::int64_t damage) const {
    const bool in_time = damage < rules_.known_end || record.store_timestamp >= last_timestamp_;
    return in_time && !(rules_.contradicts && rules_.contradicts(record));
  }

  // False: the log ends at `at`.
  bool step_over(std::int64_t& at, Look look) {
    if (rules_.ends_at_damage && at >= rules_.known_end) {
      result_.reason = look.reason;
      return false;
    }
    rejected_.clear();
    std::vector<Damage> found;
    const std::string reason = look.reason;
    std::int64_t next = at;  // as far as lengths lead
    std::int64_t goes_on = -1;
    while (look.kind == Kind::known || look.kind == Kind::blank) {
      if (look.kind == Kind::known) {
        found.push_back(damage_of(next, look));
        next = found.back().end;
      } else {
        next = end_of_file(next);
      }
      next = behind_known(next);
      if (next >= rules_.limit) goes_on = next;
      if (goes_on >= 0 || !log_.holds(next)) break;
      look = look_at(reader_, next, CheckCrc::yes);
      if (look.kind == Kind::whole) {
        const bool follows = can_follow(look.record, at);
        if (follows) goes_on = next;
        if (!follows) rejected_.push_back(next);
        break;
      }
    }
    if (goes_on < 0) goes_on = search(next + 1, at);
    if (goes_on < 0 && at < rules_.known_end) {
      std::erase_if(found, [&](const Damage& one) { return one.begin >= rules_.known_end; });
      next = found.empty() ? at : found.back().end;
      goes_on = std::max(next, rules_.known_end);
    }
    if (goes_on < 0) {
      result_.reason = reason;
      return false;
    }
    while ((next = behind_known(next)) < goes_on) {
      std::int64_t end = std::min({goes_on, end_of_file(next), next_known(next)});
      // What was on disk is told from what a power cut may have taken.
      if (next < rules_.known_end) end = std::min(end, rules_.known_end);
      found.push_back(damage_between(next, end, look));
      set_aside_rejected(found.back());
      next = end;
    }
    result_.damage.insert(result_.damage.end(), found.begin(), found.end());
    std::ranges::copy_if(log_.damage(), std::back_inserter(found), [&](const Damage& known) {
      return known.begin >= at && known.begin < goes_on;
    });
    std::ranges::sort(found, {}, &Damage::begin);
    for (const Damage& one : found) take(one);
    at = goes_on;
    return true;
  }

  // What earlier starts have stepped over stays what it was.
  std::int64_t behind_known(std::int64_t at) const noexcept {
    while (const Damage* known = log_.damage_over(at)) at = known->end;
    return at;
  }
  // Where the next of it begins.
  std::int64_t next_known(std::int64_t at) const noexcept {
    auto next = std::ranges::upper_bound(log_.damage(), at, {}, &Damage::begin);
    return next == log_.damage().end() ? WalkRules::kNoLimit : next->begin;
  }

  // Records in it that cannot follow are wiped: what tells so may be forgotten by the next start.
  void set_aside_rejected(Damage& damage) const {
    for (std::int64_t place : rejected_) {
      if (!damage.covers(place)) continue;
      damage.must_be_wiped = true;
      if (place > damage.begin) continue;
      damage.kind = DamageKind::unknown;
      damage.queue_offset = -1;
    }
  }

  static Damage damage_of(std::int64_t at, const Look& look) {
    Damage damage;
    damage.begin = at;
    damage.end = at + look.record.total_size;
    damage.kind = DamageKind::known;
    damage.must_be_wiped = look.is_torn;
    damage.queue_offset = look.record.queue_offset;
    damage.reason = look.reason;
    return damage;
  }

  Damage damage_between(std::int64_t begin, std::int64_t end, const Look& look) {
    Damage damage;
    damage.begin = begin;
    damage.end = end;
    damage.reason = look.is_zero ? "zeros" : look.reason;
    const std::int64_t end_of_record = end_of_one_record(begin, end);
    std::string_view header = reader_.view(begin, kHeaderEnd);
    if (std::ssize(header) == kHeaderEnd) {
      damage.queue_offset = load_be<std::int64_t>(header.data() + kQueueOffsetAt);
    }
    const auto size = std::ssize(header) >= 4 ? load_be<std::int32_t>(header.data()) : 0;
    with_mended_header(damage, end_of_record,
                       [&](const RecordView&) { damage.kind = DamageKind::known; });
    if (damage.kind == DamageKind::known || size == end_of_record - begin) return damage;
    if (is_blank_remains(begin, end)) {
      damage.records = 0;
      return damage;
    }
    const std::int64_t average =
        std::max<std::int64_t>(result_.records > 0 ? bytes_ / result_.records : 0, kRecordOverhead);
    damage.records = std::max<std::int64_t>(1, (end_of_record - begin) / average);
    const bool is_file = begin % log_.segment_size() == 0 && end == end_of_file(begin);
    const std::int64_t used = end_of_record - begin;
    damage.is_whole_file = is_file && (used == 0 || used > log_.segment_size() / 2);
    return damage;
  }

  // Where a record at `begin` would end if it were the only one in front of `end`: behind the last
  // record of a file lie a blank and zeros.
  std::int64_t end_of_one_record(std::int64_t begin, std::int64_t end) {
    const std::int64_t end_of_its_file = end_of_file(begin);
    if (end < end_of_its_file) return end;
    std::int64_t last = begin;
    for (std::int64_t at = begin; at < end;) {
      at = std::max(at, log_.next_data(at));
      if (at >= end) break;
      std::string_view bytes = reader_.view(at, kWindow);
      if (std::size_t found = bytes.find_last_not_of('\0'); found != std::string_view::npos) {
        last = at + static_cast<std::int64_t>(found) + 1;
      }
      at += std::ssize(bytes);
    }
    std::string_view front = reader_.view(begin, 8);
    const auto size = std::ssize(front) == 8 ? load_be<std::int32_t>(front.data()) : 0;
    if (size >= kRecordOverhead && begin + size <= end) {
      std::string_view blank = reader_.view(begin + size, kBlankSize);
      const bool is_blank = std::ssize(blank) == kBlankSize &&
                            load_be<std::int32_t>(blank.data()) == end - begin - size &&
                            load_be<std::int32_t>(blank.data() + 4) == kBlankMagic;
      if (is_blank || last <= begin + size) return begin + size;
    }
    const bool has_blank = last - begin >= kBlankSize && [&] {
      std::string_view blank = reader_.view(last - kBlankSize, kBlankSize);
      return load_be<std::int32_t>(blank.data()) == end - last + kBlankSize &&
             load_be<std::int32_t>(blank.data() + 4) == kBlankMagic;
    }();
    return has_blank ? last - kBlankSize : last;
  }

  // Nothing but a blank record that is damaged.
  bool is_blank_remains(std::int64_t begin, std::int64_t end) {
    if (end != end_of_file(begin)) return false;
    for (std::int64_t at = begin + kBlankSize; at < end;) {
      std::string_view bytes = reader_.view(at, kWindow);
      if (!all_zero(bytes)) return false;
      at += std::ssize(bytes);
    }
    return true;
  }

  // Three fields of a header can be told from where the record lies: its size, its magic and its
  // place. When the lengths add up with them, it is known whose record it was.
  template <class Use>
  void with_mended_header(const Damage& damage, std::int64_t end, const Use& use) {
    const std::int64_t size = end - damage.begin;
    if (size < kRecordOverhead || size > kLargestRecord || end > end_of_file(damage.begin)) return;
    std::string bytes(reader_.view(damage.begin, size));
    store_be<std::int32_t>(bytes.data(), static_cast<std::int32_t>(size));
    store_be<std::int64_t>(bytes.data() + kPhysicalOffsetAt, damage.begin);
    for (std::int32_t magic : {kRecordMagic, kRecordMagicV2}) {
      store_be<std::int32_t>(bytes.data() + 4, magic);
      Result<RecordView> record = parse_record(bytes, CheckCrc::no);
      if (record && is_safe_path_component(record->topic)) return use(*record);
    }
  }

  void take(const Damage& damage) {
    const bool is_misplaced = damage.kind == DamageKind::misplaced;
    if (!visit_ || (damage.kind != DamageKind::known && !is_misplaced)) return;
    with_mended_header(damage, end_of_one_record(damage.begin, damage.end), [&](RecordView record) {
      if (is_misplaced) record.queue_offset = damage.queue_offset;
      visit_(record, RecordState::damaged);
    });
  }

  // The next whole record from `from` on that can follow what is damaged at `damage`; -1: none.
  std::int64_t search(std::int64_t from, std::int64_t damage) {
    std::int64_t at = from;
    while (at < rules_.limit && log_.holds(at)) {
      const std::int64_t end = end_of_file(at);
      at = std::max(at, log_.next_data(at));
      if (at >= end) continue;
      std::string_view bytes = reader_.view(at, kWindow);
      for (std::size_t found = find_magic(bytes, 0); found != std::string_view::npos;
           found = find_magic(bytes, found + 1)) {
        const std::int64_t place = at + static_cast<std::int64_t>(found) - 4;
        if (place < from || place >= rules_.limit || log_.is_damaged(place)) continue;
        if (is_record_behind(place, damage)) return place;
      }
      const auto size = std::ssize(bytes);
      // A magic number may lie across the end of what was read.
      at += at + size == end ? size : size - 7;
    }
    return -1;
  }

  static std::size_t find_magic(std::string_view bytes, std::size_t from) noexcept {
    if (from >= bytes.size()) return std::string_view::npos;
    const void* found = ::memmem(bytes.data() + from, bytes.size() - from, kMagicPrefix.data(),
                                 kMagicPrefix.size());
    if (found == nullptr) return std::string_view::npos;
    return static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data());
  }

  // What is cheap to be looked at is looked at first.
  bool is_record_behind(std::int64_t place, std::int64_t damage) {
    if (place < 0 || place % log_.segment_size() + kHeaderEnd > log_.segment_size()) return false;
    std::string_view header = other_reader_.view(place, kHeaderEnd);
    if (std::ssize(header) < kHeaderEnd) return false;
    if (load_be<std::int64_t>(header.data() + kPhysicalOffsetAt) != place) return false;
    Look look = look_at(other_reader_, place, CheckCrc::no);
    if (look.is_torn) rejected_.push_back(place);
    if (look.kind != Kind::whole) return false;
    if (!can_follow(look.record, damage)) {
      rejected_.push_back(place);
      return false;
    }
    const auto body = static_cast<std::int64_t>(look.record.body.size());
    if (body > in_vain_left_) return false;
    if (look_at(other_reader_, place, CheckCrc::yes).kind == Kind::whole) return true;
    in_vain_left_ -= body;
    return false;
  }

  const CommitLog& log_;
  const WalkRules& rules_;
  const RecordVisitor& visit_;
  LogReader reader_;
  LogReader other_reader_;  // for what a search looks at
  LogWalk result_;
  std::int64_t last_timestamp_ = 0;     // of the last two records the earlier one
  std::int64_t newest_ = 0;             // the last record's
  std::int64_t bytes_ = 0;              // of whole records
  std::vector<std::int64_t> rejected_;  // places of records that cannot follow the damage
  std::int64_t in_vain_left_ = kMostInVain;
};

}  // namespace

LogWalk walk_log(const CommitLog& log, std::int64_t from, const WalkRules& rules,
                 const RecordVisitor& visit) {
  return Walker(log, rules, visit).run(from);
}

std::string_view LogReader::view(std::int64_t offset, std::int64_t size) {
  const std::int64_t end = offset - offset % log_.segment_size() + log_.segment_size();
  size = std::min(size, end - offset);
  const bool there = offset >= begin_ && offset + size <= begin_ + std::ssize(bytes_);
  if (!there) {
    const std::int64_t window = std::min(kWindow, wanted_until_ - offset);
    fill(offset, std::min(std::max(size, window), end - offset));
  }
  return bytes_.substr(static_cast<std::size_t>(offset - begin_), static_cast<std::size_t>(size));
}

void LogReader::fill(std::int64_t offset, std::int64_t size) {
  bytes_ = {};
  block_.reset();  // the next one may have its memory
  block_ = log_.memory().take(static_cast<std::size_t>(size));
  const std::span<char> buffer = block_->bytes();
  begin_ = offset;
  bytes_ = std::string_view(buffer.data(), buffer.size());
  error_code error = log_.read_into(offset, buffer);
  if (!error) return;
  // This says nothing of what lies there.
  if (is_shortage(error) || is_missing(error)) throw Error(error, "read the commit log");
  log::error("commit log: cannot read {} bytes at {}: {}", size, offset, error.message());
  // What can be read of it.
  for (std::int64_t done = 0; done < size; done += kPage) {
    const std::span<char> page = buffer.subspan(
        static_cast<std::size_t>(done), static_cast<std::size_t>(std::min(kPage, size - done)));
    if (log_.read_into(offset + done, page)) std::ranges::fill(page, '\0');
  }
}

}  // namespace comet::inline v0_1::store

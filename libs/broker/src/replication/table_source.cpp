#include "replication/table_source.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include "comet/base/timer.hpp"
#include "comet/routing/topic_config.hpp"
#include "comet/store/raw_log.hpp"
#include "request/on_helper.hpp"

namespace comet::inline v0_1::broker {

using namespace std::chrono_literals;
using replication::MetadataItem;

namespace {

constexpr std::int64_t kStep = 1024;        // between versions: parts of a whole table lie there
constexpr std::size_t kMaxPart = 8u << 20;  // bytes; kMaxMetadataBytes is the protocol's
constexpr std::size_t kMaxOffsetChanges = 4u << 20;  // bytes that are kept
constexpr std::size_t kMostMarks = 4096;
constexpr Duration kOffsetPeriod = 100ms;
constexpr int kProgressRounds = 10;  // of those

}  // namespace

// Versions go on from those of this broker's last run, as long as the clock does.
TableSource::TableSource(asio::any_io_executor executor, TimeSource& time, ReplicatedTables tables)
    : executor_(std::move(executor)),
      time_(time),
      tables_(tables),
      version_(time.wall_millis() * kStep),
      silent_queues_(to_json(std::span<const store::QueueEnd>())),
      changed_(executor_, time),
      topics_changed_(executor_, [this] { note_topics(); }),
      groups_changed_(executor_, [this] { next_version(TableKind::groups); }),
      modes_changed_(executor_, [this] { next_version(TableKind::request_modes); }) {
  note_topics();
  for (const TableKind kind : {TableKind::groups, TableKind::request_modes, TableKind::offsets}) {
    next_version(kind);
  }
  (void)tables_.offsets.take_changes();
  offsets_known_from_ = version_;
  look_at_progress();
}

TableSource::Change TableSource::next_version(TableKind kind) {
  version_ += kStep;
  Change change;
  change.version = version_;
  change.log_end = tables_.store.appended_end();
  newest_[kind] = change;
  changed_.notify_all();
  return change;
}

void TableSource::note_topics() {
  TopicMark mark;
  mark.counter = tables_.topics.announced_version().counter;
  mark.version = next_version(TableKind::topics).version;
  have_queues_changed_ = true;  // those of a topic that was deleted are gone
  topic_marks_.push_back(mark);
  if (topic_marks_.size() > kMostMarks) topic_marks_.pop_front();
}

void TableSource::look_at_offsets() {
  const OffsetTable::Changes changes = tables_.offsets.take_changes();
  if (changes.empty()) return;
  OffsetChange change;
  static_cast<Change&>(change) = next_version(TableKind::offsets);
  change.json = to_json(changes);
  offset_bytes_ += change.json.size();
  offset_changes_.push_back(std::move(change));
  while (offset_bytes_ > kMaxOffsetChanges) {
    offset_bytes_ -= offset_changes_.front().json.size();
    offsets_known_from_ = offset_changes_.front().version;
    offset_changes_.pop_front();
  }
}

void TableSource::look_at_progress() {
  std::string delays = tables_.delays.to_json(routing::IntegerKeys::quoted);
  if (delays != delays_) {
    delays_ = std::move(delays);
    next_version(TableKind::delays);
  }
  std::string timers = tables_.timers == nullptr ? "" : tables_.timers->saved_progress();
  if (timers.empty() || timers == timers_) return;
  timers_ = std::move(timers);
  next_version(TableKind::timers);
}

// The log tells a replica nothing of them.
asio::awaitable<void> TableSource::look_at_silent_queues() {
  const std::int64_t from = tables_.store.min_physical_offset();
  if (!is_followed_ || (from == silent_from_ && !have_queues_changed_)) co_return;
  silent_from_ = from;
  have_queues_changed_ = false;
  const store::RawLog log = tables_.store.raw_log();
  std::string text;
  const std::function<void()> work = [&] { text = to_json(log.silent_queues()); };
  co_await on_helper(tables_.files, work);
  if (text == silent_queues_) co_return;
  silent_queues_ = std::move(text);
  next_version(TableKind::silent_queues);
}

asio::awaitable<void> TableSource::run() {
  Timer timer(executor_, time_);
  for (int round = 1;; ++round) {
    co_await timer.wait_for(kOffsetPeriod);
    look_at_offsets();
    if (round % kProgressRounds == 0) look_at_progress();
    if (silent_from_ < 0 || round % kProgressRounds == 0) co_await look_at_silent_queues();
  }
}

void TableSource::stop() {
  is_stopped_ = true;
  changed_.notify_all();
}

asio::awaitable<bool> TableSource::wait_for_version_beyond(std::int64_t version) {
  while (!is_stopped_ && version_ <= version) co_await changed_.wait();
  co_return !is_stopped_;
}

asio::awaitable<std::vector<MetadataItem>> TableSource::since(std::int64_t version) {
  is_followed_ = true;
  if (version > version_) version = 0;  // those of another master, or of another clock
  Items items;
  Wholes wholes;
  for (const auto& [kind, change] : newest_) {
    if (change.version <= version) continue;
    bool is_added = true;
    switch (kind) {
      case TableKind::topics:
        is_added = add_topic_changes(version, items);
        break;
      case TableKind::offsets:
        is_added = add_offset_changes(version, items);
        break;
      case TableKind::delays:
        add_whole(kind, change, delays_, items);
        break;
      case TableKind::timers:
        add_whole(kind, change, timers_, items);
        break;
      case TableKind::silent_queues:
        add_whole(kind, change, silent_queues_, items);
        break;
      case TableKind::groups:
      case TableKind::request_modes:
        is_added = false;
        break;
    }
    if (!is_added) wholes.emplace_back(kind, change);
  }
  const std::function<void()> make = [&] {
    for (const auto& [kind, change] : wholes) add_whole(kind, change, whole(kind), items);
  };
  if (!wholes.empty()) co_await on_helper(tables_.helper, make);
  std::ranges::sort(items, {}, &MetadataItem::version);
  co_return std::move(items);
}

// On the helper thread: it may be newer than the version that it is sent as.
std::string TableSource::whole(TableKind kind) const {
  switch (kind) {
    case TableKind::topics:
      return routing::to_json(tables_.topics.announced());
    case TableKind::groups:
      return tables_.groups.to_json();
    case TableKind::request_modes:
      return tables_.modes.to_json();
    case TableKind::offsets:
      return tables_.offsets.to_json(routing::IntegerKeys::quoted);
    case TableKind::delays:
    case TableKind::timers:
    case TableKind::silent_queues:
      break;
  }
  return {};
}

bool TableSource::add_topic_changes(std::int64_t version, Items& items) const {
  const Change& change = newest_.at(TableKind::topics);
  const auto behind = std::ranges::upper_bound(topic_marks_, version, {}, &TopicMark::version);
  if (behind == topic_marks_.begin()) return false;
  const auto changes = tables_.topics.changed_since(std::prev(behind)->counter);
  if (!changes) return false;
  std::string text = kTableChange + routing::to_json(*changes);
  if (text.size() > kMaxPart) return false;
  items.emplace_back(static_cast<std::int32_t>(TableKind::topics), change.version, change.log_end,
                     std::move(text));
  return true;
}

bool TableSource::add_offset_changes(std::int64_t version, Items& items) const {
  if (version < offsets_known_from_) return false;
  for (const OffsetChange& change : offset_changes_) {
    if (change.version <= version) continue;
    items.emplace_back(static_cast<std::int32_t>(TableKind::offsets), change.version,
                       change.log_end, kTableChange + change.json);
  }
  return true;
}

void TableSource::add_whole(TableKind kind, const Change& change, std::string_view text,
                            Items& items) {
  const auto add = [&](char what, std::string_view part, std::int64_t version) {
    items.emplace_back(static_cast<std::int32_t>(kind), version, change.log_end,
                       what + std::string(part));
  };
  std::string_view left = text;
  const auto parts = static_cast<std::int64_t>((left.size() + kMaxPart - 1) / kMaxPart);
  for (std::int64_t before = parts - 1; before > 0; --before) {
    add(kTablePart, left.substr(0, kMaxPart), change.version - before);
    left.remove_prefix(kMaxPart);
  }
  add(kWholeTable, left, change.version);
}

}  // namespace comet::inline v0_1::broker

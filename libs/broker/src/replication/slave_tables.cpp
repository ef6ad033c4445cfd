#include "replication/slave_tables.hpp"

#include <functional>
#include <utility>

#include "comet/base/log.hpp"
#include "comet/base/printable.hpp"
#include "delay/timer_progress.hpp"
#include "request/on_helper.hpp"
#include "request/until_saved.hpp"

namespace comet::inline v0_1::broker {
namespace {

constexpr std::size_t kMaxTable = 1u << 30;  // bytes that parts may come to

error_code not_saved() { return make_error_code(boost::system::errc::io_error); }

}  // namespace

SlaveTables::SlaveTables(ReplicatedTables tables, const std::string& store_root)
    : tables_(tables), timer_file_(timer_progress_path(store_root)) {}

asio::awaitable<error_code> SlaveTables::replace_topics(Topics topics, bool with_queues) {
  std::vector<std::string> gone;
  const std::function<void(Saved)> change = [&](Saved done) {
    gone = tables_.topics.replace_all(std::move(topics), std::move(done));
  };
  const bool saved = co_await until_saved(change);
  if (!saved) co_return not_saved();
  if (!with_queues) gone.clear();
  for (const std::string& topic : gone) {
    tables_.offsets.forget_topic(topic);
    try {
      const std::int64_t queues = co_await tables_.store.remove_topic(topic);
      log::info("topic {} deleted with {} queues, as at the master", printable(topic), queues);
    } catch (const Error& error) {
      log::warn("the queues of topic {}, which the master has deleted, stay: {}", printable(topic),
                error.what());
    }
  }
  co_return error_code();
}

asio::awaitable<error_code> SlaveTables::change_topics(Topics topics) {
  std::vector<routing::TopicConfig> changed;
  for (auto& [name, topic] : topics) {
    const auto present = tables_.topics.find(name);
    if (!present || *present != topic) changed.push_back(std::move(topic));
  }
  if (changed.empty()) co_return error_code();
  const std::function<void(Saved)> change = [&](Saved done) {
    tables_.topics.put(std::move(changed), std::move(done));
  };
  const bool saved = co_await until_saved(change);
  co_return saved ? error_code() : not_saved();
}

asio::awaitable<error_code> SlaveTables::replace_groups(std::string json) {
  error_code wrong;
  const std::function<void(Saved)> change = [&](Saved done) {
    wrong = tables_.groups.replace_all(json, done);
    if (wrong) done(true);
  };
  const bool saved = co_await until_saved(change);
  co_return wrong || saved ? wrong : not_saved();
}

asio::awaitable<error_code> SlaveTables::replace_modes(std::string json) {
  error_code wrong;
  const std::function<void(Saved)> change = [&](Saved done) {
    wrong = tables_.modes.replace_all(json, done);
    if (wrong) done(true);
  };
  const bool saved = co_await until_saved(change);
  co_return wrong || saved ? wrong : not_saved();
}

error_code SlaveTables::merge_offsets(std::string_view json) { return tables_.offsets.merge(json); }

error_code SlaveTables::change_offsets(std::string_view json) {
  const auto changes = parse_offset_changes(json);
  if (!changes) return changes.error();
  tables_.offsets.apply(*changes);
  return {};
}

asio::awaitable<error_code> SlaveTables::take_delays(std::string json) {
  error_code wrong;
  const std::function<void()> work = [&] {
    const Result<bool> saved = tables_.delays.take_over(json);
    wrong = !saved ? saved.error() : *saved ? error_code() : not_saved();
  };
  co_await on_helper(tables_.files, work);
  co_return wrong;
}

asio::awaitable<error_code> SlaveTables::take_timers(std::string json) {
  if (json == timers_) co_return error_code();
  TimerProgress progress;
  if (error_code wrong = progress.parse(json)) co_return wrong;
  bool saved = false;
  const std::function<void()> work = [&] { saved = timer_file_.save(json); };
  co_await on_helper(tables_.files, work);
  if (!saved) co_return not_saved();
  timers_ = std::move(json);
  co_return error_code();
}

asio::awaitable<error_code> SlaveTables::raise_queues(std::vector<store::QueueEnd> ends) {
  store::RawLog log = tables_.store.raw_log();
  if (log.begin() == log.end()) raised_in_empty_log_ = ends;
  std::erase_if(ends, [this](const store::QueueEnd& end) {
    return tables_.store.max_offset(end.topic, end.queue_id) >= end.queue_offset;
  });
  if (ends.empty()) co_return error_code();
  const std::size_t count = ends.size();
  const error_code error = co_await log.raise_silent_queues(std::move(ends));
  if (!error) log::info("{} queues go on behind messages that the log has no more", count);
  co_return error;
}

asio::awaitable<void> SlaveTables::raise_again() {
  const store::RawLog log = tables_.store.raw_log();
  if (raised_in_empty_log_.empty() || log.begin() == log.end()) co_return;
  std::vector<store::QueueEnd> ends = std::exchange(raised_in_empty_log_, {});
  const error_code error = co_await raise_queues(ends);
  if (!error) co_return;
  log::warn("queues without a message in the log cannot be raised: {}", error.message());
  raised_in_empty_log_ = std::move(ends);
}

asio::awaitable<error_code> TableSink::apply(replication::MetadataItem item) {
  const error_code malformed = make_error_code(BaseErrc::bad_value);
  if (item.bytes.empty()) co_return malformed;
  const char what = item.bytes.front();
  item.bytes.erase(0, 1);
  if (std::exchange(partial_kind_, 0) != item.kind) partial_.clear();
  if (what == kTablePart) {
    if (partial_.size() + item.bytes.size() > kMaxTable) co_return malformed;
    partial_ += item.bytes;
    partial_kind_ = item.kind;
    co_return error_code();
  }
  if (what != kWholeTable && what != kTableChange) co_return malformed;
  std::string text = std::exchange(partial_, {});
  text += item.bytes;
  const auto kind = static_cast<TableKind>(item.kind);
  const error_code wrong = co_await take(kind, what == kTableChange, std::move(text));
  if (!wrong) version_ = item.version;
  co_return wrong;
}

asio::awaitable<error_code> TableSink::take(TableKind kind, bool is_change, std::string text) {
  switch (kind) {
    case TableKind::topics: {
      auto table = routing::parse_topic_config_table(text);
      if (!table) co_return table.error();
      if (is_change) co_return co_await tables_.change_topics(std::move(table->topics));
      co_return co_await tables_.replace_topics(std::move(table->topics), true);
    }
    case TableKind::groups:
      co_return co_await tables_.replace_groups(std::move(text));
    case TableKind::request_modes:
      co_return co_await tables_.replace_modes(std::move(text));
    case TableKind::offsets:
      co_return is_change ? tables_.change_offsets(text) : tables_.merge_offsets(text);
    case TableKind::delays:
      co_return co_await tables_.take_delays(std::move(text));
    case TableKind::timers:
      co_return co_await tables_.take_timers(std::move(text));
    case TableKind::silent_queues: {
      auto ends = parse_queue_ends(text);
      if (!ends) co_return ends.error();
      co_return co_await tables_.raise_queues(*std::move(ends));
    }
  }
  co_return error_code();  // a table that a newer master has and this version does not
}

}  // namespace comet::inline v0_1::broker

#include "comet/replication/history.hpp"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <algorithm>
#include <boost/system/errc.hpp>
#include <charconv>
#include <cstring>
#include <random>
#include <utility>

#include "comet/base/files.hpp"
#include "crc32c.hpp"

namespace comet::inline v0_1::replication {
namespace {

constexpr std::string_view kHistoryTitle = "comet-replication 1\n";
constexpr std::string_view kNoteTitle = "comet-confirmed 1\n";
constexpr std::string_view kNoAddress = "-";

class DiskStateFile final : public StateFile {
 public:
  explicit DiskStateFile(std::string path) : path_(std::move(path)) {}
  Result<std::optional<std::string>> read() override {
    Result<std::string> content = read_file(path_);
    if (content) return std::optional<std::string>(*std::move(content));
    if (content.error() == boost::system::errc::no_such_file_or_directory) {
      return std::optional<std::string>();
    }
    return content.error();
  }
  error_code write(std::string_view content) override {
    return write_file_atomically(path_, content, false);
  }
  std::string name() const override { return path_; }

 private:
  std::string path_;
};

// The next word of a line, up to a space or the line's end.
std::string_view take_word(std::string_view& line) {
  const std::size_t space = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, space);
  line.remove_prefix(std::min(space + 1, line.size()));
  return word;
}

template <class T>
bool read_number(std::string_view text, T& value, int base = 10) {
  const char* end = text.data() + text.size();
  const auto [at, problem] = std::from_chars(text.data(), end, value, base);
  return problem == std::errc() && at == end && !text.empty();
}

// It comes from a peer, and becomes a word of a line.
bool is_address(std::string_view text) {
  const auto is_harmless = [](char c) { return c > ' ' && c < 0x7F; };
  return !text.empty() && text.size() <= 255 && std::ranges::all_of(text, is_harmless);
}

// The lines in front of the last one, which has their checksum.
std::optional<std::string_view> checked_lines(std::string_view text, std::string_view title) {
  const std::size_t last = text.rfind("crc ");
  if (!text.starts_with(title) || last == std::string_view::npos) return std::nullopt;
  std::uint32_t crc = 0;
  const std::string_view line = text.substr(last);
  if (line.size() != 13 || !line.ends_with('\n')) return std::nullopt;
  if (!read_number(line.substr(4, 8), crc, 16)) return std::nullopt;
  if (crc != crc32c(text.substr(0, last))) return std::nullopt;
  return text.substr(title.size(), last - title.size());
}

std::string with_checksum(std::string text) {
  text += fmt::format("crc {:08x}\n", crc32c(text));
  return text;
}

bool is_log_id(std::string_view text) {
  return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

std::unique_ptr<StateFile> disk_state_file(std::string path) {
  return std::make_unique<DiskStateFile>(std::move(path));
}

std::uint64_t random_id() {
  std::uint64_t id = 0;
  unsigned char bytes[sizeof id];
  if (RAND_bytes(bytes, sizeof bytes) == 1) {
    std::memcpy(&id, bytes, sizeof id);
    return id;
  }
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

History::History(std::unique_ptr<StateFile> file) : file_(std::move(file)) {
  const Result<std::optional<std::string>> content = file_->read();
  if (!content) throw Error(content.error(), "read " + file_->name());
  if (!*content) return;
  Result<State> state = decode(**content);
  if (!state) {
    throw Error(state.error(),
                file_->name() +
                    " is damaged. It says which masterships wrote this broker's log and "
                    "what it has promised: take it from a backup, or begin with an "
                    "empty log as a replica");
  }
  now_ = *std::move(state);
  is_shared_ = true;
}

std::string History::encode(const State& state) {
  std::string text(kHistoryTitle);
  if (!state.log_id.empty()) text += fmt::format("log {}\n", state.log_id);
  text += fmt::format("promised {}\nconfirmed {}\n", state.promised, state.confirmed);
  for (const EpochEntry& entry : state.epochs.entries()) {
    text += fmt::format("epoch {} {} {:016x}\n", entry.epoch, entry.start, entry.id);
  }
  for (const auto& [id, address] : state.replicas) {
    text += fmt::format("replica {} {}\n", id, address);
  }
  return with_checksum(std::move(text));
}

Result<History::State> History::decode(std::string_view text) {
  const error_code damaged = make_error_code(BaseErrc::bad_value);
  const std::optional<std::string_view> lines = checked_lines(text, kHistoryTitle);
  if (!lines) return damaged;

  State state;
  std::vector<EpochEntry> entries;
  std::string_view rest = *lines;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const std::string_view word = take_word(line);
    bool good = false;
    if (word == "log") {
      good = is_log_id(line);
      state.log_id = line;
    } else if (word == "promised") {
      good = read_number(line, state.promised);
    } else if (word == "confirmed") {
      good = read_number(line, state.confirmed);
    } else if (word == "epoch") {
      EpochEntry entry;
      good = read_number(take_word(line), entry.epoch) &&
             read_number(take_word(line), entry.start) && read_number(line, entry.id, 16);
      entries.push_back(entry);
    } else if (word == "replica") {
      std::int64_t id = 0;
      good = read_number(take_word(line), id) && is_address(line);
      state.replicas[id] = line;
    }
    if (!good) return damaged;
  }
  if (!EpochTable::is_ordered(entries) || entries.size() > EpochTable::kMaxEntries) return damaged;
  state.epochs = EpochTable::of(std::move(entries));
  return state;
}

error_code History::change_to(State next) {
  if (const error_code error = file_->write(encode(next))) return error;
  now_ = std::move(next);
  is_shared_ = true;
  return {};
}

error_code History::promise(std::int64_t epoch) {
  if (epoch == now_.promised) return {};
  State next = now_;
  next.promised = epoch;
  return change_to(std::move(next));
}

History::State History::mastership_of(State state, const EpochEntry& entry) {
  state.promised = std::max(state.promised, entry.epoch);
  state.confirmed = std::min(state.confirmed, entry.start);
  state.epochs.cut(entry.start);
  state.epochs.begin(entry);
  if (state.log_id.empty()) state.log_id = fmt::format("{:016x}{:016x}", random_id(), random_id());
  return state;
}

error_code History::begin_mastership(const EpochEntry& entry) {
  return change_to(mastership_of(now_, entry));
}

void History::begin_unshared_mastership(const EpochEntry& entry) {
  now_ = mastership_of(std::move(now_), entry);
}

error_code History::note_replica(std::int64_t id, const std::string& address) {
  const std::string known(is_address(address) ? address : kNoAddress);
  const auto present = now_.replicas.find(id);
  if (is_shared_ && present != now_.replicas.end() && present->second == known) return {};
  State next = now_;
  next.replicas[id] = known;
  if (next.replicas.size() > kMostReplicas) {
    const auto first = next.replicas.begin();
    next.replicas.erase(first->first == id ? std::next(first) : first);
  }
  return change_to(std::move(next));
}

error_code History::adopt(const std::string& log_id, const EpochTable& epochs,
                          std::int64_t promised, std::int64_t log_end) {
  State next = now_;
  next.log_id = log_id;
  next.epochs = epochs;
  next.promised = std::max(next.promised, promised);
  next.confirmed = std::min(next.confirmed, log_end);
  if (next.log_id == now_.log_id && next.promised == now_.promised &&
      next.epochs.entries() == now_.epochs.entries()) {
    now_ = std::move(next);
    return {};
  }
  return change_to(std::move(next));
}

void History::note_confirmed(std::int64_t offset) noexcept {
  now_.confirmed = std::max(now_.confirmed, offset);
}

std::string History::confirmed_note() const {
  return with_checksum(fmt::format("{}log {} {}\n", kNoteTitle,
                                   now_.log_id.empty() ? "-" : now_.log_id, now_.confirmed));
}

void History::take_confirmed_note(std::string_view text) {
  std::optional<std::string_view> line = checked_lines(text, kNoteTitle);
  if (!line || now_.log_id.empty() || take_word(*line) != "log") return;
  std::int64_t confirmed = 0;
  const bool is_ours = take_word(*line) == now_.log_id;
  if (!line->ends_with('\n')) return;
  line->remove_suffix(1);
  if (is_ours && read_number(*line, confirmed)) note_confirmed(confirmed);
}

error_code History::save() { return change_to(now_); }

}  // namespace comet::inline v0_1::replication

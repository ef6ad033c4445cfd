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
}

std::string History::encode(const State& state) {
  std::string text(kHistoryTitle);
  if (!state.log_id.empty()) text += fmt::format("log {}\n", state.log_id);
  text += fmt::format("promised {}\nconfirmed {}\n", state.promised, state.confirmed);
  for (const EpochEntry& entry : state.epochs.entries()) {
    text += fmt::format("epoch {} {} {:016x}\n", entry.epoch, entry.start, entry.id);
  }
  text += fmt::format("crc {:08x}\n", crc32c(text));
  return text;
}

Result<History::State> History::decode(std::string_view text) {
  const error_code damaged = make_error_code(BaseErrc::bad_value);
  const std::size_t last = text.rfind("crc ");
  if (!text.starts_with(kHistoryTitle) || last == std::string_view::npos) return damaged;
  std::uint32_t crc = 0;
  const std::string_view last_line = text.substr(last);
  if (last_line.size() != 13 || !last_line.ends_with('\n')) return damaged;
  if (!read_number(last_line.substr(4, 8), crc, 16)) return damaged;
  if (crc != crc32c(text.substr(0, last))) return damaged;

  State state;
  std::vector<EpochEntry> entries;
  std::string_view rest = text.substr(kHistoryTitle.size(), last - kHistoryTitle.size());
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
  return {};
}

error_code History::promise(std::int64_t epoch) {
  if (epoch == now_.promised) return {};
  State next = now_;
  next.promised = epoch;
  return change_to(std::move(next));
}

error_code History::begin_mastership(const EpochEntry& entry) {
  State next = now_;
  next.promised = std::max(next.promised, entry.epoch);
  next.epochs.cut(entry.start);
  next.epochs.begin(entry);
  if (next.log_id.empty()) next.log_id = fmt::format("{:016x}{:016x}", random_id(), random_id());
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

error_code History::save() { return change_to(now_); }

}  // namespace comet::inline v0_1::replication

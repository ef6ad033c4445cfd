// The store's synchronous core against the least that writing the same bytes the same way takes:
//
//   bench_store append DIR [--mb N]     1 KB records in batches of 1, 8, 64; worst single call
//   bench_store sync DIR                write + fdatasync of batches of 1, 16, 64, 256
//   bench_store read DIR                hot sequential reads, with and without a tag filter
//   bench_store index DIR               CPU per 100,000 appends with and without the index
//   bench_store lag DIR [--mb N]        how far the index is behind the append
//   bench_store open DIR [--mb N]       recovery after a crash, and after an orderly stop
//   bench_store queues DIR              opening 5,000 and 50,000 queues, and their memory
//
// Everything lies below DIR, which must not exist and is removed.

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "comet/message/record.hpp"
#include "file.hpp"
#include "helper.hpp"
#include "store_core.hpp"

namespace {

namespace fs = std::filesystem;
using namespace comet;
using namespace comet::store;
using Clock = std::chrono::steady_clock;

constexpr std::int64_t kSegment = std::int64_t{1} << 30U;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void check(bool good, const char* what) {
  if (good) return;
  std::perror(what);
  std::exit(1);
}

double thread_cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// Of the measured part of the calls only. CPU times hold on a busy machine, too.
class Rate {
 public:
  double per_second = 0;
  double cpu_ns = 0;  // of the calling thread, for one message
  double worst_ms = 0;
};

void print(int batch, const Rate& bare, const Rate& ours) {
  std::printf(
      "batch %3d: bare %9.0f/s %6.0f ns CPU %6.2f ms worst   store %9.0f/s %6.0f ns %6.2f ms   "
      "ratio %.2f, of CPU %.2f\n",
      batch, bare.per_second, bare.cpu_ns, bare.worst_ms, ours.per_second, ours.cpu_ns,
      ours.worst_ms, ours.per_second / bare.per_second, bare.cpu_ns / ours.cpu_ns);
  std::fflush(stdout);
}

RecordView record_of(std::string_view body, std::string_view properties) {
  RecordView record;
  record.topic = "BenchmarkTopic";
  record.body = body;
  record.properties = properties;
  record.born_host = IpEndpoint::v4({127, 0, 0, 1}, 1);
  record.store_host = IpEndpoint::v4({127, 0, 0, 1}, 10911);
  return record;
}

// A record of 1 KB in all.
std::string body_of_one_kb(std::string_view properties) {
  RecordView empty = record_of("", properties);
  return std::string(static_cast<std::size_t>(1024 - empty.encoded_size()), 'b');
}

class Store {
 public:
  explicit Store(const std::string& root, bool index = true,
                 FlushMode flush = FlushMode::async_flush)
      : core_(config(root, index, flush), real_time(), posix_files()), helper_([this] {
          bool prepared = core_.prepare_segment();
          return core_.build_index() || prepared;
        }) {
    core_.on_visible([this](std::span<const VisibleUnit>) {
      if (core_.config().index_messages || core_.is_next_segment_due()) helper_.wake();
    });
  }
  ~Store() {
    helper_.stop();
    core_.close();
  }
  StoreCore& core() { return core_; }

  void append(int batch, std::string_view body, std::string_view properties) {
    encode(batch, body, properties);
    append_encoded();
  }
  // What callers do on their own threads.
  void encode(int batch, std::string_view body, std::string_view properties) {
    appends_.resize(static_cast<std::size_t>(batch));
    pointers_.clear();
    for (Append& append : appends_) {
      std::string memory = std::move(append.bytes);
      memory.clear();
      append = Append();
      append.bytes = std::move(memory);
      RecordView record = record_of(body, properties);
      SpanSource records({&record, 1});
      error_code error = core_.encode(records, append);
      check(!error, "encode");
      pointers_.push_back(&append);
    }
  }
  void append_encoded() {
    core_.append(pointers_);
    check(!appends_.front().result.error, "append");
  }

 private:
  static StoreConfig config(const std::string& root, bool index, FlushMode flush) {
    StoreConfig config;
    config.root = root;
    config.index_messages = index;
    config.flush = flush;
    return config;
  }

  StoreCore core_;
  std::vector<Append> appends_;
  std::vector<Append*> pointers_;
  Helper helper_;
};

// The bare loop: pwritev to files of the same size.
class BareLog {
 public:
  explicit BareLog(std::string root) : root_(std::move(root)) {
    fs::create_directories(root_);
    add_file();
  }
  ~BareLog() {
    for (int descriptor : descriptors_) ::close(descriptor);
  }
  void append(std::vector<std::string>& records) {
    pieces_.clear();
    off_t size = 0;
    for (std::string& record : records) {
      pieces_.push_back({record.data(), record.size()});
      size += static_cast<off_t>(record.size());
    }
    if (at_ + size > kSegment) add_file();
    check(::pwritev(descriptor_, pieces_.data(), static_cast<int>(pieces_.size()), at_) == size,
          "pwritev");
    at_ += size;
  }
  // Any thread.
  void sync() const { check(::fdatasync(descriptor_.load()) == 0, "fdatasync"); }

 private:
  void add_file() {
    std::string path = root_ + "/" + std::to_string(number_++);
    descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    check(descriptor_ >= 0 && ::ftruncate(descriptor_, kSegment) == 0, "create");
    descriptors_.push_back(descriptor_);
    at_ = 0;
  }
  std::string root_;
  std::vector<iovec> pieces_;
  std::vector<int> descriptors_;
  std::atomic<int> descriptor_{-1};  // of the last file
  int number_ = 0;
  off_t at_ = 0;
};

// Asynchronous flushing, as the store's own thread does it (flushIntervalCommitLog).
template <class Sync>
std::jthread sync_now_and_then(Sync sync) {
  return std::jthread([sync](const std::stop_token& stop) {
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any due;
    while (!due.wait_for(lock, stop, std::chrono::milliseconds(500), [] { return false; }) &&
           !stop.stop_requested()) {
      sync();
    }
  });
}

template <class Prepare, class Call>
Rate measure(std::int64_t calls, int batch, const Prepare& prepare, const Call& call) {
  Rate rate;
  double wall = 0;
  double cpu = 0;
  for (std::int64_t i = 0; i < calls; ++i) {
    prepare();
    double cpu_begin = thread_cpu_seconds();
    Clock::time_point begin = Clock::now();
    call();
    double seconds = seconds_since(begin);
    cpu += thread_cpu_seconds() - cpu_begin;
    wall += seconds;
    rate.worst_ms = std::max(rate.worst_ms, seconds * 1e3);
  }
  auto messages = static_cast<double>(calls * batch);
  rate.per_second = messages / wall;
  rate.cpu_ns = cpu / messages * 1e9;
  return rate;
}

void run_append(const std::string& root, std::int64_t megabytes) {
  std::printf("1 KB records, %lld MB each; encoded before\n", static_cast<long long>(megabytes));
  const std::string properties = "TAGS\1TagA";
  const std::string body = body_of_one_kb(properties);
  for (int batch : {1, 8, 64}) {
    std::int64_t calls = megabytes * 1024 / batch;
    Rate bare;
    {
      BareLog log(root + "/bare");
      std::vector<std::string> records(static_cast<std::size_t>(batch), std::string(1024, 'b'));
      const std::jthread flusher = sync_now_and_then([&] { log.sync(); });
      // Its bytes are made just before, too.
      const std::string record(1024, 'b');
      bare = measure(
          calls, batch, [&] { std::ranges::fill(records, record); }, [&] { log.append(records); });
    }
    fs::remove_all(root);
    Rate ours;
    {
      Store store(root);
      const std::jthread flusher = sync_now_and_then(
          [&] { check(!store.core().sync_busy_queues([] {}) && !store.core().sync(), "sync"); });
      ours = measure(
          calls, batch, [&] { store.encode(batch, body, properties); },
          [&] { store.append_encoded(); });
    }
    fs::remove_all(root);
    print(batch, bare, ours);
  }
}

void run_sync(const std::string& root) {
  std::printf("1 KB records, one fdatasync for a batch; encoded before\n");
  const std::string properties = "TAGS\1TagA";
  const std::string body = body_of_one_kb(properties);
  for (int batch : {1, 16, 64, 256}) {
    constexpr std::int64_t kCalls = 500;
    Rate bare;
    {
      BareLog log(root + "/bare");
      std::vector<std::string> records(static_cast<std::size_t>(batch), std::string(1024, 'b'));
      bare = measure(
          kCalls, batch, [] {},
          [&] {
            log.append(records);
            log.sync();
          });
    }
    fs::remove_all(root);
    Rate ours;
    {
      Store store(root, true, FlushMode::sync_flush);
      ours = measure(
          kCalls, batch, [&] { store.encode(batch, body, properties); },
          [&] {
            store.append_encoded();
            check(!store.core().sync(), "sync");
          });
    }
    fs::remove_all(root);
    print(batch, bare, ours);
  }
}

void run_read(const std::string& root) {
  constexpr std::int64_t kMessages = 500'000;
  const std::string properties = "TAGS\1TagA";
  const std::string body = body_of_one_kb(properties);
  Store store(root, false);
  for (std::int64_t i = 0; i < kMessages; i += 64) store.append(64, body, properties);
  const std::int64_t tag = java_hash_code("TagA");
  for (bool filtered : {false, true}) {
    TagFilter filter;
    if (filtered) filter = [tag](std::int64_t code) { return code == tag; };
    for (int round = 0; round < 2; ++round) {  // the first one maps the pages
      ReadLimits limits;
      std::int64_t offset = 0;
      std::int64_t count = 0;
      Clock::time_point begin = Clock::now();
      while (offset < kMessages) {
        ReadResult result = store.core().read("BenchmarkTopic", 0, offset, limits, filter);
        count += result.count;
        offset = result.next_offset;
      }
      if (round == 0) continue;
      std::printf("hot reads of 32, %s: %.2f million messages/s\n",
                  filtered ? "tag filter" : "no filter",
                  static_cast<double>(count) / seconds_since(begin) / 1e6);
    }
  }
}

void run_index(const std::string& root) {
  constexpr int kAppends = 100'000;
  for (int round = 0; round < 3; ++round) {
    for (bool index : {false, true}) {
      double used = 0;
      {
        Store store(root, index);
        double begin = cpu_seconds();
        for (int i = 0; i < kAppends; ++i) {
          std::string number = std::to_string(round * kAppends + i);
          std::string properties = "KEYS\1order" + number + "\2UNIQ_KEY\1C0A8010200002A9F" + number;
          store.append(1, "body", properties);
        }
        while (store.core().build_index()) {
        }
        used = cpu_seconds() - begin;
      }
      fs::remove_all(root);
      std::printf("index %-3s: %.3f CPU s for %d appends with two keys\n", index ? "on" : "off",
                  used, kAppends);
    }
  }
}

void run_open(const std::string& root, std::int64_t megabytes) {
  const std::string properties = "TAGS\1TagA\2UNIQ_KEY\1C0A8010200002A9F00000000";
  const std::string body = body_of_one_kb(properties);
  {
    std::optional<Store> store(std::in_place, root);
    for (std::int64_t i = 0; i < megabytes * 16; ++i) store->append(64, body, properties);
    while (store->core().build_index()) {
    }
    check(!store->core().write_checkpoint([] {}), "checkpoint");
    // What a killed process leaves: all but the end of an orderly stop.
    fs::copy_file(root + "/abort", root + "/abort.kept");
  }
  fs::rename(root + "/abort.kept", root + "/abort");
  for (bool crash : {true, false}) {
    Clock::time_point begin = Clock::now();
    Store store(root);
    std::printf("%s of %lld MB: %.0f ms\n", crash ? "recovery" : "orderly start",
                static_cast<long long>(megabytes), seconds_since(begin) * 1e3);
  }
  fs::remove_all(root);
}

double resident_megabytes() {
  std::ifstream status("/proc/self/statm");
  long total = 0;
  long resident = 0;
  status >> total >> resident;
  return static_cast<double>(resident * ::sysconf(_SC_PAGESIZE)) / 1e6;
}

void run_queues(const std::string& root) {
  for (std::int32_t count : {5'000, 50'000}) {
    const double before = resident_megabytes();
    {
      Store store(root);
      for (std::int32_t queue = 0; queue < count; ++queue) {
        RecordView record = record_of("x", "");
        record.queue_id = queue;
        Append append;
        Append* pointer = &append;
        SpanSource records({&record, 1});
        check(!store.core().encode(records, append), "encode");
        store.core().append({&pointer, 1});
      }
      std::printf("%d queues filled: %.0f MB more in memory\n", count,
                  resident_megabytes() - before);
    }
    const double closed = resident_megabytes();
    double cpu = cpu_seconds();
    Clock::time_point begin = Clock::now();
    {
      Store store(root);
      std::printf("%d queues opened: %.0f ms, %.0f ms CPU, %.0f MB more in memory\n", count,
                  seconds_since(begin) * 1e3, (cpu_seconds() - cpu) * 1e3,
                  resident_megabytes() - closed);
    }
    std::fflush(stdout);
    fs::remove_all(root);
  }
}

// How far the index is behind when the log is written as fast as it goes, all with keys.
void run_lag(const std::string& root, std::int64_t megabytes) {
  const std::string properties = "TAGS\1TagA\2KEYS\1order\2UNIQ_KEY\1C0A8010200002A9F00000000";
  const std::string body = body_of_one_kb(properties);
  Store store(root);
  std::int64_t worst = 0;
  Clock::time_point begin = Clock::now();
  for (std::int64_t i = 0; i < megabytes * 16; ++i) {
    store.append(64, body, properties);
    worst = std::max(worst, store.core().readable_end() - store.core().indexed_end());
  }
  const double seconds = seconds_since(begin);
  const std::int64_t left = store.core().readable_end() - store.core().indexed_end();
  begin = Clock::now();
  while (store.core().indexed_end() < store.core().readable_end()) ::usleep(200);
  std::printf(
      "append of %lld MB with two keys each: %.0f MB/s; queues are never behind; the index was "
      "%.1f "
      "MB behind at most and %.1f at the end, which took %.0f ms\n",
      static_cast<long long>(megabytes), static_cast<double>(megabytes) / seconds,
      static_cast<double>(worst) / 1e6, static_cast<double>(left) / 1e6,
      seconds_since(begin) * 1e3);
}

int usage() {
  std::fputs("usage: bench_store append|sync|read|index|lag|open|queues DIR [--mb N]\n", stderr);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 && argc != 5) return usage();
  const std::string mode = argv[1];
  const std::string root = std::string(argv[2]) + "/store";
  const std::int64_t megabytes = argc == 5 ? std::atoll(argv[4]) : 1024;
  if (fs::exists(argv[2]) || megabytes < 1) return usage();
  // A process with one thread has cheaper system calls than any broker: not even the bare loop
  // shall.
  const std::jthread idle([](const std::stop_token& stop) {
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any().wait(lock, stop, [] { return false; });
  });
  try {
    if (mode == "append") {
      run_append(root, megabytes);
    } else if (mode == "sync") {
      run_sync(root);
    } else if (mode == "read") {
      run_read(root);
    } else if (mode == "index") {
      run_index(root);
    } else if (mode == "lag") {
      run_lag(root, megabytes);
    } else if (mode == "queues") {
      run_queues(root);
    } else if (mode == "open") {
      run_open(root, megabytes);
    } else {
      return usage();
    }
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "bench_store: %s\n", problem.what());
    return 1;
  }
  fs::remove_all(argv[2]);
  return 0;
}

#pragma once
// A store in a temporary directory with blocking appends.

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <memory>

#include "comet/base/files.hpp"
#include "comet/message/record.hpp"
#include "comet/store/message_store.hpp"
#include "temp_directory.hpp"

namespace comet::test {

class StoreFixture {
 public:
  StoreFixture() {
    config.root = directory.path() + "/store";
    config.commit_log_file_size = 64 * 1024;
    config.consume_queue_file_size = 100 * 20;
  }

  void open() { store = std::make_unique<store::MessageStore>(config, context.get_executor(), real_time()); }
  void close() { store.reset(); }
  // As after kill -9: a copy of the files as they are now takes the place of the directory.
  void crash() {
    const std::string copy = directory.path() + "/copy";
    std::filesystem::copy(config.root, copy, std::filesystem::copy_options::recursive);
    close();
    std::filesystem::remove_all(config.root);
    std::filesystem::rename(copy, config.root);
  }

  store::AppendResult append(const std::string& topic, std::int32_t queue_id, const std::string& body,
                             const std::string& properties = {}, bool wait_flush = true) {
    RecordView record;
    record.topic = topic;
    record.queue_id = queue_id;
    record.body = body;
    record.properties = properties;
    record.store_host = *IpEndpoint::parse("127.0.0.1:10911");
    record.born_host = *IpEndpoint::parse("127.0.0.1:55555");
    std::optional<store::AppendResult> result;
    auto on_end = [&result](std::exception_ptr, store::AppendResult value) { result = std::move(value); };
    asio::co_spawn(context, store->append(record, wait_flush), on_end);
    context.restart();
    while (!result) context.run_one();
    return *result;
  }

  std::vector<std::string> bodies(const std::string& topic, std::int32_t queue_id, std::int64_t from = 0) const {
    std::vector<std::string> found;
    for (;;) {
      store::ReadResult result = store->read(topic, queue_id, from, store::ReadLimits());
      if (result.status != store::ReadStatus::found) return found;
      for (const MessageExt& message : decode_records(result.records.to_string(), false)) {
        BOOST_TEST(message.queue_offset == from + (message.queue_offset - from));
        found.push_back(message.body());
      }
      from = result.next_offset;
    }
  }

  // The only file of the log, or the one that begins at `start`.
  std::string log_file(std::int64_t start = 0) const {
    std::string name = std::to_string(start);
    return config.root + "/commitlog/" + std::string(20 - name.size(), '0') + name;
  }
  static void overwrite(const std::string& path, std::int64_t at, const std::string& bytes) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(at);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    BOOST_REQUIRE(file.good());
  }

  TempDirectory directory;
  store::StoreConfig config;
  asio::io_context context{1};
  std::unique_ptr<store::MessageStore> store;
};

}  // namespace comet::test

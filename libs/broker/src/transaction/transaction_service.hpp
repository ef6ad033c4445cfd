#pragma once
// The half messages of transactions (Apache: TransactionalMessageServiceImpl): which are open, and
// the checks of those whose producers have not said how their transactions ended.

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "clients/client_registry.hpp"
#include "comet/base/async.hpp"
#include "comet/broker/config.hpp"
#include "records/half_message.hpp"
#include "stats/traffic.hpp"
#include "tables/offset_table.hpp"
#include "tables/topic_table.hpp"
#include "transaction/open_halves.hpp"

namespace comet::inline v0_1::broker {

// On disk there are the half topic and the op topic, and the offsets of CID_RMQ_SYS_TRANS in both:
// a half message is open when it lies behind the one offset and no op message behind the other
// names it. In memory there is a bit for each of those. A half message that is checked is put back
// behind the others, so what a check costs depends on what is open or new.
//
// Runs on the executor; members marked thread-safe may be called from anywhere.
class TransactionService {
 public:
  TransactionService(asio::any_io_executor executor, TimeSource& time, store::MessageStore& store,
                     const BrokerConfig& config, TopicTable& topics, OffsetTable& offsets,
                     ClientRegistry& clients, TrafficTable& traffic);

  // Finds the open half messages on disk. After a crash also those that were committed, and those
  // that were put back, without an op message that says so.
  void load();
  // Where the service's own messages say that they are stored.
  void start(TaskGroup& tasks, const IpEndpoint& store_host);

  // For whoever ends a transaction: of the half message that is or was at that place of the half
  // topic's queue. Thread-safe.
  [[nodiscard]] OpenHalves::Attempt claim(std::int64_t half_offset);
  // How many are open. Thread-safe.
  [[nodiscard]] std::int64_t open() const;
  // Makes the half topic known at the first half message. Thread-safe.
  void announce_half_topic();
  // Stores the op message of a half message that has ended; when the store takes none, later.
  // `executor` is the caller's. Thread-safe.
  void write_op(std::int64_t half_offset, const asio::any_io_executor& executor);

 private:
  class PutBack;
  enum class Verdict { wait, ask, put_back, give_up };
  // Op messages that the store has refused.
  struct Owed {
    std::mutex mutex;
    std::vector<std::int64_t> offsets;
  };

  [[nodiscard]] asio::awaitable<void> serve();
  [[nodiscard]] asio::awaitable<void> check_all();
  [[nodiscard]] Verdict judge(const RecordView& half, std::int64_t round_begin) const;
  [[nodiscard]] std::int64_t age_of(const RecordView& half) const;
  // False: the store takes nothing, so that the round had better end.
  [[nodiscard]] asio::awaitable<bool> put_back(PutBack& halves);
  [[nodiscard]] asio::awaitable<bool> put_back_singly(PutBack& halves);
  [[nodiscard]] asio::awaitable<bool> give_up(OpenHalves::Claim claim, RecordView half);
  [[nodiscard]] asio::awaitable<void> write_ops(std::vector<std::int64_t> half_offsets);
  [[nodiscard]] asio::awaitable<void> write_owed_ops();
  [[nodiscard]] asio::awaitable<void> advance_offsets();
  // Asks a producer how the transaction of this half message has ended; the bytes that it took.
  std::size_t ask_producer(const RecordView& half);

  // The half topic's queue begins anew when it was removed, long after its last message.
  bool notice_removed_queue();

  void load_ended(std::int64_t half_end);
  void load_open(std::int64_t half_end);
  void find_committed(const std::string& topic, std::int32_t queue_id, std::int64_t most);

  asio::any_io_executor executor_;
  TimeSource& time_;
  store::MessageStore& store_;
  const BrokerConfig& config_;
  TopicTable& topics_;
  OffsetTable& offsets_;
  ClientRegistry& clients_;
  TrafficTable& traffic_;
  IpEndpoint store_host_;
  OpenHalves halves_;
  std::shared_ptr<Owed> owed_ = std::make_shared<Owed>();
  std::int64_t op_offset_ = 0;  // the first op message that names an open half message, or a later
  Instant next_check_{};
  std::atomic<bool> announced_ = false;
  bool complained_ = false;  // of a store that takes nothing
};

}  // namespace comet::inline v0_1::broker

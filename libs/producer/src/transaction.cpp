#include "comet/producer/transaction.hpp"

#include <boost/asio/error.hpp>

#include "comet/base/log.hpp"
#include "comet/base/run_on.hpp"
#include "comet/message/message_id.hpp"
#include "end_transaction.hpp"
#include "half_message.hpp"

namespace comet::inline v0_1 {
namespace {

using Stage = Transaction::State::Stage;

void make_half(Message& message, const Producer::Impl& producer) {
  MessageProperties& properties = message.properties();
  for (const std::string_view delay :
       {property::kDelay, property::kTimerDelaySec, property::kTimerDelayMs,
        property::kTimerDeliverMs, property::kStartDeliverTime}) {
    properties.erase(delay);
  }
  properties.set(property::kTransactionPrepared, "true");
  properties.set(property::kProducerGroup, producer.settings.group);
  if (message.unique_id().empty()) {
    properties.set(property::kUniqueKey, make_unique_id(producer.time.wall_millis()));
  }
}

TransactionEnd make_end(const std::shared_ptr<HalfMessage>& half) {
  const SendResult& sent = half->sent;
  TransactionEnd end;
  end.message = std::shared_ptr<const Message>(half, &half->message);
  end.queue_offset = sent.queue_offset;
  end.message_id = sent.message_id;
  end.transaction_id = sent.transaction_id;
  end.broker_name = sent.queue.broker_name;
  end.broker = half->producer->client->publish_address(sent.queue.broker_name);
  if (const auto id = parse_offset_message_id(sent.offset_message_id)) {
    end.commit_log_offset = id->physical_offset;
  } else {
    end.broker.reset();  // it would not know what is meant
  }
  return end;
}

asio::awaitable<void> tell(std::shared_ptr<HalfMessage> half, TransactionEnd end) {
  // However it ends, those who wait must hear of it.
  class Ending {
   public:
    explicit Ending(HalfMessage& of) : half_(of) {
      half_.end_error = asio::error::operation_aborted;
    }
    ~Ending() {
      half_.stage = half_.end_error ? Stage::open : Stage::ended;
      half_.end_tried.notify_all();
    }

   private:
    HalfMessage& half_;
  };
  SendPlan plan;
  plan.part_deadline = Instant::max();  // of a send that is in progress already
  const SendInProgress in_progress(*half->producer, plan);
  const Ending ending(*half);
  half->end_error = co_await end_transaction(half->producer, std::move(end));
}

error_code code_of(SendStatus status) noexcept {
  switch (status) {
    case SendStatus::flush_disk_timeout:
      return remoting::ResponseCode::flush_disk_timeout;
    case SendStatus::flush_slave_timeout:
      return remoting::ResponseCode::flush_slave_timeout;
    case SendStatus::slave_not_available:
      return remoting::ResponseCode::slave_not_available;
    case SendStatus::send_ok:
      break;
  }
  return {};
}

}  // namespace

Transaction::State::State(std::shared_ptr<Producer::Impl> producer_in, Message message_in,
                          SendResult sent_in)
    : producer(std::move(producer_in)),
      message(std::move(message_in)),
      sent(std::move(sent_in)),
      end_tried(producer->executor(), producer->time) {}

Transaction::State::~State() {
  if (stage == Stage::ended) return;
  log::warn("transaction {} of topic {} was left open: the broker will ask how it ended",
            sent.message_id, message.topic());
}

asio::awaitable<std::shared_ptr<HalfMessage>> store_half(std::shared_ptr<Producer::Impl> producer,
                                                         Message message) {
  make_half(message, *producer);
  Message half = message;
  SendResult sent = co_await send_message(producer, std::move(half), plain_send());
  co_return std::make_shared<HalfMessage>(producer, std::move(message), std::move(sent));
}

void start_ending(const std::shared_ptr<HalfMessage>& half, TransactionState state,
                  std::string remark) {
  half->stage = Stage::ending;
  TransactionEnd end = make_end(half);
  end.state = state;
  end.remark = std::move(remark);
  half->producer->tasks.spawn("end of a transaction", tell(half, std::move(end)));
}

asio::awaitable<error_code> end_half(std::shared_ptr<HalfMessage> half, TransactionState state) {
  if (half->stage != Stage::open) {
    throw Error(ClientErrc::illegal_message, "this transaction has been ended already");
  }
  if (half->producer->state == Producer::Impl::State::stopped) co_return ClientErrc::not_running;
  start_ending(half, state, {});
  while (half->stage == Stage::ending) co_await half->end_tried.wait();
  co_return half->end_error;
}

Transaction::Transaction(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}

bool Transaction::is_open() const noexcept {
  return state_ != nullptr && state_->stage == Stage::open;
}
const std::string& Transaction::message_id() const noexcept { return state_->sent.message_id; }
const SendResult& Transaction::send_result() const noexcept { return state_->sent; }
const Message& Transaction::message() const noexcept { return state_->message; }

asio::awaitable<error_code> Transaction::end(TransactionState state) {
  if (state_ == nullptr) {
    throw Error(ClientErrc::illegal_message, "this transaction has been moved");
  }
  return run_on(state_->producer->executor(), end_half(state_, state));
}

asio::awaitable<error_code> Transaction::commit() { return end(TransactionState::commit); }
asio::awaitable<error_code> Transaction::rollback() { return end(TransactionState::rollback); }

asio::awaitable<Transaction> begin_transaction(std::shared_ptr<Producer::Impl> producer,
                                               Message message) {
  std::shared_ptr<HalfMessage> half =
      co_await run_on(producer->executor(), store_half(producer, std::move(message)));
  if (half->sent.status != SendStatus::send_ok) {
    (void)co_await run_on(producer->executor(), end_half(half, TransactionState::rollback));
    throw Error(code_of(half->sent.status),
                "begin a transaction: the half message is not stored as safely as asked for "
                "and has been rolled back");
  }
  co_return Transaction(std::move(half));
}

}  // namespace comet::inline v0_1

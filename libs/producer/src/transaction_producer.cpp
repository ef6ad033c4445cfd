// Transactions at the producer's side (Apache: DefaultMQProducerImpl.sendMessageInTransaction,
// checkTransactionState):
//
//   the half message is stored; the local transaction runs; the broker is told how it ended,
//   and asks whoever of the group is there when it has not heard.

#include "comet/producer/transaction_producer.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <deque>

#include "comet/base/log.hpp"
#include "comet/base/run_on.hpp"
#include "comet/base/shared_network.hpp"
#include "comet/message/message_id.hpp"
#include "end_transaction.hpp"

namespace comet::inline v0_1 {

struct TransactionProducer::Impl : std::enable_shared_from_this<Impl> {
  Impl(std::shared_ptr<client::ClientInstance> client_in, const ProducerConfig& config,
       TransactionCheck check_in)
      : producer(client_in, config),
        inner(producer.impl_),
        check(std::move(check_in)),
        check_ended(client_in->executor(), client_in->time()) {}

  [[nodiscard]] static asio::awaitable<void> start(std::shared_ptr<Impl> self);
  // Takes a check of a broker's; beyond the bounds it is dropped, and the broker asks again.
  void take(client::TransactionCheck asked);
  [[nodiscard]] static asio::awaitable<void> answer_checks(std::shared_ptr<Impl> self);
  [[nodiscard]] static asio::awaitable<void> answer(std::shared_ptr<Impl> self,
                                                    client::TransactionCheck asked);
  [[nodiscard]] static asio::awaitable<TransactionResult> send(std::shared_ptr<Impl> self,
                                                               Message message,
                                                               LocalTransaction local);
  [[nodiscard]] static asio::awaitable<void> shut_down(std::shared_ptr<Impl> self);
  void stop_checks();

  Producer producer;
  std::shared_ptr<Producer::Impl> inner;
  TransactionCheck check;
  std::deque<client::TransactionCheck> asked;  // waiting for their turn
  std::size_t checking = 0;
  std::size_t dropped = 0;
  Event check_ended;
  bool takes_checks = false;
};

namespace {

using remoting::ResponseCode;

error_code code_of(SendStatus status) noexcept {
  switch (status) {
    case SendStatus::flush_disk_timeout:
      return ResponseCode::flush_disk_timeout;
    case SendStatus::flush_slave_timeout:
      return ResponseCode::flush_slave_timeout;
    case SendStatus::slave_not_available:
      return ResponseCode::slave_not_available;
    case SendStatus::send_ok:
      break;
  }
  return {};
}

// Goes on when the caller is cancelled: what a local transaction has decided must be told.
class Telling {
 public:
  Telling(asio::any_io_executor executor, TimeSource& time) : ended(std::move(executor), time) {}
  Event ended;
  bool done = false;
  error_code error;
};

asio::awaitable<void> tell(std::shared_ptr<Producer::Impl> producer, TransactionEnd end,
                           std::shared_ptr<Telling> telling) {
  SendPlan plan;
  plan.part_deadline = Instant::max();  // of a send that is in progress already
  SendInProgress in_progress(*producer, plan);
  telling->error = co_await end_transaction(producer, std::move(end));
  telling->done = true;
  telling->ended.notify_all();
}

std::shared_ptr<Telling> start_telling(const std::shared_ptr<Producer::Impl>& producer,
                                       TransactionEnd end) {
  auto telling = std::make_shared<Telling>(producer->client->executor(), producer->time);
  producer->tasks.spawn("end of a transaction", tell(producer, std::move(end), telling));
  return telling;
}

TransactionEnd make_end(const Producer::Impl& producer, const SendResult& sent,
                        std::shared_ptr<const Message> message) {
  TransactionEnd end;
  end.message = std::move(message);
  end.queue_offset = sent.queue_offset;
  end.message_id = sent.message_id;
  end.transaction_id = sent.transaction_id;
  end.broker_name = sent.queue.broker_name;
  end.broker = producer.client->publish_address(sent.queue.broker_name);
  if (const auto id = parse_offset_message_id(sent.offset_message_id)) {
    end.commit_log_offset = id->physical_offset;
  } else {
    end.broker.reset();  // it would not know what is meant
  }
  return end;
}

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

// On the producer's executor.
asio::awaitable<error_code> tell_end(std::shared_ptr<Producer::Impl> producer, SendResult sent,
                                     std::shared_ptr<const Message> message,
                                     TransactionState state) {
  if (producer->state == Producer::Impl::State::stopped) co_return ClientErrc::not_running;
  TransactionEnd end = make_end(*producer, sent, std::move(message));
  end.state = state;
  const std::shared_ptr<Telling> telling = start_telling(producer, std::move(end));
  while (!telling->done) co_await telling->ended.wait();
  co_return telling->error;
}

std::shared_ptr<const Message> shared(Message message) {
  return std::make_shared<const Message>(std::move(message));
}

}  // namespace

asio::awaitable<TransactionResult> TransactionProducer::Impl::send(std::shared_ptr<Impl> self,
                                                                   Message message,
                                                                   LocalTransaction local) {
  Producer::Impl& producer = *self->inner;
  const SendPlan plain;
  SendInProgress in_progress(producer, plain);
  make_half(message, producer);
  TransactionResult result;
  Message sent = message;
  result.send = co_await send_message(self->inner, std::move(sent), plain_send());
  if (result.send.status == SendStatus::send_ok) {
    try {
      result.state = co_await local(message);
    } catch (...) {
      result.problem = std::current_exception();
      result.state = TransactionState::unknown;
    }
  }
  auto shown = std::make_shared<const Message>(std::move(message));
  TransactionEnd end = make_end(producer, result.send, std::move(shown));
  end.state = result.state;
  end.remark = text_of(result.problem);
  const std::shared_ptr<Telling> telling = start_telling(self->inner, std::move(end));
  const auto cancellation = co_await asio::this_coro::cancellation_state;
  if (result.problem && cancellation.cancelled() != asio::cancellation_type::none) {
    std::rethrow_exception(result.problem);
  }
  while (!telling->done) co_await telling->ended.wait();
  result.end_error = telling->error;
  co_return result;
}

struct Transaction::State {
  std::shared_ptr<Producer::Impl> producer;
  std::shared_ptr<const Message> message;
  SendResult sent;
  bool is_open = true;
};

Transaction::Transaction(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
Transaction::Transaction() noexcept = default;
Transaction::Transaction(Transaction&&) noexcept = default;

Transaction& Transaction::operator=(Transaction&& other) noexcept {
  Transaction before(std::move(*this));  // says what becomes of it
  state_ = std::move(other.state_);
  return *this;
}

Transaction::~Transaction() {
  if (!is_open()) return;
  log::warn("transaction {} of topic {} was left open: the broker will ask how it ended",
            state_->sent.message_id, state_->message->topic());
}

bool Transaction::is_open() const noexcept { return state_ != nullptr && state_->is_open; }
const std::string& Transaction::message_id() const noexcept { return state_->sent.message_id; }
const SendResult& Transaction::send_result() const noexcept { return state_->sent; }
const Message& Transaction::message() const noexcept { return *state_->message; }

asio::awaitable<error_code> Transaction::end(TransactionState state) {
  if (!is_open()) {
    throw Error(ClientErrc::illegal_message, "this transaction has been ended or moved already");
  }
  state_->is_open = false;
  auto telling = tell_end(state_->producer, state_->sent, state_->message, state);
  return run_on(state_->producer->executor(), std::move(telling));
}

asio::awaitable<error_code> Transaction::commit() { return end(TransactionState::commit); }
asio::awaitable<error_code> Transaction::rollback() { return end(TransactionState::rollback); }

asio::awaitable<Transaction> begin_transaction(std::shared_ptr<Producer::Impl> producer,
                                               Message message) {
  make_half(message, *producer);
  Message half = message;
  auto sending = send_message(producer, std::move(half), plain_send());
  auto state = std::make_unique<Transaction::State>();
  state->sent = co_await run_on(producer->executor(), std::move(sending));
  state->message = shared(std::move(message));
  state->producer = producer;
  if (state->sent.status != SendStatus::send_ok) {
    auto telling = tell_end(producer, state->sent, state->message, TransactionState::rollback);
    (void)co_await run_on(producer->executor(), std::move(telling));
    throw Error(code_of(state->sent.status),
                "begin a transaction: the half message is not stored as safely as asked for "
                "and has been rolled back");
  }
  co_return Transaction(std::move(state));
}

void TransactionProducer::Impl::take(client::TransactionCheck check_asked) {
  const ProducerConfig& config = inner->config;
  if (asked.size() >= config.most_waiting_checks()) {
    if (dropped++ % 1000 == 0) {
      log::warn(
          "{} checks of transactions wait, further ones are dropped; the broker will repeat "
          "them",
          asked.size());
    }
    return;
  }
  asked.push_back(std::move(check_asked));
  if (checking >= config.concurrent_checks()) return;
  ++checking;
  inner->tasks.spawn("checks of transactions", answer_checks(shared_from_this()));
}

asio::awaitable<void> TransactionProducer::Impl::answer_checks(std::shared_ptr<Impl> self) {
  class Checking {
   public:
    explicit Checking(Impl& owner) : owner_(owner) {}
    ~Checking() {
      --owner_.checking;
      owner_.check_ended.notify_all();
    }

   private:
    Impl& owner_;
  };
  const Checking checking_here(*self);
  while (!self->asked.empty()) {
    client::TransactionCheck next = std::move(self->asked.front());
    self->asked.pop_front();
    co_await answer(self, std::move(next));
  }
}

asio::awaitable<void> TransactionProducer::Impl::answer(std::shared_ptr<Impl> self,
                                                        client::TransactionCheck check_asked) {
  std::exception_ptr problem;
  TransactionEnd end;
  end.queue_offset = check_asked.queue_offset;
  end.commit_log_offset = check_asked.commit_log_offset;
  end.message_id = std::move(check_asked.message_id);
  end.transaction_id = std::move(check_asked.transaction_id);
  end.broker = std::move(check_asked.from);
  end.from_check = true;
  const auto message = std::make_shared<const MessageExt>(std::move(check_asked.message));
  end.message = message;
  try {
    if (self->check) end.state = co_await self->check(*message);
  } catch (...) {
    problem = std::current_exception();
  }
  end.remark = text_of(problem);
  if (problem) log::warn("the check of transaction {} failed: {}", end.message_id, end.remark);
  (void)co_await end_transaction(self->inner, std::move(end));
}

void TransactionProducer::Impl::stop_checks() {
  if (!takes_checks) return;
  takes_checks = false;
  inner->client->on_transaction_check(inner->settings.group, {});
  asked.clear();
}

asio::awaitable<void> TransactionProducer::Impl::shut_down(std::shared_ptr<Impl> self) {
  self->stop_checks();
  while (self->checking > 0) co_await self->check_ended.wait();
  co_await self->producer.shutdown();
}

TransactionProducer::TransactionProducer(asio::any_io_executor executor, ProducerConfig config,
                                         TransactionCheck check)
    : TransactionProducer(std::move(executor), config, std::move(check),
                          shared_network(config.tls()), real_time()) {}

TransactionProducer::TransactionProducer(asio::any_io_executor executor, ProducerConfig config,
                                         TransactionCheck check, Network& network, TimeSource& time)
    : impl_(std::make_shared<Impl>(std::make_shared<client::ClientInstance>(
                                       std::move(executor), network, time, config.client()),
                                   config, std::move(check))) {}

TransactionProducer::TransactionProducer(std::shared_ptr<client::ClientInstance> client,
                                         ProducerConfig config, TransactionCheck check)
    : impl_(std::make_shared<Impl>(std::move(client), config, std::move(check))) {}

TransactionProducer::~TransactionProducer() {
  if (impl_->inner->context.is_over()) return;
  asio::dispatch(impl_->inner->executor(), [impl = impl_] { impl->stop_checks(); });
}

asio::awaitable<void> TransactionProducer::Impl::start(std::shared_ptr<Impl> self) {
  co_await self->producer.start();
  if (self->takes_checks) co_return;
  self->takes_checks = true;
  auto take = [weak = std::weak_ptr<Impl>(self)](client::TransactionCheck asked) {
    if (auto alive = weak.lock(); alive && alive->takes_checks) alive->take(std::move(asked));
  };
  client::ClientInstance& client = *self->inner->client;
  client.on_transaction_check(self->inner->settings.group, std::move(take));
  // Brokers that ask about half messages of an earlier process must find this one.
  announce(*self->inner, std::vector{client.config().create_topic_key});
}

asio::awaitable<void> TransactionProducer::start() {
  return run_on(impl_->inner->executor(), Impl::start(impl_));
}

asio::awaitable<TransactionResult> TransactionProducer::send_in_transaction(
    Message message, LocalTransaction local) {
  return run_on(impl_->inner->executor(), Impl::send(impl_, std::move(message), std::move(local)));
}

asio::awaitable<Transaction> TransactionProducer::begin(Message message) {
  return begin_transaction(impl_->inner, std::move(message));
}

Producer& TransactionProducer::producer() noexcept { return impl_->producer; }

asio::awaitable<void> TransactionProducer::shutdown() {
  return run_on(impl_->inner->executor(), Impl::shut_down(impl_));
}

}  // namespace comet::inline v0_1

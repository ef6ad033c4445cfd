// Transactions at the producer's side (Apache: DefaultMQProducerImpl.sendMessageInTransaction,
// checkTransactionState):
//
//   the half message is stored; the local transaction runs; the broker is told how it ended,
//   and asks whoever of the group is there when it has not heard.

#include "comet/producer/transaction_producer.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <deque>

#include "comet/base/log.hpp"
#include "comet/base/shared_network.hpp"
#include "comet/message/message_id.hpp"
#include "end_transaction.hpp"

namespace comet {

struct TransactionProducer::Impl : std::enable_shared_from_this<Impl> {
  Impl(std::shared_ptr<client::ClientInstance> client_in, const ProducerConfig& config,
       TransactionCheck check_in)
      : producer(client_in, config),
        inner(producer.impl_),
        check(std::move(check_in)),
        check_ended(client_in->executor(), client_in->time()) {}

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

TransactionProducer::~TransactionProducer() { impl_->stop_checks(); }

asio::awaitable<void> TransactionProducer::start() {
  const std::shared_ptr<Impl> impl = impl_;
  co_await impl->producer.start();
  if (impl->takes_checks) co_return;
  impl->takes_checks = true;
  auto take = [weak = std::weak_ptr<Impl>(impl)](client::TransactionCheck asked) {
    if (auto self = weak.lock(); self && self->takes_checks) self->take(std::move(asked));
  };
  impl->inner->client->on_transaction_check(impl->inner->settings.group, std::move(take));
}

asio::awaitable<TransactionResult> TransactionProducer::send_in_transaction(
    Message message, LocalTransaction local) {
  return Impl::send(impl_, std::move(message), std::move(local));
}

Producer& TransactionProducer::producer() noexcept { return impl_->producer; }

asio::awaitable<void> TransactionProducer::shutdown() { return Impl::shut_down(impl_); }

}  // namespace comet

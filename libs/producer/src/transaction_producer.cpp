// Transactions at the producer's side (Apache: DefaultMQProducerImpl.sendMessageInTransaction,
// checkTransactionState):
//
//   the half message is stored; the local transaction runs; the broker is told how it ended,
//   and asks whoever of the group is there when it has not heard.

#include "comet/producer/transaction_producer.hpp"

#include <algorithm>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <deque>
#include <utility>

#include "comet/base/log.hpp"
#include "comet/base/run_on.hpp"
#include "end_transaction.hpp"
#include "half_message.hpp"

namespace comet::inline v0_1 {

struct TransactionProducer::Impl : std::enable_shared_from_this<Impl> {
  // `how`: as the constructors of Producer.
  template <class... How>
  explicit Impl(TransactionCheck check_in, How&&... how)
      : producer(std::forward<How>(how)...),
        inner(producer.impl_),
        check(std::move(check_in)),
        check_ended(inner->executor(), inner->time) {}

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
  // Further ones are passed over; those that wait are left to other members of the group.
  void stop_checks();
  void forget_checks();

  Producer producer;
  std::shared_ptr<Producer::Impl> inner;
  TransactionCheck check;
  std::deque<client::TransactionCheck> asked;  // waiting for their turn
  std::size_t checking = 0;
  std::size_t dropped = 0;
  Event check_ended;
  bool takes_checks = false;
  bool is_known = false;  // the client passes checks on to this object
};

asio::awaitable<TransactionResult> TransactionProducer::Impl::send(std::shared_ptr<Impl> self,
                                                                   Message message,
                                                                   LocalTransaction local) {
  const SendPlan plain;
  const SendInProgress in_progress(*self->inner, plain);
  const std::shared_ptr<HalfMessage> half = co_await store_half(self->inner, std::move(message));
  TransactionResult result;
  result.send = half->sent;
  if (result.send.status == SendStatus::send_ok) {
    try {
      result.state = co_await local(half->message);
    } catch (...) {
      result.problem = std::current_exception();
      result.state = TransactionState::unknown;
    }
  }
  start_ending(half, result.state, exception_text(result.problem));
  const auto cancellation = co_await asio::this_coro::cancellation_state;
  if (result.problem && cancellation.cancelled() != asio::cancellation_type::none) {
    std::rethrow_exception(result.problem);
  }
  while (half->stage == HalfMessage::Stage::ending) co_await half->end_tried.wait();
  result.end_error = half->end_error;
  co_return result;
}

void TransactionProducer::Impl::take(client::TransactionCheck check_asked) {
  const ProducerConfig& config = inner->config;
  const auto is_same = [&](const client::TransactionCheck& other) {
    return other.commit_log_offset == check_asked.commit_log_offset &&
           other.from == check_asked.from && other.message_id == check_asked.message_id;
  };
  if (std::ranges::any_of(asked, is_same)) return;  // the broker has repeated it
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
  end.remark = exception_text(problem);
  if (problem) log::warn("the check of transaction {} failed: {}", end.message_id, end.remark);
  (void)co_await end_transaction(self->inner, std::move(end));
}

void TransactionProducer::Impl::stop_checks() {
  takes_checks = false;
  asked.clear();
}

void TransactionProducer::Impl::forget_checks() {
  if (!std::exchange(is_known, false)) return;
  inner->client->on_transaction_check(inner->settings.group, {});
}

asio::awaitable<void> TransactionProducer::Impl::shut_down(std::shared_ptr<Impl> self) {
  self->stop_checks();
  while (self->checking > 0) co_await self->check_ended.wait();
  co_await self->producer.shutdown();
  self->forget_checks();
}

TransactionProducer::TransactionProducer(asio::any_io_executor executor, ProducerConfig config,
                                         TransactionCheck check)
    : impl_(std::make_shared<Impl>(std::move(check), std::move(executor), std::move(config))) {}

TransactionProducer::TransactionProducer(asio::any_io_executor executor, ProducerConfig config,
                                         TransactionCheck check, Network& network, TimeSource& time)
    : impl_(std::make_shared<Impl>(std::move(check), std::move(executor), std::move(config),
                                   network, time)) {}

TransactionProducer::TransactionProducer(std::shared_ptr<client::ClientInstance> client,
                                         ProducerConfig config, TransactionCheck check)
    : impl_(std::make_shared<Impl>(std::move(check), std::move(client), std::move(config))) {}

TransactionProducer::~TransactionProducer() {
  if (impl_->inner->context.is_over()) return;
  asio::dispatch(impl_->inner->executor(), [impl = impl_] {
    impl->stop_checks();
    impl->forget_checks();
  });
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
  self->is_known = true;
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

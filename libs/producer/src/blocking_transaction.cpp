#include "comet/producer/blocking_transaction.hpp"

#include <boost/asio/this_coro.hpp>
#include <utility>

#include "blocking_impl.hpp"
#include "comet/base/async.hpp"
#include "comet/base/run_on.hpp"

namespace comet::inline v0_1 {
namespace {

asio::awaitable<TransactionState> call(BlockingTransactionCheck check, MessageExt message) {
  co_return check(message);
}

// The user's check, which may block, in its own thread.
TransactionCheck called_in(asio::thread_pool& pool, BlockingTransactionCheck check) {
  if (!check) return {};
  const asio::any_io_executor thread = pool.get_executor();
  return [thread, check = std::move(check)](const MessageExt& message) {
    return run_on(thread, call(check, message));
  };
}

// A local transaction that runs in the thread that sends, while the producer's thread goes on.
class LocalTurn : public std::enable_shared_from_this<LocalTurn> {
 public:
  // In the producer's thread: says that the half message is stored, and waits for the decision.
  asio::awaitable<TransactionState> wait(const Message& half) {
    executor_ = co_await asio::this_coro::executor;
    decided_.emplace(executor_, real_time());
    tell_half(&half);
    while (!is_decided_) co_await decided_->wait();
    if (problem_) std::rethrow_exception(problem_);
    co_return state_;
  }
  // In the producer's thread: there is nothing to wait for any more.
  void end() {
    if (!is_told_) tell_half(nullptr);
  }

  // In the thread that sends.
  void run(const BlockingLocalTransaction& local) {
    const Message* half = half_.get_future().get();
    if (half == nullptr) return;
    TransactionState state = TransactionState::unknown;
    std::exception_ptr problem;
    try {
      state = local(*half);
    } catch (...) {
      problem = std::current_exception();
    }
    asio::post(executor_, [self = shared_from_this(), state, problem] {
      self->state_ = state;
      self->problem_ = problem;
      self->is_decided_ = true;
      self->decided_->notify_all();
    });
  }

 private:
  void tell_half(const Message* half) {
    is_told_ = true;
    half_.set_value(half);
  }

  std::promise<const Message*> half_;  // null: it has not been stored
  bool is_told_ = false;
  asio::any_io_executor executor_;
  std::optional<Event> decided_;
  bool is_decided_ = false;
  TransactionState state_ = TransactionState::unknown;
  std::exception_ptr problem_;
};

asio::awaitable<TransactionResult> send_with(TransactionProducer& producer, Message message,
                                             std::shared_ptr<LocalTurn> turn) {
  class End {
   public:
    explicit End(LocalTurn& of) : turn_(of) {}
    ~End() { turn_.end(); }

   private:
    LocalTurn& turn_;
  };
  const End end(*turn);
  LocalTransaction local = [turn](const Message& half) { return turn->wait(half); };
  co_return co_await producer.send_in_transaction(std::move(message), std::move(local));
}

}  // namespace

BlockingProducer::Impl::Impl(ProducerConfig config) {
  plain.emplace(context.get_executor(), std::move(config));
}

BlockingProducer::Impl::Impl(ProducerConfig config, BlockingTransactionCheck check) : checks(1) {
  // One thread does one check at a time; the others wait where a shutdown forgets them.
  config.transaction_checks(1, config.most_waiting_checks());
  transactions.emplace(context.get_executor(), std::move(config),
                       called_in(*checks, std::move(check)));
}

TransactionProducer& BlockingProducer::Impl::transaction_producer() {
  if (transactions) return *transactions;
  throw Error(ClientErrc::illegal_config,
              "begin a transaction: give the BlockingProducer's constructor a check for brokers "
              "that have not heard how one ended");
}

struct BlockingTransaction::State {
  std::shared_ptr<BlockingProducer::Impl> producer;
  Transaction transaction;
};

BlockingTransaction::BlockingTransaction(std::unique_ptr<State> state) noexcept
    : state_(std::move(state)) {}
BlockingTransaction::BlockingTransaction() noexcept = default;
BlockingTransaction::BlockingTransaction(BlockingTransaction&&) noexcept = default;
BlockingTransaction& BlockingTransaction::operator=(BlockingTransaction&&) noexcept = default;
BlockingTransaction::~BlockingTransaction() = default;

bool BlockingTransaction::is_open() const noexcept {
  return state_ != nullptr && state_->transaction.is_open();
}
const std::string& BlockingTransaction::message_id() const noexcept {
  return state_->transaction.message_id();
}
const SendResult& BlockingTransaction::send_result() const noexcept {
  return state_->transaction.send_result();
}
const Message& BlockingTransaction::message() const noexcept {
  return state_->transaction.message();
}

error_code BlockingTransaction::end(TransactionState how) {
  if (state_ == nullptr) {
    throw Error(ClientErrc::illegal_message, "this transaction has been moved");
  }
  Transaction& transaction = state_->transaction;
  auto tell = [&] {
    return how == TransactionState::commit ? transaction.commit() : transaction.rollback();
  };
  try {
    return state_->producer->run<error_code>(tell);
  } catch (const Error& error) {
    if (error.code() == ClientErrc::not_running) return error.code();
    throw;
  }
}

error_code BlockingTransaction::commit() { return end(TransactionState::commit); }
error_code BlockingTransaction::rollback() { return end(TransactionState::rollback); }

BlockingTransaction BlockingProducer::begin(Message message) {
  TransactionProducer& producer = impl_->transaction_producer();
  auto state = std::make_unique<BlockingTransaction::State>();
  state->producer = impl_;
  state->transaction =
      impl_->run_send<Transaction>([&] { return producer.begin(std::move(message)); });
  return BlockingTransaction(std::move(state));
}

TransactionResult BlockingProducer::send_in_transaction(Message message,
                                                        BlockingLocalTransaction local) {
  TransactionProducer& producer = impl_->transaction_producer();
  const auto turn = std::make_shared<LocalTurn>();
  auto begin = [&] {
    std::future<TransactionResult> result = impl_->begin_run<TransactionResult>(
        [&] { return send_with(producer, std::move(message), turn); });
    const Impl* outer = std::exchange(Impl::in_local_transaction, impl_.get());
    turn->run(local);  // throws nothing that `local` throws
    Impl::in_local_transaction = outer;
    return result.get();
  };
  return as_send_error(begin);
}

}  // namespace comet::inline v0_1

#pragma once
// A transaction producer and the checks that a broker asks of it.

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "comet/message/record.hpp"
#include "comet/producer/transaction_producer.hpp"
#include "comet/remoting/transaction_headers.hpp"
#include "producer_world.hpp"

namespace comet::inline v0_1::test {

class TransactionWorld : public ProducerWorld {
 public:
  TransactionWorld() { name_server.routes["orders"] = make_route({&broker_a}); }
  ~TransactionWorld() {
    if (transactions) run(transactions->shutdown());
    transactions.reset();
  }

  TransactionProducer& start(ProducerConfig with = config(), TransactionCheck check = {}) {
    if (!check) check = [this](const MessageExt& message) { return on_check(message); };
    transactions = std::make_unique<TransactionProducer>(executor(), std::move(with),
                                                         std::move(check), network, time);
    run(transactions->start());
    return *transactions;
  }
  TransactionResult send(LocalTransaction local, Message message = Message("orders", "the body")) {
    TransactionResult result =
        run(transactions->send_in_transaction(std::move(message), std::move(local)));
    pass(std::chrono::milliseconds(1));
    return result;
  }
  static LocalTransaction ending(TransactionState state) {
    return [state](const Message&) -> asio::awaitable<TransactionState> { co_return state; };
  }
  asio::awaitable<TransactionState> on_check(const MessageExt& message) {
    checked.push_back(message);
    ++checking;
    most_checking = std::max(most_checking, checking);
    Timer timer(executor(), time);
    co_await timer.wait_for(check_takes);
    --checking;
    if (check_throws) throw std::runtime_error("the database is away");
    co_return check_answer;
  }

  // END_TRANSACTION requests that the broker got.
  std::vector<FakeBroker::Received> ends() const {
    std::vector<FakeBroker::Received> found;
    for (const auto& other : broker_a.others) {
      if (other.command.request_code() == RequestCode::end_transaction) found.push_back(other);
    }
    return found;
  }

  // A check as the broker sends it.
  void ask(const std::string& id, const std::string& group = "order-service",
           const std::string& topic = "orders") {
    const std::string properties =
        "PGROUP\x01" + group + "\x02UNIQ_KEY\x01" + id + "\x02TRAN_MSG\x01true\x02";
    RecordView record;
    record.topic = topic;
    record.queue_id = 2;
    record.queue_offset = 77;
    record.body = "half";
    record.properties = properties;
    std::string body;
    encode_record(record, body);
    remoting::CheckTransactionStateHeader header;
    header.tran_state_table_offset = 77;
    header.commit_log_offset = 12345;
    header.msg_id = id;
    header.transaction_id = id;
    header.offset_msg_id = "0A00000200002A9F0000000000003039";
    send_to_client(RemotingCommand::request(RequestCode::check_transaction_state, header,
                                            Body(std::move(body))));
  }
  void send_to_client(RemotingCommand command) {
    command.mark_oneway();
    const auto connection = broker_a.last_connection.lock();
    BOOST_REQUIRE(connection != nullptr);
    connection->send(std::move(command));
    pass(std::chrono::milliseconds(1));
  }

  std::unique_ptr<TransactionProducer> transactions;
  std::vector<MessageExt> checked;
  TransactionState check_answer = TransactionState::commit;
  bool check_throws = false;
  Duration check_takes{};
  int checking = 0;
  int most_checking = 0;
};

}  // namespace comet::inline v0_1::test

#pragma once
// A name server, two brokers and a producer of them, all under the test's control.

#include <boost/asio/co_spawn.hpp>
#include <memory>
#include <set>
#include <string>

#include "comet/producer/producer.hpp"
#include "fake_cluster.hpp"

namespace comet::inline v0_1::test {

class ProducerWorld : public VirtualWorld {
 public:
  FakeNameServer name_server{*this};
  FakeBroker broker_a{*this, "broker-a", "host-a"};
  FakeBroker broker_b{*this, "broker-b", "host-b"};
  std::unique_ptr<Producer> producer;

  ProducerWorld() { name_server.routes["orders"] = make_route({&broker_a, &broker_b}); }
  ~ProducerWorld() {
    if (producer) run(producer->shutdown());
    producer.reset();
    broker_b.stop();
    broker_a.stop();
    name_server.stop();
  }

  static ProducerConfig config(std::string_view name_servers = "ns1:9876") {
    ProducerConfig result("order-service");
    result.name_servers(name_servers);
    result.client().random_seed = 7;
    return result;
  }

  Producer& start(ProducerConfig with = config()) {
    producer = std::make_unique<Producer>(executor(), std::move(with), network, time);
    run(producer->start());
    return *producer;
  }

  SendResult send(Message message = Message("orders", "the body")) {
    return run(producer->send(std::move(message)));
  }

  // The error of a send that must fail.
  template <class E = Error>
  E failing_send(Message message = Message("orders", "the body")) {
    try {
      SendResult result = send(std::move(message));
      throw std::logic_error("the send succeeded: " + result.to_string());
    } catch (const E& error) {
      return error;
    }
  }

  // Whatever queue is chosen first, this broker sees the first try.
  FakeBroker& first_choice() { return tries_of(broker_a) > 0 ? broker_a : broker_b; }
  static std::size_t tries_of(const FakeBroker& broker) { return broker.sends.size(); }
  // What both brokers do with every send.
  void both(const FakeBroker::Act& act) { broker_a.otherwise = broker_b.otherwise = act; }
  [[nodiscard]] std::size_t tries() const { return tries_of(broker_a) + tries_of(broker_b); }
};

[[nodiscard]] inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace comet::inline v0_1::test

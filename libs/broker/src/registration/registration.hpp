#pragma once
// Keeps this broker registered with its name servers (Apache: BrokerOuterAPI.registerBrokerAll).

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "comet/base/async.hpp"
#include "comet/broker/broker_stats.hpp"
#include "comet/broker/config.hpp"
#include "comet/remoting/client.hpp"
#include "comet/remoting/namesrv_headers.hpp"
#include "request/helper_thread.hpp"
#include "request/later_answers.hpp"
#include "tables/topic_table.hpp"

namespace comet::inline v0_1::broker {

// Each name server has a loop of its own: registers at once, every register_period, at topic
// changes, and when the connection was lost, since a name server forgets a broker whose connection
// closes. The list of name servers is the configuration's, or that of an address server, which is
// asked again and again. Belongs to one executor.
class Registration {
 public:
  // Large bodies are made on the helper thread.
  Registration(asio::any_io_executor executor, Network& network, TimeSource& time,
               const BrokerConfig& config, const TopicTable& topics, HelperThread& helper);

  // The broker is to be registered as `broker_address`.
  void start(std::string broker_address, std::string ha_address);
  void topics_changed();
  // What a name server answers a slave: where the master of its name takes requests, and its HA
  // port; nullopt: it knows none. On this executor, once for each registration. And whether to ask
  // more often than every register_period. Before start().
  using MasterSeen = std::function<void(const std::optional<Address>& address,
                                        const std::optional<Address>& ha_address)>;
  void look_for_master(MasterSeen seen, std::function<bool()> is_urgent) {
    master_seen_ = std::move(seen);
    is_urgent_ = std::move(is_urgent);
  }
  // Calls `done` on this executor when the name servers that this broker is registered with know
  // the topics that are announced now; after 2 s come what may. Thread-safe.
  void when_told(std::function<void()> done);
  // For a change of topics: what is to be called when it is saved, so that `done` follows when name
  // servers have been told, too (Apache's broker answers then; its proxy asks for the route at
  // once). Thread-safe.
  [[nodiscard]] Saved and_told(Saved done);
  // The answer of a name server that this broker is registered with; nullopt: none has answered, or
  // nothing has been started yet.
  // Thread-safe.
  [[nodiscard]] asio::awaitable<std::optional<remoting::RemotingCommand>> ask(
      remoting::RemotingCommand request);
  // Tells every name server that this broker is going; waits at most until the deadline.
  [[nodiscard]] asio::awaitable<void> stop(Instant deadline);
  [[nodiscard]] RegistrationStats stats() const;  // thread-safe

 private:
  // What one name server knows of this broker.
  class Known {
   public:
    bool registered = false;
    std::int64_t version = 0;  // counter of the topics' data version
    bool periodic = false;     // the next registration only says that nothing has changed
    std::string namesake;      // as look_for_namesake() has found it last
  };

  [[nodiscard]] asio::awaitable<void> wait_until_told(std::function<void()> done);
  [[nodiscard]] asio::awaitable<std::optional<remoting::RemotingCommand>> ask_here(
      remoting::RemotingCommand request);
  [[nodiscard]] bool is_behind(std::int64_t version) const;
  [[nodiscard]] asio::awaitable<void> follow_address_server();
  void use_name_servers(const std::vector<Address>& name_servers);
  [[nodiscard]] bool is_wanted(const Address& name_server, std::uint64_t generation) const;

  [[nodiscard]] asio::awaitable<void> keep_registered(Address name_server,
                                                      std::uint64_t generation);
  void note_told(const Address& name_server, const Known& known);
  // What it has come to with a name server, for stats() and the log.
  void note(const Address& name_server, const std::string& problem);
  // One attempt. Empty, or what went wrong.
  [[nodiscard]] asio::awaitable<std::string> try_to_register(Address name_server, Known& known);
  [[nodiscard]] asio::awaitable<void> register_once(Address name_server, Known& known);
  // Whether the name server says that it has other topics than these (QUERY_DATA_VERSION).
  void take_master(const Address& name_server, const remoting::RemotingCommand& answer);
  [[nodiscard]] Duration period() const;
  [[nodiscard]] remoting::BrokerIdentityHeader identity() const;
  [[nodiscard]] asio::awaitable<bool> has_other_topics(Address name_server);
  [[nodiscard]] asio::awaitable<void> wait_for_reason(Address name_server, std::uint64_t generation,
                                                      Instant since, std::uint64_t seen_change);
  // Between two registrations the name server has this broker's address under its name and id. If
  // it has another, another broker says that it is this one: an ERROR, once for each address.
  [[nodiscard]] asio::awaitable<void> look_for_namesake(Address name_server, Known& known);
  [[nodiscard]] asio::awaitable<void> unregister_from(Address name_server, Instant deadline);
  [[nodiscard]] asio::awaitable<std::vector<std::string>> make_bodies(
      routing::TopicConfigTable topics);
  [[nodiscard]] remoting::RemotingCommand make_request(std::string body) const;

  Network& network_;
  TimeSource& time_;
  const BrokerConfig& config_;
  const TopicTable& topics_;
  HelperThread& helper_;
  std::string broker_address_, ha_address_;
  MasterSeen master_seen_;
  std::function<bool()> is_urgent_;
  Address master_from_;  // who has told of the present master
  asio::any_io_executor executor_;
  remoting::Client client_;
  TaskGroup tasks_;
  Event changed_;  // topics, or the list of name servers
  std::uint64_t change_count_ = 0;
  // Who is to be told, each with a number: a loop that was begun for an older one ends.
  std::map<Address, std::uint64_t> wanted_;
  std::uint64_t generations_ = 0;
  // What those that this broker is registered with know: the counter of the topics' data version.
  std::map<Address, std::int64_t> told_;
  Event told_changed_;
  Address asked_last_;
  Instant next_complaint_{};  // about a question that was not answered
  bool is_stopping_ = false;

  class Outcome {
   public:
    bool registered = false;
    std::string problem;    // of the last attempt
    Instant since;          // it has been so
    bool reported = false;  // as an error
  };
  mutable std::mutex outcomes_mutex_;
  std::map<Address, Outcome> outcomes_;  // of those that are wanted
};

}  // namespace comet::inline v0_1::broker

#pragma once

#include <functional>
#include <optional>
#include <string>

#include "comet/base/address.hpp"
#include "comet/base/async.hpp"
#include "comet/base/time.hpp"
#include "comet/broker/replication_config.hpp"
#include "comet/remoting/client.hpp"
#include "replication/slave_tables.hpp"

namespace comet::inline v0_1::broker {

// A slave asks a Java master for its tables (Apache: SlaveSynchronize): 21 on the VIP port, 43, 45,
// 201, 402, in this order; an error in one does not stop the rest. Belongs to one executor.
class MasterPoll {
 public:
  MasterPoll(asio::any_io_executor executor, Network& network, TimeSource& time,
             const ReplicationConfig& config, SlaveTables& tables);

  // Where requests of clients go, as the name servers say. Nullopt: it is not known.
  void set_master(std::optional<Address> address) { master_ = std::move(address); }
  [[nodiscard]] const std::optional<Address>& master() const noexcept { return master_; }
  // First after first_poll, then every poll_period, while `is_wanted`; until it is cancelled.
  [[nodiscard]] asio::awaitable<void> run(std::function<bool()> is_wanted);
  // The end of the master's log (28, commitLogMaxOffset). Throws Error.
  [[nodiscard]] asio::awaitable<std::int64_t> master_end();
  // Somebody takes requests where the master did.
  [[nodiscard]] asio::awaitable<bool> answers();
  [[nodiscard]] asio::awaitable<void> stop() { return client_.stop(); }

  // When the tables were last as the master's; the epoch when they never were.
  [[nodiscard]] Instant last_success() const noexcept { return last_success_; }

 private:
  [[nodiscard]] asio::awaitable<void> poll();
  // The answer's body; nullopt: an error, which was logged if it is another than the last one.
  [[nodiscard]] asio::awaitable<std::optional<std::string>> ask(remoting::RequestCode code);
  [[nodiscard]] asio::awaitable<remoting::RemotingCommand> exchange(Address to,
                                                                    remoting::RequestCode code);
  void complain(remoting::RequestCode code, std::string problem);
  void note(remoting::RequestCode code, const error_code& error);

  TimeSource& time_;
  asio::any_io_executor executor_;
  const ReplicationConfig& config_;
  SlaveTables& tables_;
  remoting::Client client_;
  std::optional<Address> master_;
  std::map<remoting::RequestCode, std::string> complaints_;
  bool is_round_good_ = true;
  Instant last_success_{};
};

}  // namespace comet::inline v0_1::broker

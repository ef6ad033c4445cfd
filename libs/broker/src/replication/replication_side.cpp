#include "replication/replication_side.hpp"

#include "comet/base/log.hpp"

namespace comet::inline v0_1::broker {

// Without it this broker knows what it knew at its last handshake.
void ReplicationSide::read_confirmed() {
  const Result<std::optional<std::string>> note = confirmed_file_->read();
  if (!note) log::warn("{} cannot be read: {}", confirmed_file_->name(), note.error().message());
  if (note && *note) history.take_confirmed_note(**note);
  saved_confirmed_ = history.confirmed();
}

asio::awaitable<OrderOutcome> ReplicationSide::promote(BrokerRole /*role*/, bool /*force*/) {
  OrderOutcome outcome;
  outcome.text = "this broker is a master";
  co_return outcome;
}

asio::awaitable<OrderOutcome> ReplicationSide::resync(bool /*force*/) {
  OrderOutcome outcome;
  outcome.text = "this broker is a master: the log that it has is the one that slaves copy";
  co_return outcome;
}

void ReplicationSide::save_confirmed() {
  if (!history.is_shared() || history.confirmed() == saved_confirmed_) return;
  saved_confirmed_ = history.confirmed();
  files_.post([file = confirmed_file_, note = history.confirmed_note()] {
    const error_code error = file->write(note);
    if (error) log::warn("{} cannot be written: {}", file->name(), error.message());
  });
}

}  // namespace comet::inline v0_1::broker

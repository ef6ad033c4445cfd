#pragma once

#include <memory>
#include <string>

#include "comet/base/async.hpp"
#include "comet/producer/fault_table.hpp"
#include "comet/producer/producer.hpp"

namespace comet {

struct Producer::Impl {
  enum class State { created, running, stopping, stopped };

  Impl(std::shared_ptr<client::ClientInstance> client_in, ProducerConfig config_in)
      : client(std::move(client_in)),
        config(std::move(config_in)),
        time(client->time()),
        faults(config.latency_fault_tolerance()),
        progress(client->executor(), time) {}

  std::shared_ptr<client::ClientInstance> client;
  ProducerConfig config;
  TimeSource& time;
  FaultTable faults;

  State state = State::created;
  std::size_t sending = 0;     // sends in progress
  bool shutting_down = false;  // a shutdown() is in progress
  Event progress;              // one of the three has changed in a way that shutdown() waits for
};

// The send algorithm (send.cpp). The coroutine keeps the producer alive.
[[nodiscard]] asio::awaitable<SendResult> send_message(std::shared_ptr<Producer::Impl> producer,
                                                       Message message);

}  // namespace comet

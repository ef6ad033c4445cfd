// 5.x's detector: brokers that failed are asked for an offset now and then, so that they are used
// again as soon as they answer (Apache: LatencyFaultToleranceImpl.detectByOneRound).

#include <boost/asio/error.hpp>

#include "comet/base/log.hpp"
#include "comet/base/task_asio.hpp"
#include "comet/base/timer.hpp"
#include "comet/remoting/message_headers.hpp"
#include "producer_impl.hpp"

namespace comet::inline v0_1 {
namespace {

using namespace std::chrono_literals;

constexpr Duration kRound = 3s;

// Any queue of that broker.
std::optional<MessageQueue> queue_of(const Producer::Impl& producer, std::string_view broker) {
  for (const client::TopicRoutePtr& route : producer.client->cached_publish_routes()) {
    for (const MessageQueue& queue : route->publish.queues()) {
      if (queue.broker_name == broker) return queue;
    }
  }
  return std::nullopt;
}

asio::awaitable<bool> answers(Producer::Impl& producer, Address address, MessageQueue queue) {
  remoting::QueueHeader header;
  header.topic = queue.topic;
  header.queue_id = queue.queue_id;
  remoting::RemotingCommand command =
      remoting::RemotingCommand::request(remoting::RequestCode::get_max_offset, header);
  const Instant deadline = producer.time.now() + producer.config.detector_timeout();
  try {
    co_await to_asio(producer.executor(), producer.client->exchange(address, command, deadline));
  } catch (const boost::system::system_error& error) {
    if (error.code() == asio::error::operation_aborted) throw;
    co_return false;
  }
  co_return command.response_code() == remoting::ResponseCode::success;
}

}  // namespace

asio::awaitable<void> detect_faults(std::shared_ptr<Producer::Impl> producer) {
  Producer::Impl& p = *producer;
  Timer timer(p.client->executor(), p.time);
  for (;;) {
    co_await timer.wait_for(kRound);
    const std::vector<std::string> due =
        p.faults.due_for_check(p.time.now(), p.config.detector_interval());
    for (const std::string& broker : due) {
      const std::optional<Address> address = p.client->publish_address(broker);
      const std::optional<MessageQueue> queue = queue_of(p, broker);
      if (!address) p.faults.forget(broker);
      if (!address || !queue) continue;
      const bool was_reachable = p.faults.reachable(broker);
      const bool is_back = co_await answers(p, *address, *queue);
      p.faults.checked(broker, is_back);
      if (is_back && !was_reachable) log::info("broker {} answers again", broker);
    }
  }
}

}  // namespace comet::inline v0_1

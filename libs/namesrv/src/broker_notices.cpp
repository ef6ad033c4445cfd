#include "broker_notices.hpp"

#include <chrono>
#include <utility>

#include "comet/base/address.hpp"
#include "comet/base/log.hpp"
#include "comet/base/printable.hpp"
#include "comet/remoting/namesrv_headers.hpp"

namespace comet::inline v0_1::namesrv {
namespace {

constexpr Duration kPatience = std::chrono::milliseconds(300);

}  // namespace

BrokerNotices::BrokerNotices(asio::any_io_executor executor, Network& network, TimeSource& time)
    : time_(time), client_(executor, network, time), tasks_(executor, time) {}

void BrokerNotices::send(const MinBrokerIdChange& change) {
  remoting::NotifyMinBrokerIdHeader header;
  header.min_broker_id = change.min_broker_id;
  header.min_broker_addr = change.min_broker_addr;
  if (!change.offline_broker_addr.empty()) header.offline_broker_addr = change.offline_broker_addr;
  if (!change.ha_broker_addr.empty()) header.ha_broker_addr = change.ha_broker_addr;
  log::info("the lowest broker id is {} now, at {}: telling {} brokers", change.min_broker_id,
            printable(change.min_broker_addr), change.addresses.size());
  for (const std::string& address : change.addresses) {
    if (tasks_.size() >= kMaxUnderWay) return;
    auto notice = remoting::RemotingCommand::request(
        remoting::RequestCode::notify_min_broker_id_change, header);
    tasks_.spawn("notice to a broker", tell(address, std::move(notice)));
  }
}

asio::awaitable<void> BrokerNotices::tell(std::string address, remoting::RemotingCommand notice) {
  const Result<Address> to = Address::parse(address);
  if (!to) co_return;
  try {
    co_await client_.invoke_oneway(*to, std::move(notice), time_.now() + kPatience);
  } catch (const Error& problem) {
    log::debug("broker {} not told of its lowest id: {}", printable(address), problem.what());
  }
}

asio::awaitable<void> BrokerNotices::stop() {
  tasks_.cancel();
  co_await tasks_.join();
  co_await client_.stop();
}

}  // namespace comet::inline v0_1::namesrv

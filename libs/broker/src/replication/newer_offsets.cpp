#include "replication/newer_offsets.hpp"

#include <functional>
#include <string>
#include <utility>

#include "comet/base/log.hpp"
#include "comet/remoting/codes.hpp"
#include "replication/signed_client.hpp"
#include "request/on_helper.hpp"

namespace comet::inline v0_1::broker {

using namespace std::chrono_literals;
using remoting::RemotingCommand;
using remoting::RequestCode;

namespace {

// Java's consumers wait five seconds for an offset.
constexpr Duration kPatience = 3s;

std::vector<Address> addresses_of(const replication::History::Replicas& slaves) {
  std::vector<Address> addresses;
  for (const auto& [id, text] : slaves) {
    const Result<Address> address = Address::parse(text);
    if (id > 0 && address) addresses.push_back(*address);
  }
  return addresses;
}

}  // namespace

NewerOffsets::NewerOffsets(asio::any_io_executor executor, Network& network, TimeSource& time,
                           const ReplicationConfig& config, OffsetTable& offsets,
                           HelperThread& files, const replication::History::Replicas& slaves)
    : executor_(std::move(executor)),
      time_(time),
      offsets_(offsets),
      files_(files),
      client_(executor_, network, time, signed_client(config)),
      slaves_(addresses_of(slaves)),
      asking_(executor_, time),
      is_done_(slaves_.empty()),
      done_(executor_, time) {}

asio::awaitable<bool> NewerOffsets::wait() {
  while (!is_done_) (void)co_await done_.wait();
  co_return true;
}

asio::awaitable<void> NewerOffsets::run() {
  const Instant deadline = time_.now() + kPatience;
  for (const Address& slave : slaves_) {
    asking_.spawn("newer offsets of consumers", ask(slave, deadline));
  }
  co_await asking_.join();
  is_done_ = true;
  done_.notify_all();
}

asio::awaitable<void> NewerOffsets::ask(Address slave, Instant deadline) {
  std::string problem;
  try {
    RemotingCommand request = RemotingCommand::request(RequestCode::get_all_consumer_offset);
    const RemotingCommand answer = co_await client_.invoke(slave, std::move(request), deadline);
    error_code wrong;
    const std::function<void()> merge = [&] { wrong = offsets_.merge(answer.body.view()); };
    if (answer.response_code() == remoting::ResponseCode::success) {
      co_await on_helper(files_, merge);
      problem = wrong ? wrong.message() : std::string();
    } else {
      problem = answer.remark;
    }
    if (problem.empty())
      log::info("consumers' offsets are not below those of slave {}", slave.to_string());
  } catch (const Error& error) {
    problem = error.what();
  }
  if (problem.empty()) co_return;
  log::warn(
      "slave {} does not say how far consumers are ({}): those that went on there meanwhile may "
      "get messages again",
      slave.to_string(), problem);
}

asio::awaitable<void> NewerOffsets::stop() {
  asking_.cancel();
  co_await asking_.join();
  is_done_ = true;
  done_.notify_all();
  co_await client_.stop();
}

}  // namespace comet::inline v0_1::broker

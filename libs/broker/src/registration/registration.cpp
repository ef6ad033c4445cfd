#include "registration/registration.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "comet/base/log.hpp"
#include "comet/base/run_on.hpp"
#include "comet/base/timer.hpp"
#include "comet/message/record.hpp"
#include "comet/remoting/fetch_name_servers.hpp"
#include "comet/remoting/namesrv_headers.hpp"
#include "comet/routing/topic_route.hpp"
#include "registration/registration_bodies.hpp"
#include "request/on_helper.hpp"

namespace comet::inline v0_1::broker {

using namespace std::chrono_literals;
using remoting::RemotingCommand;

namespace {

constexpr Duration kRequestTimeout = 6s;  // Apache: registerBrokerTimeoutMills
constexpr Duration kUnregisterTimeout = 3s;
constexpr Duration kConnectionCheck = 1s;
constexpr Duration kFirstRetry = 500ms;  // doubles up to register_period
constexpr Duration kFetchTimeout = 3s;   // Apache: TopAddressing
constexpr Duration kFetchPeriod = 2min;  // Apache: fetchNameServerAddr
constexpr Duration kLongestFetchRetry = 30s;
constexpr Duration kAskTimeout = 1s;
constexpr Duration kTellWait = 2s;  // Apache's tools wait 5 s for an answer, others 3 s
constexpr Duration kBetweenComplaints = 10s;
constexpr Duration kMasterSearch = 5s;  // between registrations of a slave without a master
constexpr Duration kErrorAfter = 60s;   // without a registration
// Whose body is made where the requests are served; it takes a millisecond.
constexpr std::size_t kFewTopics = 1000;
// Apache's frameMaxLength, which is that of its name servers too, but for the header.
constexpr std::size_t kMaxBody = (16u << 20) - (64u << 10);

remoting::ClientConfig client_config(const BrokerConfig& config) {
  remoting::ClientConfig client;
  if (config.signer) client.hooks.push_back(config.signer);
  return client;
}

// Throws what the name server says when it is no success.
void check_answer(const Address& name_server, const RemotingCommand& answer) {
  if (answer.response_code() == remoting::ResponseCode::success) return;
  throw Error(make_error_code(answer.response_code()),
              fmt::format("name server {} refused: {}", name_server.to_string(), answer.remark));
}

}  // namespace

Registration::Registration(asio::any_io_executor executor, Network& network, TimeSource& time,
                           const BrokerConfig& config, const TopicTable& topics,
                           HelperThread& helper)
    : network_(network),
      time_(time),
      config_(config),
      topics_(topics),
      helper_(helper),
      executor_(executor),
      client_(executor, network, time, client_config(config)),
      tasks_(executor, time),
      changed_(executor, time),
      told_changed_(executor, time) {}

void Registration::start(std::string broker_address, std::string ha_address) {
  broker_address_ = std::move(broker_address);
  ha_address_ = std::move(ha_address);
  use_name_servers(config_.name_servers);
  if (config_.name_servers.empty() && !config_.address_server.empty()) {
    tasks_.spawn("list of name servers", follow_address_server());
  }
}

void Registration::topics_changed() {
  ++change_count_;
  changed_.notify_all();
}

void Registration::when_told(std::function<void()> done) {
  asio::post(executor_, [this, done = std::move(done)]() mutable {
    if (is_stopping_) return done();
    tasks_.spawn("answer when name servers know", wait_until_told(std::move(done)));
  });
}

Saved Registration::and_told(Saved done) {
  return [this, done = std::move(done)](bool saved) {
    if (saved) {
      when_told([done] { done(true); });
    } else {
      done(false);
    }
  };
}

asio::awaitable<void> Registration::wait_until_told(std::function<void()> done) {
  const std::int64_t version = topics_.announced_version().counter;
  const Instant until = time_.now() + kTellWait;
  while (is_behind(version) && time_.now() < until) co_await told_changed_.wait(until);
  done();
}

asio::awaitable<std::optional<RemotingCommand>> Registration::ask(RemotingCommand request) {
  asio::awaitable<std::optional<RemotingCommand>> question = ask_here(std::move(request));
  co_return co_await run_on(executor_, std::move(question));
}

asio::awaitable<std::optional<RemotingCommand>> Registration::ask_here(RemotingCommand request) {
  if (told_.empty()) co_return std::nullopt;
  // By turns: one that does not answer holds up no more than its share.
  const auto next = told_.upper_bound(asked_last_);
  const Address name_server = next == told_.end() ? told_.begin()->first : next->first;
  asked_last_ = name_server;
  try {
    co_return co_await client_.invoke(name_server, std::move(request), time_.now() + kAskTimeout);
  } catch (const Error& error) {
    if (const Instant now = time_.now(); now >= next_complaint_) {
      log::warn("name server {} has not answered a question: {}", name_server.to_string(),
                error.what());
      next_complaint_ = now + kBetweenComplaints;
    }
    co_return std::nullopt;
  }
}

bool Registration::is_behind(std::int64_t version) const {
  return std::any_of(told_.begin(), told_.end(),
                     [version](const auto& entry) { return entry.second < version; });
}

asio::awaitable<void> Registration::follow_address_server() {
  bool complained = false;
  Duration retry = kFirstRetry;
  Timer timer(executor_, time_);
  for (;;) {
    Duration pause = kFetchPeriod;
    try {
      const auto list = co_await remoting::fetch_name_servers(config_.address_server, network_,
                                                              time_, time_.now() + kFetchTimeout);
      use_name_servers(list);
      complained = false;
      retry = kFirstRetry;
    } catch (const Error& error) {
      if (!complained) log::warn("{}; the list of name servers stays as it is", error.what());
      complained = true;
      pause = retry;
      retry = std::min(2 * retry, kLongestFetchRetry);
    }
    co_await timer.wait_for(pause);
  }
}

void Registration::use_name_servers(const std::vector<Address>& name_servers) {
  std::map<Address, std::uint64_t> wanted;
  std::vector<Address> added;
  for (const Address& name_server : name_servers) {
    auto known = wanted_.find(name_server);
    const bool is_new = known == wanted_.end();
    const std::uint64_t generation = is_new ? ++generations_ : known->second;
    if (wanted.emplace(name_server, generation).second && is_new) added.push_back(name_server);
  }
  wanted_ = std::move(wanted);
  {
    const std::lock_guard lock(outcomes_mutex_);
    std::erase_if(outcomes_, [this](const auto& entry) { return !wanted_.contains(entry.first); });
    for (const Address& name_server : added) outcomes_[name_server].since = time_.now();
  }
  for (const Address& name_server : added) {
    tasks_.spawn(fmt::format("registration with {}", name_server.to_string()),
                 keep_registered(name_server, wanted_.at(name_server)));
  }
  changed_.notify_all();
}

bool Registration::is_wanted(const Address& name_server, std::uint64_t generation) const {
  auto found = wanted_.find(name_server);
  return found != wanted_.end() && found->second == generation;
}

asio::awaitable<void> Registration::keep_registered(Address name_server, std::uint64_t generation) {
  Known known;
  bool complained = false;
  Duration retry = kFirstRetry;
  Timer timer(executor_, time_);
  while (is_wanted(name_server, generation)) {
    const std::uint64_t seen_change = change_count_;
    const std::string problem = co_await try_to_register(name_server, known);
    note_told(name_server, known);
    note(name_server, problem);
    if (!problem.empty()) {
      if (!complained) {
        log::warn("not registered with name server {}: {}; trying again", name_server.to_string(),
                  problem);
      }
      complained = true;
      co_await timer.wait_for(retry);
      retry = std::min(2 * retry, config_.register_period);
      continue;
    }
    complained = false;
    retry = kFirstRetry;
    co_await wait_for_reason(name_server, generation, time_.now(), seen_change);
    known.periodic = change_count_ == seen_change;
    if (client_.find(name_server) == nullptr) {
      known.registered = false;
      note_told(name_server, known);
      note(name_server, "the connection was lost");
      log::warn("connection to name server {} lost", name_server.to_string());
    } else if (known.periodic) {
      co_await look_for_namesake(name_server, known);
    }
  }
  known.registered = false;
  note_told(name_server, known);
  log::info("name server {} is not on the list any more", name_server.to_string());
  co_await unregister_from(name_server, time_.now() + kUnregisterTimeout);
  client_.close(name_server);
}

void Registration::note_told(const Address& name_server, const Known& known) {
  if (known.registered) {
    told_[name_server] = known.version;
  } else {
    told_.erase(name_server);
  }
  told_changed_.notify_all();
}

void Registration::note(const Address& name_server, const std::string& problem) {
  const std::lock_guard lock(outcomes_mutex_);
  const auto found = outcomes_.find(name_server);
  if (found == outcomes_.end()) return;  // it is not wanted any more
  Outcome& outcome = found->second;
  const bool registered = problem.empty();
  if (registered != outcome.registered) outcome.since = time_.now();
  outcome.registered = registered;
  outcome.problem = problem;
  if (registered) {
    if (std::exchange(outcome.reported, false)) {
      log::info("registered again with name server {}", name_server.to_string());
    }
  } else if (!outcome.reported && time_.now() - outcome.since >= kErrorAfter) {
    outcome.reported = true;
    log::error(
        "not registered with name server {} for {} s: {}; its clients do not find this broker",
        name_server.to_string(), to_millis(time_.now() - outcome.since) / 1000, problem);
  }
}

RegistrationStats Registration::stats() const {
  const std::lock_guard lock(outcomes_mutex_);
  RegistrationStats stats;
  stats.name_servers = outcomes_.size();
  for (const auto& [name_server, outcome] : outcomes_) {
    if (outcome.registered) {
      ++stats.registered;
    } else if (!outcome.problem.empty()) {
      stats.problem = fmt::format("not registered with name server {}: {}", name_server.to_string(),
                                  outcome.problem);
    }
  }
  return stats;
}

asio::awaitable<std::string> Registration::try_to_register(Address name_server, Known& known) {
  const bool is_first = !known.registered;
  try {
    co_await register_once(name_server, known);
  } catch (const Error& error) {
    known.registered = false;
    co_return error.what();
  }
  if (is_first) {
    log::info("registered with name server {} as {}", name_server.to_string(), broker_address_);
  }
  co_return std::string();
}

// All topics, or those that the name server does not know yet, or nothing but a sign of life.
asio::awaitable<void> Registration::register_once(Address name_server, Known& known) {
  if (known.registered && known.periodic && !config_.force_register && !master_seen_) {
    const bool changed = co_await has_other_topics(name_server);
    if (!changed) co_return;
  }
  std::optional<routing::TopicConfigTable> topics;
  if (known.registered && !known.periodic) {
    topics = topics_.changed_since(known.version);
    if (topics && topics->topics.empty()) {  // the last registration had it already
      known.version = topics->data_version.counter;
      co_return;
    }
  }
  if (!topics) topics = topics_.announced();
  const std::int64_t version = topics->data_version.counter;
  std::vector<std::string> bodies = co_await make_bodies(std::move(*topics));
  for (std::string& body : bodies) {
    RemotingCommand request = make_request(std::move(body));
    const RemotingCommand answer =
        co_await client_.invoke(name_server, std::move(request), time_.now() + kRequestTimeout);
    check_answer(name_server, answer);
    take_master(name_server, answer);
  }
  known.registered = true;
  known.version = version;
}

// The first name server that knows a master counts, as long as it does.
void Registration::take_master(const Address& name_server, const RemotingCommand& answer) {
  if (!master_seen_) return;
  const auto said = remoting::read_header<remoting::RegisterBrokerResponseHeader>(answer.fields);
  const auto address_of = [](const std::optional<std::string>& text) -> std::optional<Address> {
    if (!text || text->empty()) return std::nullopt;
    const Result<Address> address = Address::parse(*text);
    if (address) return *address;
    log::warn("a name server says that the master is at '{}', which is no address", *text);
    return std::nullopt;
  };
  const auto address = said ? address_of(said->master_addr) : std::nullopt;
  const auto ha_address = said ? address_of(said->ha_server_addr) : std::nullopt;
  if (!address && !ha_address && master_from_ != name_server) return;
  master_from_ = name_server;
  master_seen_(address, ha_address);
}

Duration Registration::period() const {
  const bool is_urgent = is_urgent_ && is_urgent_();
  return is_urgent ? std::min(config_.register_period, kMasterSearch) : config_.register_period;
}

remoting::BrokerIdentityHeader Registration::identity() const {
  remoting::BrokerIdentityHeader header;
  header.broker_name = config_.broker_name;
  header.broker_addr = broker_address_;
  header.cluster_name = config_.cluster_name;
  header.broker_id = config_.broker_id;
  return header;
}

asio::awaitable<bool> Registration::has_other_topics(Address name_server) {
  const remoting::BrokerIdentityHeader header = identity();
  RemotingCommand request =
      RemotingCommand::request(remoting::RequestCode::query_data_version, header,
                               Body(routing::to_json(topics_.announced_version())));
  const RemotingCommand answer =
      co_await client_.invoke(name_server, std::move(request), time_.now() + kRequestTimeout);
  check_answer(name_server, answer);
  const auto said = remoting::read_header<remoting::QueryDataVersionResponseHeader>(answer.fields);
  co_return !said || said->changed;
}

asio::awaitable<void> Registration::look_for_namesake(Address name_server, Known& known) {
  remoting::GetRouteInfoHeader header;
  header.topic = config_.broker_name;  // every broker has the topic of its name
  header.accept_standard_json_only = true;
  std::string found;
  try {
    RemotingCommand request =
        RemotingCommand::request(remoting::RequestCode::get_routeinfo_by_topic, header);
    const RemotingCommand answer =
        co_await client_.invoke(name_server, std::move(request), time_.now() + kAskTimeout);
    const auto route = routing::parse_topic_route(answer.body.view());
    if (answer.response_code() != remoting::ResponseCode::success || !route) co_return;
    for (const routing::BrokerData& broker : route->brokers) {
      const auto address = broker.broker_addrs.find(config_.broker_id);
      if (broker.broker_name != config_.broker_name || broker.cluster != config_.cluster_name ||
          address == broker.broker_addrs.end()) {
        continue;
      }
      if (address->second != broker_address_) found = address->second;
    }
  } catch (const Error&) {
    co_return;  // the registration that follows says what is wrong
  }
  if (!found.empty() && found != known.namesake) {
    log::error(
        "name server {} has broker {} id {} at {}, too, while this one is at {}: two brokers have "
        "one name and id, and clients lose one of them by turns; stop one, or give it another "
        "brokerName",
        name_server.to_string(), config_.broker_name, config_.broker_id, found, broker_address_);
  }
  known.namesake = found;
}

// Returns when there is a reason to register again, or no reason to stay.
asio::awaitable<void> Registration::wait_for_reason(Address name_server, std::uint64_t generation,
                                                    Instant since, std::uint64_t seen_change) {
  // The period anew each time: a slave may lose its master meanwhile.
  while (time_.now() < since + period() && change_count_ == seen_change &&
         client_.find(name_server) != nullptr && is_wanted(name_server, generation)) {
    co_await changed_.wait(std::min(since + period(), time_.now() + kConnectionCheck));
  }
}

asio::awaitable<std::vector<std::string>> Registration::make_bodies(
    routing::TopicConfigTable topics) {
  if (topics.topics.size() <= kFewTopics) {
    co_return registration_bodies(config_, std::move(topics), kMaxBody);
  }
  std::vector<std::string> bodies;
  const std::function<void()> work = [&] {
    bodies = registration_bodies(config_, std::move(topics), kMaxBody);
  };
  co_await on_helper(helper_, work);
  co_return bodies;
}

RemotingCommand Registration::make_request(std::string body) const {
  remoting::RegisterBrokerHeader header;
  header.broker_name = config_.broker_name;
  header.broker_addr = broker_address_;
  header.cluster_name = config_.cluster_name;
  header.ha_server_addr = ha_address_;
  header.broker_id = config_.broker_id;
  header.compressed = config_.compressed_register;
  header.body_crc32 = body_crc(body);
  return RemotingCommand::request(remoting::RequestCode::register_broker, header,
                                  Body(std::move(body)));
}

asio::awaitable<void> Registration::unregister_from(Address name_server, Instant deadline) {
  if (client_.find(name_server) == nullptr) co_return;
  const remoting::BrokerIdentityHeader header = identity();
  RemotingCommand request =
      RemotingCommand::request(remoting::RequestCode::unregister_broker, header);
  co_await client_.invoke(name_server, std::move(request), deadline);
}

asio::awaitable<void> Registration::stop(Instant deadline) {
  is_stopping_ = true;
  told_.clear();
  told_changed_.notify_all();
  co_await asio::post(executor_, asio::use_awaitable);  // those that wait answer first
  tasks_.cancel();
  co_await tasks_.join();
  deadline = std::min(deadline, time_.now() + kUnregisterTimeout);
  for (const auto& [name_server, generation] : wanted_) {
    tasks_.spawn(fmt::format("unregistration from {}", name_server.to_string()),
                 unregister_from(name_server, deadline));
  }
  co_await tasks_.join();
  co_await client_.stop();
}

}  // namespace comet::inline v0_1::broker

#pragma once
// A name server and brokers that answer administrators as a test tells them, byte for byte as
// Apache's do.

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "comet/admin/admin.hpp"
#include "comet/message/record.hpp"
#include "fake_cluster.hpp"

namespace comet::inline v0_1::test {

class ScriptedServer : public FakeServer {
 public:
  using Texts = std::map<std::string, std::string>;

  ScriptedServer(VirtualWorld& world, std::string host, std::uint16_t port)
      : FakeServer(world, Address(std::move(host), port)) {
    auto on_request = [this](Request& request) { return reply_to(request); };
#define COMET_X(name, number) handlers_->on(RequestCode::name, on_request);
    COMET_REQUEST_CODES(COMET_X)
#undef COMET_X
    start();
  }

  // From now on, requests of this code get this answer; before, REQUEST_CODE_NOT_SUPPORTED.
  void answer(RequestCode code, std::string body = {}, Texts fields = {}) {
    Script& script = scripts_[code];
    script = Script();
    script.body = std::move(body);
    script.fields = std::move(fields);
  }
  void refuse(RequestCode code, ResponseCode with, std::string remark, Texts fields = {}) {
    Script& script = scripts_[code];
    script = Script();
    script.response = with;
    script.remark = std::move(remark);
    script.fields = std::move(fields);
  }
  void keep_silent(RequestCode code) { scripts_[code].silent = true; }

  class Received {
   public:
    RequestCode code{};
    remoting::Language language{};
    Texts fields;
    std::string body;
  };
  std::vector<Received> received;

  [[nodiscard]] std::vector<Received> received_of(RequestCode code) const {
    std::vector<Received> some;
    for (const Received& one : received) {
      if (one.code == code) some.push_back(one);
    }
    return some;
  }
  // The fields of the only request of that code.
  [[nodiscard]] Texts only(RequestCode code) const {
    const std::vector<Received> all = received_of(code);
    BOOST_REQUIRE_EQUAL(all.size(), 1u);
    return all.front().fields;
  }

 private:
  class Script {
   public:
    ResponseCode response = ResponseCode::success;
    std::string remark, body;
    Texts fields;
    bool silent = false;
  };

  Reply reply_to(Request& request) {
    Received one;
    one.code = request.command.request_code();
    one.language = request.command.language;
    for (std::size_t i = 0; i < request.command.fields.size(); ++i)
      one.fields.emplace(request.command.fields[i]);
    one.body = request.command.body.to_string();
    received.push_back(std::move(one));
    const auto found = scripts_.find(request.command.request_code());
    if (found == scripts_.end()) {
      return RemotingCommand::response(request.command, ResponseCode::request_code_not_supported,
                                       "not in the test's script");
    }
    const Script& script = found->second;
    if (script.silent) return std::nullopt;
    RemotingCommand response =
        RemotingCommand::response(request.command, script.response, script.remark);
    for (const auto& [name, value] : script.fields) response.fields.add(name, value);
    response.body = Body(script.body);
    return response;
  }

  std::map<RequestCode, Script> scripts_;
};

// Java's GET_ROUTEINFO_BY_TOPIC of 4.9.3 and before: integer keys without quotes.
inline std::string route_of(const std::vector<std::pair<std::string, std::string>>& brokers,
                            int queues = 4) {
  std::string datas, queue_datas;
  for (const auto& [name, address] : brokers) {
    if (!datas.empty()) datas += ',', queue_datas += ',';
    datas += R"({"brokerAddrs":{0:")" + address + R"("},"brokerName":")" + name +
             R"(","cluster":"DefaultCluster"})";
    queue_datas += R"({"brokerName":")" + name + R"(","perm":6,"readQueueNums":)" +
                   std::to_string(queues) + R"(,"topicSysFlag":0,"writeQueueNums":)" +
                   std::to_string(queues) + "}";
  }
  return R"({"brokerDatas":[)" + datas + R"(],"filterServerTable":{},"queueDatas":[)" +
         queue_datas + "]}";
}

// Two name servers and two brokers; every topic lives on both brokers.
class AdminWorld : public VirtualWorld {
 public:
  AdminWorld() {
    for (ScriptedServer* server : {&ns1, &ns2}) {
      server->answer(RequestCode::get_routeinfo_by_topic,
                     route_of({{"broker-a", "10.0.0.1:10911"}, {"broker-b", "10.0.0.2:10911"}}));
      server->answer(
          RequestCode::get_broker_cluster_info,
          R"({"brokerAddrTable":{"broker-a":{"brokerAddrs":{0:"10.0.0.1:10911",1:"10.0.0.9:10911"},)"
          R"("brokerName":"broker-a","cluster":"DefaultCluster"},"broker-b":{"brokerAddrs":)"
          R"({0:"10.0.0.2:10911"},"brokerName":"broker-b","cluster":"DefaultCluster"}},)"
          R"("clusterAddrTable":{"DefaultCluster":["broker-b","broker-a"]}})");
    }
  }
  ~AdminWorld() {
    run(admin.stop());
    for (ScriptedServer* server : {&ns1, &ns2, &a, &b}) server->stop();
  }

  static admin::AdminConfig config() {
    admin::AdminConfig config;
    config.name_servers("ns1:9876;ns2:9876");
    return config;
  }
  // Both brokers, and what both answer.
  void both_answer(RequestCode code, const std::string& body,
                   const ScriptedServer::Texts& fields = {}) {
    a.answer(code, body, fields);
    b.answer(code, body, fields);
  }
  void both_refuse(RequestCode code, ResponseCode with, const std::string& remark) {
    a.refuse(code, with, remark);
    b.refuse(code, with, remark);
  }
  // A request that was sent to the name server in use, whichever it is.
  [[nodiscard]] std::vector<ScriptedServer::Received> asked_name_servers(RequestCode code) const {
    std::vector<ScriptedServer::Received> all = ns1.received_of(code);
    for (auto& one : ns2.received_of(code)) all.push_back(std::move(one));
    return all;
  }
  // What the operation throws.
  template <class T>
  admin::Refused refusal(asio::awaitable<T> operation) {
    try {
      run(std::move(operation));
    } catch (const admin::Refused& refused) {
      return refused;
    }
    throw std::logic_error("it was not refused");
  }
  template <class T>
  Error failure(asio::awaitable<T> operation) {
    try {
      run(std::move(operation));
    } catch (const Error& error) {
      return error;
    }
    throw std::logic_error("it did not fail");
  }

  const Address at_a{"10.0.0.1", 10911};
  const Address at_b{"10.0.0.2", 10911};
  ScriptedServer ns1{*this, "ns1", 9876};
  ScriptedServer ns2{*this, "ns2", 9876};
  ScriptedServer a{*this, "10.0.0.1", 10911};
  ScriptedServer b{*this, "10.0.0.2", 10911};
  admin::Admin admin{executor(), config(), network, time};
};

}  // namespace comet::inline v0_1::test

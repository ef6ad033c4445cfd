// What clients of other vendors said to an Apache broker of 4.9.8 is said to ours, frame by frame
// and with the same pauses; codes, remarks and fields of the answers must be the same.
// tests/data/captures: decoded frames of ali-ons (Node.js), rocketmq-client-go and
// rocketmq-client-cpp, one JSON object each; without the bodies of messages.

#include <boost/asio/co_spawn.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fstream>

#include "broker_fixture.hpp"
#include "comet/message/batch.hpp"
#include "raw_connection.hpp"
#include "test_data.hpp"

using namespace comet;
using namespace comet::test;
using namespace std::chrono_literals;

namespace {

using boost::json::object;

std::string text_of(const boost::json::value& value) {
  return value.is_string() ? std::string(value.get_string()) : boost::json::serialize(value);
}

// Of a frame's extFields; empty when it is not there.
std::string field_of(const object& frame, std::string_view name) {
  const auto* fields = frame.if_contains("extFields");
  if (fields == nullptr || !fields->is_object()) return {};
  const auto* value = fields->get_object().if_contains(name);
  return value == nullptr ? std::string() : text_of(*value);
}

std::string topic_of(const object& request) {
  const std::string topic = field_of(request, "topic");
  return topic.empty() ? field_of(request, "b") : topic;
}

class Replay : public BrokerFixture {
 public:
  Replay() {
    config.broker_name = "broker-c";
    config.store.commit_log_file_size = 16 << 20;
  }
  ~Replay() {
    for (auto& [number, connection] : connections_) connection->close();
    world.settle();
  }

  void replay(const std::string& file, int answers = 100) {
    load(file);
    start();
    prepare();
    for (const object& frame : frames_) {
      if (frame.at("dir") == ">") say(frame);
    }
    world.pass(40s);
    for (const object& frame : frames_) {
      if (frame.at("dir") == "<") compare(frame);
    }
    BOOST_TEST(compared >= answers);
  }
  int compared = 0;

 private:
  using Place = std::pair<std::string, std::int64_t>;  // connection and opaque, or topic and queue

  void load(const std::string& file) {
    std::ifstream lines(comet::test::test_data() + "/captures/" + file);
    std::string line;
    while (std::getline(lines, line)) {
      object frame = boost::json::parse(line).get_object();
      const auto* server = frame.if_contains("srv");
      if (server == nullptr || *server != "ns") frames_.push_back(std::move(frame));
    }
    BOOST_REQUIRE(!frames_.empty());
    for (const object& frame : frames_) {
      if (frame.at("dir") == ">") requests_[place_of(frame)] = frame;
      if (frame.at("dir") == "<") batch_ids_[place_of(frame)] = field_of(frame, "msgId");
    }
  }

  static Place place_of(const object& frame) {
    return {std::to_string(number_of(frame, "conn")), number_of(frame, "opaque")};
  }
  const object* request_of(const object& answer) const {
    auto found = requests_.find(place_of(answer));
    return found == requests_.end() ? nullptr : &found->second;
  }

  // As many messages in each queue as there were at Apache's broker.
  void prepare() {
    std::map<Place, std::int64_t> by_send, by_pull;
    std::set<std::string> topics;
    std::optional<std::int64_t> halves;
    for (const object& frame : frames_) {
      const object* request = frame.at("dir") == "<" ? request_of(frame) : nullptr;
      if (request == nullptr) continue;
      const std::string topic = topic_of(*request);
      if (topic.empty() || topic.starts_with('%') || topic.find("auto") != std::string::npos) {
        continue;
      }
      topics.insert(topic);
      const std::string offset = field_of(frame, "queueOffset");
      if (is_half_send(*request)) {
        if (!halves) halves = std::stoll(offset);
      } else if (!offset.empty()) {
        const Place queue(topic, std::stoll(field_of(frame, "queueId")));
        auto [entry, is_new] = by_send.try_emplace(queue, std::stoll(offset));
        if (!is_new) entry->second = std::min<std::int64_t>(entry->second, std::stoll(offset));
      } else if (const std::string most = field_of(frame, "maxOffset"); !most.empty()) {
        by_pull.try_emplace({topic, std::stoll(field_of(*request, "queueId"))}, std::stoll(most));
      }
    }
    by_send.merge(by_pull);
    for (const std::string& topic : topics) {
      RemotingCommand request = RemotingCommand::request(RequestCode::update_and_create_topic);
      for (const auto& [name, value] :
           {std::pair("topic", topic.c_str()), std::pair("defaultTopic", "TBW102"),
            std::pair("readQueueNums", "4"), std::pair("writeQueueNums", "4"),
            std::pair("perm", "6"), std::pair("topicFilterType", "SINGLE_TAG")}) {
        request.fields.add(name, value);
      }
      ask(std::move(request));
    }
    for (std::int64_t i = 0; i < halves.value_or(0); ++i) roll_back_one();
    const std::string id = text(ask(send_request("given-back", "by consumers")), "msgId");
    given_back_ = std::to_string(std::stoll(id.substr(16), nullptr, 16));
    for (const auto& [queue, count] : by_send) {
      for (std::int64_t i = 0; i < count; ++i) {
        const RemotingCommand answer =
            ask(send_request(queue.first, "before", static_cast<std::int32_t>(queue.second)));
        BOOST_REQUIRE((answer.response_code() == ResponseCode::success));
      }
    }
  }

  void say(const object& frame) {
    const std::int64_t at = number_of(frame, "t");
    if (last_ != 0 && at > last_) world.pass(std::chrono::milliseconds(at - last_));
    last_ = at;
    auto& connection = connections_[number_of(frame, "conn")];
    if (!connection) {
      auto connecting = world.network.connect(config.listen_at, world.time.now() + 1s);
      connection = std::make_unique<RawConnection>(world.run(std::move(connecting)));
      auto ignore = [](std::exception_ptr) {};
      asio::co_spawn(world.context, connection->read_all(), ignore);
    }
    object header;
    for (const auto& [name, value] : frame) {
      const std::string_view key = name;
      if (key == "t" || key == "conn" || key == "dir" || key == "ser" || key == "body" ||
          key == "bodyLen" || key == "srv" || key == "respTo") {
        continue;
      }
      header[name] = value;
    }
    // Places in the commit log are other ones here.
    if (number_of(frame, "code") == 36) {
      header.at("extFields").at("offset") = given_back_;
    }
    if (number_of(frame, "code") == 37) translate_place(header.at("extFields").get_object());
    BOOST_TEST(
        world.run(connection->send(frame_bytes(boost::json::serialize(header), body_of(frame)))));
    world.settle();
  }

  static bool is_half_send(const object& request) { return field_of(request, "f") == "4"; }

  // There was one before.
  void roll_back_one() {
    const RemotingCommand answer = ask(send_request("before", "half", 0,
                                                    "TRAN_MSG\x01true\x02PGROUP\x01"
                                                    "PG"));
    RemotingCommand request = RemotingCommand::request(RequestCode::end_transaction);
    for (const auto& [name, value] :
         {std::pair("producerGroup", std::string("PG")),
          std::pair("tranStateTableOffset", text(answer, "queueOffset")),
          std::pair("commitLogOffset", std::to_string(offset_in(text(answer, "msgId")))),
          std::pair("commitOrRollback", std::string("12")), std::pair("msgId", std::string())}) {
      request.fields.add(name, value);
    }
    BOOST_REQUIRE((ask(std::move(request)).response_code() == ResponseCode::success));
  }
  static std::int64_t offset_in(const std::string& msg_id) {
    return std::stoll(msg_id.substr(16), nullptr, 16);
  }

  // The place of a half message at Apache's broker becomes that of ours: it was told by the answer
  // to the send, or by a check.
  void translate_place(object& fields) {
    const std::int64_t theirs = std::stoll(text_of(fields.at("commitLogOffset")));
    for (const object& frame : frames_) {
      if (frame.at("dir") != "<") continue;
      RawConnection& connection = *connections_.at(number_of(frame, "conn"));
      const std::string id = field_of(frame, "msgId");
      const object* ours = nullptr;
      if (number_of(frame, "code") == 39 &&
          field_of(frame, "commitLogOffset") == std::to_string(theirs)) {
        ours = &check_of(connection, id)->header;
        fields.at("commitLogOffset") = field_of(*ours, "commitLogOffset");
        fields.at("tranStateTableOffset") = field_of(*ours, "tranStateTableOffset");
      } else if (id.size() == 32 && request_of(frame) != nullptr && offset_in(id) == theirs) {
        ours = &connection.answers.at(number_of(frame, "opaque")).header;
        fields.at("commitLogOffset") = std::to_string(offset_in(field_of(*ours, "msgId")));
        fields.at("tranStateTableOffset") = field_of(*ours, "queueOffset");
      }
      if (ours != nullptr) return;
    }
    BOOST_FAIL("a transaction without a half message");
  }
  static const RawConnection::Frame* check_of(const RawConnection& connection,
                                              const std::string& unique_id) {
    const RawConnection::Frame* found = nullptr;
    for (const RawConnection::Frame& frame : connection.requests) {
      if (number_of(frame.header, "code") != 39 || field_of(frame.header, "msgId") != unique_id)
        continue;
      BOOST_TEST(found == nullptr);  // asked once
      found = &frame;
    }
    BOOST_REQUIRE(found != nullptr);
    return found;
  }

  // The captured one, or any of that length: a batch of as many messages as there were.
  std::string body_of(const object& frame) const {
    if (const auto* body = frame.if_contains("body")) return std::string(body->get_string());
    const auto size = static_cast<std::size_t>(number_of(frame, "bodyLen"));
    if (number_of(frame, "code") != 320 && field_of(frame, "m") != "true") {
      return std::string(size, 'x');
    }
    const std::string ids = batch_ids_.at(place_of(frame));
    std::string batch, empty;
    encode_batch_item(Message("T", ""), empty);
    for (auto left = std::count(ids.begin(), ids.end(), ','); left > 0; --left) batch += empty;
    const std::size_t rest = size - batch.size() - empty.size();
    encode_batch_item(Message("T", std::string(rest, 'x')), batch);
    return batch;
  }

  void compare(const object& expected) {
    const object* request = request_of(expected);
    const std::int64_t code = request == nullptr ? 0 : number_of(*request, "code");
    const std::string what = std::to_string(code) + " " +
                             (request == nullptr ? "" : topic_of(*request)) + " on connection " +
                             std::to_string(number_of(expected, "conn")) + ", opaque " +
                             std::to_string(number_of(expected, "opaque"));
    RawConnection& connection = *connections_.at(number_of(expected, "conn"));
    if (number_of(expected, "code") == 39) {
      const RawConnection::Frame& check = *check_of(connection, field_of(expected, "msgId"));
      BOOST_TEST(number_of(check.header, "flag") == 2);
      for (const char* same : {"tranStateTableOffset", "transactionId"})
        BOOST_TEST(field_of(check.header, same) == field_of(expected, same));
      BOOST_TEST(offset_in(field_of(check.header, "offsetMsgId")) ==
                 std::stoll(field_of(check.header, "commitLogOffset")));
      const auto messages = decode_records(check.body);
      BOOST_REQUIRE(messages.size() == 1u);
      BOOST_TEST(messages[0].unique_id() == field_of(expected, "msgId"));
      ++compared;
      return;
    }
    if (request == nullptr) {  // one of the broker's own
      BOOST_TEST(number_of(expected, "code") == 40);
      world.pass(std::chrono::milliseconds(200));  // notices of a group are joined for 100 ms
      const auto is_same = [&expected](const RawConnection::Frame& frame) {
        return number_of(frame.header, "code") == 40 && number_of(frame.header, "flag") == 2 &&
               field_of(frame.header, "consumerGroup") == field_of(expected, "consumerGroup");
      };
      BOOST_TEST(std::any_of(connection.requests.begin(), connection.requests.end(), is_same));
      return;
    }
    const auto found = connection.answers.find(number_of(expected, "opaque"));
    BOOST_TEST((found != connection.answers.end()), what);
    if (found == connection.answers.end()) return;
    ++compared;
    const RawConnection::Frame& answer = found->second;
    BOOST_TEST(number_of(answer.header, "code") == number_of(expected, "code"), what);
    BOOST_TEST(number_of(answer.header, "flag") == 1, what);
    const auto remark = [](const object& frame) {
      const auto* value = frame.if_contains("remark");
      return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
    };
    BOOST_TEST(remark(answer.header) == remark(expected), what + ": " + remark(answer.header));
    // A pull that waited for delayed messages finds as many as the moment has delivered.
    const bool waited =
        code == 11 && topic_of(*request).starts_with("%RETRY%") && number_of(expected, "code") == 0;
    compare_fields(answer.header, expected, waited, what);
    const auto* body = expected.if_contains("body");
    if (body != nullptr)
      BOOST_TEST(sorted(answer.body) == sorted(std::string(body->get_string())), what);
    BOOST_TEST(answer.body.empty() == (number_of(expected, "bodyLen") == 0), what);
  }

  // Java's sets have an order of their own.
  static std::string sorted(const std::string& json) {
    object root = boost::json::parse(json).get_object();
    std::set<std::string> items;
    for (const auto& [name, list] : root) {
      for (const auto& item : list.get_array()) {
        items.insert(std::string(name) + boost::json::serialize(item));
      }
    }
    std::string all;
    for (const std::string& item : items) all += item;
    return all;
  }

  static void compare_fields(const object& answer, const object& expected, bool waited,
                             const std::string& what) {
    const auto* fields = expected.if_contains("extFields");
    if (fields == nullptr) return;
    BOOST_TEST((answer.if_contains("extFields") != nullptr), what);
    for (const auto& [name, value] : fields->get_object()) {
      const std::string ours = field_of(answer, name);
      if (name == "msgId") {
        BOOST_TEST(ours.size() == value.get_string().size(), what);
      } else if (waited && (name == "nextBeginOffset" || name == "maxOffset")) {
        BOOST_TEST(std::stoll(ours) > 0, what);
      } else {
        BOOST_TEST(ours == value.get_string(), what + ", " + std::string(name));
      }
    }
  }

  std::vector<object> frames_;
  std::map<Place, object> requests_;
  std::map<std::int64_t, std::unique_ptr<RawConnection>> connections_;
  std::map<Place, std::string> batch_ids_;
  std::string given_back_;  // place of the message that consumers give back
  std::int64_t last_ = 0;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(captured_traffic, Replay)

BOOST_AUTO_TEST_CASE(the_node_client_gets_what_apaches_broker_gave_it) {
  replay("node_ali_ons.jsonl");
}

BOOST_AUTO_TEST_CASE(the_go_client_gets_what_apaches_broker_gave_it) { replay("go.jsonl"); }

BOOST_AUTO_TEST_CASE(the_cpp_client_gets_what_apaches_broker_gave_it) { replay("cpp.jsonl"); }

BOOST_AUTO_TEST_CASE(the_cpp_client_is_asked_about_transactions_as_apaches_broker_asked_it) {
  config.transaction_check_interval = 10s;  // some such time it had been
  replay("cpp_transaction.jsonl", 8);
  BOOST_TEST(broker->store().max_offset("xfeat", 0) == 1);
  BOOST_TEST(broker->store().max_offset("xfeat", 1) == 1);
}

BOOST_AUTO_TEST_SUITE_END()

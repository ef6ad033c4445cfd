// What a broker refuses to store, in which order it looks, and with which code and words.

#include <filesystem>
#include <thread>

#include "broker_fixture.hpp"
#include "comet/message/batch.hpp"
#include "comet/message/sys_flag.hpp"

using namespace comet;
using namespace comet::test;
using namespace std::chrono_literals;

namespace {

class SendErrors : public BrokerFixture {
 public:
  RemotingCommand create(const std::string& topic, int read, int write, int perm,
                         const std::string& order = "false") {
    RemotingCommand request = RemotingCommand::request(RequestCode::update_and_create_topic);
    request.fields.add("topic", topic);
    request.fields.add("defaultTopic", "TBW102");
    request.fields.add("readQueueNums", read);
    request.fields.add("writeQueueNums", write);
    request.fields.add("perm", perm);
    request.fields.add("topicFilterType", "SINGLE_TAG");
    request.fields.add("topicSysFlag", 0);
    request.fields.add("order", order);
    return ask(std::move(request));
  }
  void expect_refusal(RemotingCommand request, ResponseCode code, const std::string& remark) {
    const RemotingCommand answer = ask(std::move(request));
    BOOST_TEST((answer.response_code() == code), answer.code);
    BOOST_TEST(answer.remark == remark);
    BOOST_TEST(text(answer, "MSG_REGION") == "DefaultRegion");
    BOOST_TEST(text(answer, "TRACE_ON") == "true");
  }
  void expect_success(RemotingCommand request) {
    const RemotingCommand answer = ask(std::move(request));
    BOOST_TEST((answer.response_code() == ResponseCode::success), answer.remark);
  }
  RemotingCommand with(RemotingCommand request, const char* field, const std::string& value) {
    remoting::Fields fields;
    for (std::size_t i = 0; i < request.fields.size(); ++i) {
      const auto [name, old] = request.fields[i];
      if (name != field) fields.add(name, old);
    }
    fields.add(field, value);
    request.fields = std::move(fields);
    return request;
  }
  std::string topic_json(const std::string& topic) {
    RemotingCommand request = RemotingCommand::request(RequestCode::get_topic_config);
    request.fields.add("topic", topic);
    return ask(std::move(request)).body.to_string();
  }
  MessageExt stored(const std::string& topic, int queue = 0) {
    auto messages = decode_records(ask(pull_request(topic, queue, 0)).body.to_string());
    BOOST_REQUIRE(!messages.empty());
    return messages.back();
  }
};

const std::string kTooLarge =
    "the message is illegal, maybe msg body or properties length not matched. msg body length "
    "limit 1000, msg properties length limit 32k.";

}  // namespace

BOOST_FIXTURE_TEST_SUITE(sends_that_are_refused, SendErrors)

BOOST_AUTO_TEST_CASE(before_its_time_the_broker_takes_nothing_and_says_when_it_will) {
  config.start_accept_send_millis = world.time.wall_millis() + 60'000;
  start();
  const RemotingCommand answer = ask(send_request("", "x"));  // the topic is not looked at yet
  BOOST_TEST((answer.response_code() == ResponseCode::system_error));
  BOOST_TEST(answer.remark.starts_with("broker unable to service, until 2"));
  world.pass(60s);
  expect_success(send_request("T", "x"));
}

BOOST_AUTO_TEST_CASE(a_broker_that_may_not_be_written_refuses_ordered_topics_first_of_all) {
  config.broker_permission = 4;
  start();
  create("ordered", 4, 4, 6, "true");
  create("plain", 4, 4, 6);
  expect_refusal(send_request("ordered", "x", 99), ResponseCode::no_permission,
                 "the broker[10.9.9.9] sending message is forbidden");
  expect_success(send_request("plain", "x"));  // its producers learn it from the route
}

BOOST_AUTO_TEST_CASE(a_topics_own_permission_binds_the_clients_only) {
  start();
  create("readonly", 4, 4, 4);
  expect_success(send_request("readonly", "x"));
}

BOOST_AUTO_TEST_CASE(every_topic_of_the_system_that_clients_must_not_write_is_refused) {
  start();
  for (const char* topic :
       {"SCHEDULE_TOPIC_XXXX", "RMQ_SYS_TRANS_HALF_TOPIC", "RMQ_SYS_TRANS_OP_HALF_TOPIC",
        "TRANS_CHECK_MAX_TIME_TOPIC", "SELF_TEST_TOPIC", "OFFSET_MOVED_EVENT"}) {
    expect_refusal(send_request(topic, "x"), ResponseCode::no_permission,
                   "Sending message to topic[" + std::string(topic) + "] is forbidden.");
  }
}

BOOST_AUTO_TEST_CASE(a_queue_beyond_both_numbers_of_the_topic_is_refused_with_the_topic_in_words) {
  start();
  create("narrow", 2, 4, 6);
  expect_success(send_request("narrow", "x", 3));
  const RemotingCommand answer = ask(send_request("narrow", "x", 4));
  BOOST_TEST((answer.response_code() == ResponseCode::system_error));
  BOOST_TEST(answer.remark.starts_with(
      "request queueId[4] is illegal, TopicConfig [topicName=narrow, readQueueNums=2, "
      "writeQueueNums=4, perm=RW-, topicFilterType=SINGLE_TAG, topicSysFlag=0, order=false] "
      "Producer: "));
  create("wide", 4, 2, 6);
  expect_success(send_request("wide", "x", 3));
}

BOOST_AUTO_TEST_CASE(refused_oneway_sends_are_not_answered) {
  start();
  RemotingCommand request = send_request("SELF_TEST_TOPIC", "x");
  request.mark_oneway();
  world.run(client->invoke_oneway(config.listen_at, std::move(request), world.time.now() + 1s));
  expect_success(send_request("T", "x"));  // the connection is as good as before
  BOOST_TEST(broker->store().max_offset("SELF_TEST_TOPIC", 0) == 0);
}

BOOST_AUTO_TEST_CASE(a_sys_flag_of_transactions_needs_the_property) {
  start();
  for (const char* flag : {"4", "12"}) {
    expect_refusal(with(send_request("T", "x"), "f", flag), ResponseCode::message_illegal,
                   "sysFlag " + std::string(flag) +
                       " is that of a transactional message, but property TRAN_MSG is not set");
  }
  expect_success(with(send_request("T", "x"), "f", "8"));
}

BOOST_AUTO_TEST_CASE(a_store_that_became_read_only_says_why) {
  start();
  // A directory in the place of the next log file keeps the store from making it.
  std::filesystem::create_directories(directory.path() + "/commitlog/00000000000001048576");
  RemotingCommand answer;
  for (int i = 0; i < 4; ++i) answer = ask(send_request("T", std::string(400'000, 'x')));
  BOOST_TEST((answer.response_code() == ResponseCode::service_not_available));
  BOOST_TEST(
      answer.remark.starts_with("service not available now. This broker's store is read-only"),
      answer.remark);
  BOOST_TEST(answer.remark.find("disk is full") == std::string::npos, answer.remark);
  BOOST_TEST(answer.remark.find("Is a directory") != std::string::npos, answer.remark);
  BOOST_TEST(text(answer, "MSG_REGION") == "DefaultRegion");
  BOOST_TEST(bodies(ask(pull_request("T", 0, 1))).size() == 1u);  // readable it stays
}

BOOST_AUTO_TEST_CASE(a_disk_that_is_too_full_refuses_until_there_is_space) {
  config.store.disk_warning_percent = 0;
  config.store.clean_interval = 1s;
  start();
  RemotingCommand answer;
  const auto limit = std::chrono::steady_clock::now() + 60s;
  do {  // a thread of the store's looks at the disk
    world.pass(1s);
    std::this_thread::yield();
    answer = ask(send_request("T", "x"));
  } while (answer.response_code() == ResponseCode::success &&
           std::chrono::steady_clock::now() < limit);
  BOOST_TEST((answer.response_code() == ResponseCode::service_not_available));
  BOOST_TEST(answer.remark.starts_with("service not available now. It may be"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(properties_and_bodies, SendErrors)

BOOST_AUTO_TEST_CASE(separators_in_properties_hide_nothing_else) {
  start();
  struct Row {
    std::string sent;
    std::string name, value;  // what must be found
  };
  const std::vector<Row> rows = {
      {"TAGS\x01"
       "A\x02\x02\x02KEYS\x01k\x02",
       "KEYS", "k"},  // empty pairs
      {"noise\x02TAGS\x01"
       "A",
       "TAGS", "A"},                           // no separator within
      {"TAGS\x01\x02KEYS\x01k", "KEYS", "k"},  // an empty value
      {"\x01"
       "A\x02KEYS\x01k",
       "KEYS", "k"},  // an empty name
      {"a\x01"
       "1\x01"
       "2\x02KEYS\x01k",
       "KEYS", "k"},                              // two separators within
      {"KEYS\x01old\x02KEYS\x01k", "KEYS", "k"},  // twice: the last counts
      {"KEYS\x01k\x02"
       "CLUSTER\x01other",
       "CLUSTER", "DefaultCluster"},
  };
  for (const Row& row : rows) {
    expect_success(send_request("T", "x", 0, row.sent));
    BOOST_TEST(stored("T").properties().get(row.name) == row.value);
  }
}

BOOST_AUTO_TEST_CASE(properties_may_have_32767_bytes_with_what_the_broker_adds) {
  config.store.max_message_size = 1000;
  start();
  const std::string added =
      "\x02"
      "MSG_REGION\x01"
      "DefaultRegion\x02"
      "TRACE_ON\x01"
      "true\x02"
      "CLUSTER\x01"
      "DefaultCluster";
  const std::size_t room = 32767 - added.size() - std::string("k\x01").size();
  expect_success(send_request("T", "x", 0, "k\x01" + std::string(room, 'v')));
  expect_refusal(send_request("T", "x", 0, "k\x01" + std::string(room + 1, 'v')),
                 ResponseCode::message_illegal, kTooLarge);
}

BOOST_AUTO_TEST_CASE(bodies_over_the_limit_are_refused_in_any_form) {
  config.store.max_message_size = 1000;
  start();
  expect_refusal(send_request("T", std::string(1001, 'x')), ResponseCode::message_illegal,
                 kTooLarge);
  expect_refusal(with(send_request("T", std::string(1001, 'x')), "f", "1"),  // compressed
                 ResponseCode::message_illegal, kTooLarge);
  expect_refusal(send_request("T", std::string(1001, 'x'), 0,
                              "DELAY\x01"
                              "3"),
                 ResponseCode::message_illegal, kTooLarge);
}

BOOST_AUTO_TEST_CASE(compressed_bodies_and_their_flags_are_kept_as_they_are) {
  start();
  expect_success(with(with(send_request("T", "no zlib at all"), "f", "769"), "h", "77"));
  RemotingCommand pulled = ask(pull_request("T", 0, 0));
  const std::string bytes = pulled.body.to_string();
  auto record = parse_record(bytes, CheckCrc::yes);
  BOOST_REQUIRE(record.has_value());
  BOOST_TEST(record->body == "no zlib at all");
  BOOST_TEST(record->sys_flag == 769);
  BOOST_TEST(record->flag == 77);
}

BOOST_AUTO_TEST_CASE(hosts_are_the_peer_and_the_announced_address) {
  start();
  expect_success(send_request("T", "x"));
  const MessageExt message = stored("T");
  BOOST_TEST(message.store_host.to_string() == "10.9.9.9:10911");
  BOOST_TEST(message.born_host.to_string() != message.store_host.to_string());
  BOOST_TEST(message.born_timestamp == world.time.wall_millis());
}

BOOST_AUTO_TEST_CASE(fields_of_five_and_of_signing_clients_are_passed_over) {
  start();
  RemotingCommand request = send_request("T", "x");
  for (const auto& [name, value] :
       {std::pair("n", "broker-a"), std::pair("bname", "broker-a"), std::pair("ns", "tenant"),
        std::pair("nsd", "true"), std::pair("lo", "false"), std::pair("AccessKey", ""),
        std::pair("Signature", "c2ln")}) {
    request.fields.add(name, value);
  }
  expect_success(std::move(request));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(topics_made_by_sends, SendErrors)

BOOST_AUTO_TEST_CASE(the_new_topic_has_the_templates_rights_and_at_most_its_queues) {
  start();
  expect_success(with(send_request("many", "x"), "d", "100"));
  BOOST_TEST(topic_json("many").find(R"("perm":6,"readQueueNums":8)") != std::string::npos);
  expect_success(with(send_request("few", "x"), "d", "2"));
  BOOST_TEST(topic_json("few").find(R"("perm":6,"readQueueNums":2)") != std::string::npos);
  // Any topic that may be inherited from is a template: this one is the cluster's.
  expect_success(with(with(send_request("of-cluster", "x"), "c", "DefaultCluster"), "d", "100"));
  BOOST_TEST(topic_json("of-cluster").find(R"("readQueueNums":16)") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_template_that_is_not_there_or_not_inheritable_makes_no_topic) {
  start();
  create("plain", 4, 4, 6);
  for (const char* source : {"nothing", "plain"}) {
    expect_refusal(with(send_request("new", "x"), "c", source), ResponseCode::topic_not_exist,
                   "topic[new] not exist, apply first please!\n"
                   "See http://rocketmq.apache.org/docs/faq/ for further details.");
  }
  BOOST_TEST(broker->store().max_offset("new", 0) == 0);
}

BOOST_AUTO_TEST_CASE(no_or_less_than_no_queues_make_a_topic_to_which_nothing_fits) {
  start();
  const RemotingCommand answer = ask(with(send_request("none", "x"), "d", "-3"));
  BOOST_TEST((answer.response_code() == ResponseCode::system_error));
  BOOST_TEST(answer.remark.starts_with("request queueId[0] is illegal"));
}

BOOST_AUTO_TEST_CASE(without_auto_creation_retry_topics_are_made_all_the_same) {
  config.auto_create_topic = false;
  start();
  expect_refusal(send_request("new", "x"), ResponseCode::topic_not_exist,
                 "topic[new] not exist, apply first please!\n"
                 "See http://rocketmq.apache.org/docs/faq/ for further details.");
  expect_success(send_request("%RETRY%CG", "x"));
  BOOST_TEST(topic_json("%RETRY%CG").find(R"("perm":6,"readQueueNums":1)") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(units_are_marked_in_the_topics_flags) {
  start();
  expect_success(with(send_request("unit", "x"), "k", "true"));
  BOOST_TEST(topic_json("unit").find(R"("topicSysFlag":1)") != std::string::npos);
  expect_success(with(send_request("%RETRY%UG", "x"), "k", "true"));
  BOOST_TEST(topic_json("%RETRY%UG").find(R"("topicSysFlag":2)") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

namespace {

class Batches : public SendErrors {
 public:
  Batches() {
    encode_batch_item(Message("T", "one").tag("A"), two);
    first_size = two.size();
    encode_batch_item(Message("T", "two").tag("B").key("k"), two);
  }
  // SEND_BATCH_MESSAGE
  RemotingCommand batch(const std::string& body, const std::string& properties = "WAIT\x01true") {
    RemotingCommand request = send_request("T", body, 0, properties);
    request.code = static_cast<std::int32_t>(RequestCode::send_batch_message);
    return request;
  }
  void expect_illegal(const std::string& body, const std::string& what) {
    const RemotingCommand answer = ask(batch(body));
    BOOST_TEST((answer.response_code() == ResponseCode::message_illegal), what);
    BOOST_TEST(text(answer, "MSG_REGION") == "DefaultRegion");
    BOOST_TEST(broker->store().max_offset("T", 0) == 0, what);
  }

  std::string two;
  std::size_t first_size = 0;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(batches, Batches)

BOOST_AUTO_TEST_CASE(all_forms_of_a_batch_are_stored_as_records_and_answered_with_all_ids) {
  start();
  std::vector<RemotingCommand> forms;
  forms.push_back(batch(two));
  forms.push_back(with(batch(two), "m", "true"));
  forms.push_back(with(send_request("T", two, 0, "WAIT\x01true"), "m", "true"));  // 310, as C++
  RemotingCommand full = RemotingCommand::request(RequestCode::send_message, Body(two));
  for (const auto& [name, value] :
       {std::pair("producerGroup", "PG"), std::pair("topic", "T"),
        std::pair("defaultTopic", "TBW102"), std::pair("defaultTopicQueueNums", "4"),
        std::pair("queueId", "0"), std::pair("sysFlag", "0"), std::pair("bornTimestamp", "1"),
        std::pair("flag", "0"), std::pair("batch", "true")}) {
    full.fields.add(name, value);
  }
  forms.push_back(std::move(full));
  std::int64_t offset = 0;
  for (RemotingCommand& form : forms) {
    const RemotingCommand answer = ask(std::move(form));
    BOOST_TEST((answer.response_code() == ResponseCode::success), answer.remark);
    const std::string ids = text(answer, "msgId");
    BOOST_TEST(ids.size() == 65u);
    BOOST_TEST(ids.find(',') == 32u);
    BOOST_TEST(text(answer, "queueOffset") == std::to_string(offset));
    const auto messages = decode_records(ask(pull_request("T", 0, offset)).body.to_string());
    BOOST_REQUIRE(messages.size() == 2u);
    BOOST_TEST(messages[0].body() == "one");
    BOOST_TEST(messages[1].body() == "two");
    BOOST_TEST(messages[1].keys() == "k");
    BOOST_TEST(messages[1].properties().get("CLUSTER") == "DefaultCluster");
    BOOST_TEST(messages[0].offset_message_id() == ids.substr(0, 32));
    BOOST_TEST(messages[1].offset_message_id() == ids.substr(33));
    offset += 2;
  }
}

BOOST_AUTO_TEST_CASE(a_batch_with_wrong_lengths_is_refused_as_a_whole) {
  start();
  expect_illegal("", "empty");
  for (std::size_t size = 1; size < two.size(); ++size) {
    if (size != first_size) expect_illegal(two.substr(0, size), "cut at " + std::to_string(size));
  }
  expect_illegal(two + "x", "a byte too many");
  // Each length of each item: one more, one less, none, negative, as much as there is.
  for (const std::size_t item : {std::size_t{0}, first_size}) {
    for (const std::size_t at :
         {item + 3, item + 19, item + 24}) {  // total, body, properties (with "one")
      for (const int change : {1, -1, 64, 127}) {
        std::string broken = two;
        broken[at] = static_cast<char>(broken[at] + change);
        expect_illegal(broken, "byte " + std::to_string(at) + " by " + std::to_string(change));
      }
    }
    for (const std::size_t at : {item, item + 16}) {
      std::string broken = two;
      broken[at] = '\xFF';
      expect_illegal(broken, "negative length at " + std::to_string(at));
    }
  }
  // Items have no topic of their own, so a batch cannot mix topics: see the header's alone.
  BOOST_TEST((ask(batch(two)).response_code() == ResponseCode::success));
}

BOOST_AUTO_TEST_CASE(a_batch_may_have_the_size_of_one_message) {
  config.store.max_message_size = 1000;
  start();
  std::string large;
  for (int i = 0; i < 4; ++i) encode_batch_item(Message("T", std::string(300, 'x')), large);
  expect_illegal(large, "four of 300 bytes");
  std::string small;
  for (int i = 0; i < 2; ++i) encode_batch_item(Message("T", std::string(200, 'x')), small);
  BOOST_TEST((ask(batch(small)).response_code() == ResponseCode::success));
  std::string one;
  encode_batch_item(Message("T", std::string(1001, 'x')), one);
  BOOST_TEST((ask(batch(one)).response_code() == ResponseCode::message_illegal));
}

BOOST_AUTO_TEST_CASE(batches_are_neither_delayed_nor_halves_of_transactions) {
  start();
  const RemotingCommand delayed = ask(batch(two,
                                            "DELAY\x01"
                                            "3"));
  BOOST_TEST((delayed.response_code() == ResponseCode::message_illegal));
  BOOST_TEST(delayed.remark == "a batch cannot be delayed");
  const RemotingCommand half = ask(batch(two, "TRAN_MSG\x01true"));
  BOOST_TEST((half.response_code() == ResponseCode::message_illegal));
  BOOST_TEST(half.remark == "a batch cannot be transactional");
  BOOST_TEST(broker->store().max_offset("T", 0) == 0);
}

BOOST_AUTO_TEST_CASE(an_item_that_asks_for_a_delay_or_a_transaction_has_the_whole_batch_refused) {
  start();
  const std::string at = std::to_string(world.time.wall_millis() + 60'000);
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"DELAY\x01"
       "3",
       "a batch cannot be delayed"},
      {"DELAY\x01soon", "the property DELAY is not a number"},
      {"TIMER_DELAY_SEC\x01"
       "5",
       "a batch cannot be delayed"},
      {"TIMER_DELAY_MS\x01"
       "5",
       "a batch cannot be delayed"},
      {"TIMER_DELIVER_MS\x01" + at, "a batch cannot be delayed"},
      {"__STARTDELIVERTIME\x01" + at, "a batch cannot be delayed"},
      {"__STARTDELIVERTIME\x01"
       "1",
       "a batch cannot be delayed"},
      {"TRAN_MSG\x01true", "a batch cannot be transactional"}};
  for (const auto& [properties, remark] : rows) {
    std::string body = two;
    encode_batch_item(0, "three", "KEYS\x01k\x02" + properties, body);
    const RemotingCommand answer = ask(batch(body));
    BOOST_TEST((answer.response_code() == ResponseCode::message_illegal), properties);
    BOOST_TEST(answer.remark == remark, properties);
    BOOST_TEST(broker->store().max_offset("T", 0) == 0, properties);
  }
  // What has waited already, and level 0, are no wishes.
  std::string body;
  encode_batch_item(0, "one",
                    "TIMER_DELAY_SEC\x01"
                    "5\x02TIMER_OUT_MS\x01"
                    "1",
                    body);
  encode_batch_item(0, "two",
                    "DELAY\x01"
                    "0",
                    body);
  BOOST_TEST((ask(batch(body)).response_code() == ResponseCode::success));
}

BOOST_AUTO_TEST_CASE(an_items_own_properties_have_precedence_over_the_batchs) {
  start();
  std::string body;
  encode_batch_item(0, "one",
                    "UNIQ_KEY\x01"
                    "first\x02KEYS\x01k\x02",
                    body);
  encode_batch_item(0, "two", "KEYS\x01k\x02UNIQ_KEY\x01second", body);
  encode_batch_item(0, "three", "", body);
  const std::string common =
      "UNIQ_KEY\x01"
      "all\x02WAIT\x01true\x02INSTANCE_ID\x01i\x02"
      "CLUSTER\x01liar";
  BOOST_TEST((ask(batch(body, common)).response_code() == ResponseCode::success));
  const auto messages = decode_records(ask(pull_request("T", 0, 0)).body.to_string());
  BOOST_REQUIRE(messages.size() == 3u);
  const std::vector<std::string> keys = {"first", "second", "all"};
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const MessageProperties& properties = messages[i].properties();
    BOOST_TEST(properties.get("UNIQ_KEY") == keys[i]);
    BOOST_TEST(properties.get("INSTANCE_ID") == "i");
    BOOST_TEST(properties.get("CLUSTER") == "DefaultCluster");
    BOOST_TEST(!properties.contains("WAIT"));
    BOOST_TEST(properties.get("KEYS") == (i < 2 ? "k" : ""));
  }
}

// As Apache's brokers, of 5.5.0 too, which add both to what comes alone.
BOOST_AUTO_TEST_CASE(messages_of_a_batch_get_neither_msg_region_nor_trace_on) {
  start();
  std::string body = two;
  encode_batch_item(0, "three", "MSG_REGION\x01west\x02TRACE_ON\x01no", body);
  for (RemotingCommand& form :
       std::vector{batch(body), with(send_request("T", body, 0, "WAIT\x01true"), "m", "true")}) {
    BOOST_TEST((ask(std::move(form)).response_code() == ResponseCode::success));
  }
  const auto messages = decode_records(ask(pull_request("T", 0, 0)).body.to_string());
  BOOST_REQUIRE(messages.size() == 6u);
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const bool has_its_own = i % 3 == 2;
    BOOST_TEST(messages[i].properties().get("MSG_REGION") == (has_its_own ? "west" : ""));
    BOOST_TEST(messages[i].properties().get("TRACE_ON") == (has_its_own ? "no" : ""));
  }
}

BOOST_AUTO_TEST_CASE(a_batch_for_the_dead_or_the_retried_is_refused) {
  start();
  RemotingCommand request = with(batch(two), "b", "%RETRY%CG");
  const RemotingCommand answer = ask(std::move(request));
  BOOST_TEST((answer.response_code() == ResponseCode::message_illegal));
  BOOST_TEST(answer.remark == "batch request does not support retry group %RETRY%CG");
}

BOOST_AUTO_TEST_SUITE_END()

// Our own handshake against peers that do not keep to it: bytes from a script.

#include <boost/test/unit_test.hpp>

#include "comet_wire.hpp"
#include "log_lines.hpp"
#include "world.hpp"

using namespace comet;
using namespace comet::replication;
using namespace comet::replication::test;

namespace {

// The next message of a peer: its type and body; type refusal and an empty body when none comes.
std::pair<MessageType, std::string> receive(Bytes& peer, Duration within = 5s) {
  const std::string size = peer.receive(4, within);
  if (size.size() < 4) return {MessageType::refusal, ""};
  const std::string rest =
      peer.receive(static_cast<std::size_t>(load_be<std::int32_t>(size.data())), within);
  const std::string all = size + rest;
  const MessageView view = inspect_message(all, kMaxMessage).value();
  return {view.type, std::string(view.body)};
}

struct Fixture : World {
  Fixture() : master(*this), slave(*this) {}
  // A replica that has said its magic and heard the master's.
  Bytes greeted() {
    Bytes peer = Bytes::connect(*this);
    peer.send(std::string(kReplicaMagic));
    BOOST_REQUIRE(peer.receive(8) == kMasterMagic);
    const auto [type, body] = receive(peer);
    BOOST_REQUIRE((type == MessageType::challenge));
    return peer;
  }
  Hello hello() {
    Hello said;
    said.cluster = "DefaultCluster";
    said.broker_name = "broker-a";
    said.id = 4;
    said.file_size = kFile;
    said.nonce = random_nonce();
    return said;
  }
  PeerState refusal_of(Bytes& peer) {
    const auto [type, body] = receive(peer);
    BOOST_REQUIRE((type == MessageType::refusal && !body.empty()));
    return decode_refusal(body).value().reason;
  }
  // A replica with an empty log that has started.
  Bytes started() {
    Bytes peer = greeted();
    peer.send(encode(hello()));
    const auto [type, body] = receive(peer);
    BOOST_REQUIRE((type == MessageType::welcome));
    Start start;
    start.epoch = decode_welcome(body).value().epoch;
    peer.send(encode(start));
    pass(10ms);
    return peer;
  }
  // The slave's connection to a master of the test's, up to its hello.
  Bytes accept_slave(Hello& said) {
    listener = network.listen(executor(), kHaAddress);
    slave.start();
    std::unique_ptr<Stream> stream;
    run(accept_into(stream));
    Bytes peer(*this, std::move(stream));
    BOOST_REQUIRE(peer.receive(8) == kReplicaMagic);
    Challenge challenge;
    challenge.nonce = random_nonce();
    peer.send(std::string(kMasterMagic) + encode(challenge));
    const auto [type, body] = receive(peer);
    BOOST_REQUIRE((type == MessageType::hello));
    said = decode_hello(body).value();
    return peer;
  }
  asio::awaitable<void> accept_into(std::unique_ptr<Stream>& stream) {
    stream = co_await listener->accept(executor());
  }
  Welcome welcome(std::int64_t epoch) {
    Welcome said;
    said.epoch = epoch;
    said.log_id = std::string(32, 'b');
    said.epochs = EpochTable::of({EpochEntry(epoch, 0, 9)});
    said.file_size = kFile;
    return said;
  }

  Master master;
  Slave slave;
  std::unique_ptr<Listener> listener;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(handshake, Fixture)

BOOST_AUTO_TEST_CASE(a_replica_that_promised_a_higher_epoch_deposes_the_master_at_once) {
  master.start();
  slave.start();
  pass(1s);
  BOOST_TEST((master.send("a") == Confirmation::put_ok));
  Bytes peer = greeted();
  Hello said = hello();
  said.log_id = master.history.log_id();
  said.promised = 7;
  peer.send(encode(said));
  BOOST_TEST((refusal_of(peer) == PeerState::deposed));
  BOOST_TEST(!master.set->status().is_master);
  BOOST_TEST((master.send("b") == Confirmation::flush_slave_timeout));
  // Started again as a master it goes above that epoch.
  master.stop();
  Master again(*this, master.disk);
  again.start();
  BOOST_TEST(again.coordinator->mastership().epoch == 8);
}

BOOST_AUTO_TEST_CASE(a_stranger_with_a_high_promise_deposes_nobody) {
  master.start();
  Bytes peer = greeted();
  Hello said = hello();
  said.log_id = std::string(32, 'f');
  said.promised = 7;
  peer.send(encode(said));
  BOOST_TEST((refusal_of(peer) == PeerState::deposed));
  BOOST_TEST(master.set->status().is_master);
}

BOOST_AUTO_TEST_CASE(a_hello_byte_by_byte_is_a_hello) {
  master.start();
  Bytes peer = greeted();
  for (const char byte : encode(hello())) peer.send(std::string(1, byte));
  const auto [type, body] = receive(peer);
  BOOST_TEST((type == MessageType::welcome));
}

BOOST_AUTO_TEST_CASE(what_is_no_hello_is_closed_and_changes_nothing) {
  master.start();
  slave.start();
  pass(1s);
  Hello other_version = hello();
  other_version.version = 2;
  std::string cut = encode(hello());
  cut[20] = static_cast<char>(cut[20] ^ 1);
  std::string large;
  append_be<std::int32_t>(large, 1 << 30);
  Start start;
  for (const std::string& bytes :
       {encode(other_version), cut, large + std::string(100, 'x'), encode(start),
        std::string("\xFF\xFF\xFF\xFF\x00\x00\x00\x00\x02", 9)}) {
    Bytes peer = greeted();
    peer.send(bytes);
    BOOST_TEST(peer.closes(1s).has_value());
  }
  Bytes mute = greeted();
  BOOST_TEST(mute.closes(15s).has_value());
  BOOST_TEST((master.send("a") == Confirmation::put_ok));
}

BOOST_AUTO_TEST_CASE(a_confirmation_in_another_epoch_or_of_what_was_not_sent_does_not_count) {
  master.start();
  for (const std::int64_t epoch : {1, 2}) {
    Bytes peer = started();
    BOOST_TEST(master.set->size() == 2);
    Confirm said;
    said.epoch = epoch;
    said.durable_end = master.log.end() + (epoch == 1 ? 1 : 0);
    peer.send(encode(said));
    BOOST_TEST(peer.closes(5s).has_value());
    BOOST_TEST(master.set->confirmed() <= master.log.end());
    if (epoch == 1) pass(3s);
  }
  BOOST_TEST(!master.set->status().is_master);  // somebody is in epoch 2
}

BOOST_AUTO_TEST_CASE(a_master_below_what_was_promised_is_not_followed) {
  BOOST_TEST(!slave.history.promise(6));
  Hello said;
  Bytes peer = accept_slave(said);
  BOOST_TEST(said.promised == 6);
  peer.send(encode(welcome(5)));
  BOOST_TEST((refusal_of(peer) == PeerState::deposed));
  BOOST_TEST((slave.state() == PeerState::deposed || slave.state() == PeerState::connecting));
  BOOST_TEST(slave.history.epochs().empty());
}

BOOST_AUTO_TEST_CASE(the_promise_is_on_disk_before_the_start_is_said) {
  Hello said;
  Bytes peer = accept_slave(said);
  peer.send(encode(welcome(5)));
  const auto [type, body] = receive(peer);
  BOOST_REQUIRE((type == MessageType::start));
  const History on_disk(std::make_unique<MemoryStateFile>(slave.disk));
  BOOST_TEST(on_disk.promised() == 5);
  BOOST_TEST(on_disk.log_id() == std::string(32, 'b'));
  BOOST_TEST(decode_start(body)->epoch == 5);
}

BOOST_AUTO_TEST_CASE(data_of_another_epoch_or_elsewhere_is_not_stored) {
  Hello said;
  for (const std::int64_t epoch : {6, 5}) {
    Bytes peer = accept_slave(said);
    peer.send(encode(welcome(5)));
    BOOST_TEST((receive(peer).first == MessageType::start));
    Data data;
    data.epoch = epoch;
    data.offset = epoch == 5 ? 100 : 0;
    data.bytes = "x";
    peer.send(encode_data_head(data) + "x");
    BOOST_TEST(peer.closes(5s).has_value());
    BOOST_TEST(slave.log.appends() == 0);
    slave.stop();
    listener.reset();
  }
  slave.start();
}

BOOST_AUTO_TEST_CASE(a_master_that_disagrees_about_the_common_point_is_not_followed) {
  slave.log.store("mine");
  Hello said;
  Bytes peer = accept_slave(said);
  Welcome wrong = welcome(5);
  wrong.end = wrong.splice = wrong.start = 40;  // inside a record
  peer.send(encode(wrong));
  BOOST_TEST((refusal_of(peer) == PeerState::diverged));
  BOOST_TEST(slave.disk->kept_aside.empty());
}

BOOST_AUTO_TEST_CASE(a_promise_that_cannot_be_written_means_no_start) {
  Hello said;
  auto file = std::make_unique<MemoryStateFile>(slave.disk);
  MemoryStateFile& handle = *file;
  slave.history = History(std::move(file));
  handle.fails = true;
  Bytes peer = accept_slave(said);
  peer.send(encode(welcome(5)));
  BOOST_TEST(receive(peer).second.empty());
  BOOST_TEST((slave.client->status().problem.find("cannot be written") != std::string::npos));
}

BOOST_AUTO_TEST_SUITE_END()

// Both wires as bytes.

#include <boost/test/unit_test.hpp>
#include <random>

#include "apache_wire.hpp"
#include "comet/base/bytes.hpp"
#include "comet_wire.hpp"

using namespace comet;
using namespace comet::replication;

namespace {

std::string unhex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}
template <std::size_t Size>
std::string text(const std::array<char, Size>& bytes) {
  return {bytes.data(), bytes.size()};
}

Hello some_hello() {
  Hello hello;
  hello.cluster = "DefaultCluster";
  hello.broker_name = "broker-a";
  hello.id = 2;
  hello.address = "10.0.0.3:10911";
  hello.log_id = std::string(32, 'a');
  hello.promised = 7;
  hello.epochs = EpochTable::of({EpochEntry(1, 0, 11), EpochEntry(7, 5000, 0xFFFFFFFFFFFFFFFF)});
  hello.file_size = 1 << 30;
  hello.begin = 0;
  hello.end = 6000;
  hello.durable_end = 5900;
  hello.metadata_version = 3;
  hello.nonce = std::string(16, 'n');
  return hello;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(wires)

// Recorded between a 4.9.7 slave and master.
BOOST_AUTO_TEST_CASE(apaches_bytes_are_apaches) {
  BOOST_TEST(text(encode_report(0)) == unhex("0000000000000000"));
  BOOST_TEST(text(encode_report(309)) == unhex("0000000000000135"));
  BOOST_TEST(text(encode_frame_head(0, 309)) == unhex("000000000000000000000135"));
  BOOST_TEST(text(encode_frame_head(309, 0)) == unhex("000000000000013500000000"));
}

BOOST_AUTO_TEST_CASE(a_report_in_eight_segments_and_a_hundred_in_one) {
  ReportReader reader;
  const std::string one = text(encode_report(0x0102030405060708));
  for (std::size_t i = 0; i < 7; ++i) BOOST_TEST(!reader.take(one.substr(i, 1)));
  BOOST_TEST(*reader.take(one.substr(7)) == 0x0102030405060708);
  std::string many;
  for (int i = 0; i < 100; ++i) many += text(encode_report(i));
  BOOST_TEST(*reader.take(many + "abc") == 99);
  BOOST_TEST(!reader.take("de"));
}

BOOST_AUTO_TEST_CASE(frames_are_found_however_they_are_cut) {
  std::string stream = text(encode_frame_head(100, 5)) + "hello" + text(encode_frame_head(105, 0)) +
                       text(encode_frame_head(105, 3)) + "abc";
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    FrameReader reader;
    std::string log;
    int heads = 0;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      std::string_view input = std::string_view(stream).substr(at, piece);
      for (;;) {
        const FrameReader::Part part = reader.next(input);
        if (part.kind == FrameReader::Kind::more) break;
        BOOST_REQUIRE((part.kind != FrameReader::Kind::bad));
        if (part.kind == FrameReader::Kind::head) {
          ++heads;
        } else {
          BOOST_REQUIRE(part.offset == 100 + static_cast<std::int64_t>(log.size()));
          log += part.bytes;
        }
      }
    }
    BOOST_REQUIRE(heads == 3);
    BOOST_REQUIRE(log == "helloabc");
  }
}

BOOST_AUTO_TEST_CASE(sizes_and_offsets_that_no_master_sends_are_bad) {
  for (const std::string& head :
       {text(encode_frame_head(0, -1)), text(encode_frame_head(-5, 10)),
        text(encode_frame_head(0, kMaxApacheFrame + 1)), std::string("HTTP/1.1 400")}) {
    FrameReader reader;
    std::string_view input = head;
    BOOST_TEST((reader.next(input).kind == FrameReader::Kind::bad));
  }
}

BOOST_AUTO_TEST_CASE(our_magic_is_no_report) {
  BOOST_TEST(load_be<std::int64_t>(kReplicaMagic.data()) < 0);
  BOOST_TEST(load_be<std::int64_t>(kMasterMagic.data()) < 0);
  BOOST_TEST(kReplicaMagic != kMasterMagic);
}

BOOST_AUTO_TEST_CASE(messages_come_back_as_they_were) {
  Hello hello = some_hello();
  hello.proof = "proof";
  const std::string bytes = encode(hello);
  const MessageView view = inspect_message(bytes, kMaxHandshake).value();
  BOOST_TEST(view.size == bytes.size());
  BOOST_TEST((view.type == MessageType::hello));
  const Hello back = decode_hello(view.body).value();
  BOOST_TEST(back.broker_name == hello.broker_name);
  BOOST_TEST(back.promised == 7);
  BOOST_TEST((back.epochs.entries() == hello.epochs.entries()));
  BOOST_TEST(back.end == 6000);
  BOOST_TEST(back.durable_end == 5900);
  BOOST_TEST(back.proof == "proof");

  Welcome welcome;
  welcome.epoch = 8;
  welcome.epochs = hello.epochs;
  welcome.file_size = 4096;
  welcome.end = 100;
  welcome.splice = 90;
  welcome.start = 90;
  welcome.record.emplace();
  welcome.record->offset = 10;
  welcome.record->size = 80;
  welcome.record->crc = 0xFFFFFFFF;
  const std::string sent = encode(welcome);
  const Welcome got = decode_welcome(inspect_message(sent, kMaxHandshake)->body).value();
  BOOST_TEST(got.epoch == 8);
  BOOST_TEST((got.record == welcome.record));
  BOOST_TEST(got.start == 90);

  Data data;
  data.epoch = 3;
  data.offset = 1000;
  data.confirmed = 900;
  data.readable = kNoLimit;
  data.master_end = 1010;
  data.bytes = "0123456789";
  const std::string frame = encode_data_head(data) + "0123456789";
  const Data taken = decode_data(inspect_message(frame, kMaxMessage)->body).value();
  BOOST_TEST(taken.bytes == "0123456789");
  BOOST_TEST(taken.confirmed == 900);
  BOOST_TEST(taken.readable == kNoLimit);

  const std::string item = encode(5, MetadataItem(2, 9, 77, "table"));
  const EpochMetadata metadata = decode_metadata(inspect_message(item, kMaxMessage)->body).value();
  BOOST_TEST(metadata.epoch == 5);
  BOOST_TEST(metadata.item.version == 9);
  BOOST_TEST(metadata.item.bytes == "table");
}

BOOST_AUTO_TEST_CASE(every_changed_bit_of_a_message_is_seen) {
  const std::string good = encode(some_hello());
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    const Result<MessageView> view = inspect_message(bad, kMaxHandshake);
    BOOST_REQUIRE((!view || view->size == 0));  // refused, or waits for more than comes
  }
  for (std::size_t size = 0; size < good.size(); ++size) {
    BOOST_REQUIRE(inspect_message(good.substr(0, size), kMaxHandshake)->size == 0);
  }
}

BOOST_AUTO_TEST_CASE(a_cut_body_is_an_error_and_not_a_crash) {
  const std::string bytes = encode(some_hello());
  const std::string_view body = inspect_message(bytes, kMaxHandshake)->body;
  for (std::size_t size = 0; size < body.size(); ++size) {
    BOOST_REQUIRE(!decode_hello(body.substr(0, size)));
  }
}

BOOST_AUTO_TEST_CASE(a_proof_holds_for_its_secret_its_nonces_and_its_message_only) {
  Hello hello = some_hello();
  Challenge challenge;
  challenge.nonce = random_nonce();
  const std::string proof = prove(hello, challenge, "s3cret");
  BOOST_TEST(proof.size() == 32u);
  BOOST_TEST(same_proof(proof, prove(hello, challenge, "s3cret")));
  BOOST_TEST(!same_proof(proof, prove(hello, challenge, "s3creT")));
  hello.end += 1;
  BOOST_TEST(!same_proof(proof, prove(hello, challenge, "s3cret")));
  hello.end -= 1;
  challenge.nonce = random_nonce();
  BOOST_TEST(!same_proof(proof, prove(hello, challenge, "s3cret")));
}

BOOST_AUTO_TEST_SUITE_END()

#include "comet/message/batch.hpp"

#include <boost/test/unit_test.hpp>

using namespace comet;
using namespace std::string_literals;

BOOST_AUTO_TEST_CASE(the_reference_batch_item_is_read) {
  // int32 total, magic 0, CRC 0, flag 0, body length 2, "hi", properties length 7, KEYS=k1
  const std::string bytes = "\0\0\0\x1f\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02hi\0\x07KEYS\x01k1"s;
  auto items = decode_batch(bytes);
  BOOST_REQUIRE(items);
  BOOST_TEST(items->size() == 1u);
  BOOST_TEST(items->front().body == "hi");
  BOOST_TEST(items->front().properties == "KEYS\x01k1");
}

BOOST_AUTO_TEST_CASE(batches_survive_encoding) {
  std::string bytes;
  encode_batch_item(Message("T", "one").tag("A").flag(7), bytes);
  encode_batch_item(Message("T", "").key("k"), bytes);
  auto items = decode_batch(bytes);
  BOOST_REQUIRE(items);
  BOOST_TEST(items->size() == 2u);
  BOOST_TEST(items->at(0).flag == 7);
  BOOST_TEST(items->at(0).body == "one");
  BOOST_TEST(items->at(1).body.empty());
  BOOST_TEST(find_property(items->at(1).properties, "KEYS") == "k");
}

BOOST_AUTO_TEST_CASE(batches_whose_lengths_lie_are_refused) {
  std::string good;
  encode_batch_item(Message("T", "one").tag("A"), good);
  encode_batch_item(Message("T", "two").tag("B"), good);
  BOOST_TEST((decode_batch("").error() == BatchErrc::empty));
  for (std::size_t size = 1; size < good.size(); ++size) {
    if (size == good.size() / 2) continue;  // exactly the first message
    BOOST_TEST(!decode_batch(std::string_view(good).substr(0, size)), size);
  }
  for (std::size_t at : {0u, 16u, 23u}) {  // total, body length, properties length
    for (char wrong : {'\x7f', '\xff', '\x80'}) {
      std::string bad = good;
      bad[at] = wrong;
      BOOST_TEST(!decode_batch(bad));
    }
  }
}

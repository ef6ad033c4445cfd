// Receiving and sending buffers: frames are found however they arrive, and memory stays bounded.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <string>

#include "../../../libs/remoting/src/frame_buffer.hpp"
#include "../../../libs/remoting/src/outbox.hpp"
#include "comet/base/bytes.hpp"
#include "comet/remoting/errors.hpp"

using namespace comet;
using namespace comet::remoting;

namespace {

constexpr std::size_t kMaxFrame = 16u << 20;

std::string frame_with(std::string body) {
  RemotingCommand command = RemotingCommand::request(RequestCode::heart_beat, std::move(body));
  std::string bytes;
  encode_frame_head(command, bytes);
  bytes += command.body.view();
  return bytes;
}

// As a socket would fill it.
std::size_t feed(FrameBuffer& buffer, std::string_view bytes) {
  std::span<char> space = buffer.space();
  const std::size_t size = std::min(space.size(), bytes.size());
  std::memcpy(space.data(), bytes.data(), size);
  buffer.commit(size);
  return size;
}

void feed_all(FrameBuffer& buffer, std::string_view bytes) {
  while (!bytes.empty()) bytes.remove_prefix(feed(buffer, bytes));
}

std::string next_body(FrameBuffer& buffer) {
  Result<FrameInfo> frame = buffer.next();
  BOOST_REQUIRE(frame.has_value());
  return frame->complete ? std::string(frame->body) : "(incomplete)";
}

}  // namespace

BOOST_AUTO_TEST_CASE(frames_are_found_wherever_the_reads_split_them) {
  const std::string bytes = frame_with("first") + frame_with("") + frame_with("third");
  for (std::size_t split = 0; split <= bytes.size(); ++split) {
    FrameBuffer buffer(kMaxFrame);
    std::string bodies;
    auto take_all = [&] {
      for (;;) {
        std::string body = next_body(buffer);
        if (body == "(incomplete)") return;
        bodies += body + ";";
      }
    };
    feed_all(buffer, std::string_view(bytes).substr(0, split));
    take_all();
    feed_all(buffer, std::string_view(bytes).substr(split));
    take_all();
    BOOST_TEST(bodies == "first;;third;", "split at " << split);
  }
}

BOOST_AUTO_TEST_CASE(frames_are_found_in_single_bytes) {
  FrameBuffer buffer(kMaxFrame);
  const std::string bytes = frame_with("body");
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    BOOST_TEST(next_body(buffer) == "(incomplete)");
    feed_all(buffer, bytes.substr(i, 1));
  }
  BOOST_TEST(next_body(buffer) == "body");
}

BOOST_AUTO_TEST_CASE(a_body_stays_while_somebody_holds_it_and_later_bytes_arrive) {
  FrameBuffer buffer(kMaxFrame);
  std::vector<SharedBytes> kept;
  for (int i = 0; i < 200; ++i) {
    feed_all(buffer, frame_with(std::string(500, static_cast<char>('a' + i % 26))));
    Result<FrameInfo> frame = buffer.next();
    BOOST_REQUIRE(frame->complete);
    kept.push_back(buffer.share(frame->body));
  }
  for (std::size_t i = 0; i < kept.size(); ++i) {
    BOOST_TEST(kept[i].view() == std::string(500, static_cast<char>('a' + i % 26)));
  }
}

BOOST_AUTO_TEST_CASE(memory_is_used_again_when_nobody_holds_a_body) {
  FrameBuffer buffer(kMaxFrame);
  const std::string bytes = frame_with(std::string(500, 'x'));
  feed_all(buffer, bytes);
  const char* slab = buffer.next()->body.data();
  for (int i = 0; i < 100; ++i) {
    feed_all(buffer, bytes);
    Result<FrameInfo> frame = buffer.next();
    SharedBytes body = buffer.share(frame->body);
    BOOST_TEST(static_cast<const void*>(body.view().data()) == static_cast<const void*>(slab));
  }
}

BOOST_AUTO_TEST_CASE(an_announced_length_allocates_nothing_before_its_bytes_arrive) {
  FrameBuffer buffer(kMaxFrame);
  const std::string bytes = frame_with(std::string(8u << 20, 'x'));
  std::size_t fed = 0;
  std::string_view rest = bytes;
  while (!rest.empty()) {
    std::size_t size = feed(buffer, rest.substr(0, 10'000));
    rest.remove_prefix(size);
    fed += size;
    BOOST_TEST(buffer.capacity() <= std::max(2 * fed, FrameBuffer::kMaxSlab));
    if (!rest.empty()) BOOST_TEST(next_body(buffer) == "(incomplete)");
  }
  BOOST_TEST(next_body(buffer).size() == 8u << 20);
}

BOOST_AUTO_TEST_CASE(memory_of_a_large_frame_is_given_back) {
  FrameBuffer buffer(kMaxFrame);
  feed_all(buffer, frame_with(std::string(4u << 20, 'x')));
  BOOST_TEST(next_body(buffer).size() == 4u << 20);
  static_cast<void>(buffer.space());
  BOOST_TEST(buffer.capacity() <= FrameBuffer::kMaxSlab);
}

BOOST_AUTO_TEST_CASE(a_busy_peer_gets_large_reads_and_an_idle_one_keeps_little_memory) {
  FrameBuffer buffer(kMaxFrame);
  BOOST_TEST(buffer.space().size() <= FrameBuffer::kMinSlab);
  std::string burst;
  while (burst.size() < 500'000) burst += frame_with(std::string(1000, 'x'));
  for (std::string_view rest = burst; !rest.empty();) {
    rest.remove_prefix(feed(buffer, rest));
    while (buffer.next()->complete) {
    }
  }
  BOOST_TEST(buffer.capacity() == FrameBuffer::kMaxSlab);
  for (int i = 0; i < 50; ++i) {
    feed_all(buffer, frame_with("heartbeat"));
    BOOST_TEST(next_body(buffer) == "heartbeat");
  }
  static_cast<void>(buffer.space());
  BOOST_TEST(buffer.capacity() == FrameBuffer::kMinSlab);
}

BOOST_AUTO_TEST_CASE(a_small_body_does_not_keep_a_large_slab) {
  FrameBuffer buffer(kMaxFrame);
  feed_all(buffer, frame_with(std::string(1u << 20, 'x')) + frame_with("small"));
  BOOST_TEST(next_body(buffer).size() == 1u << 20);
  Result<FrameInfo> frame = buffer.next();
  BOOST_REQUIRE(frame->complete);
  SharedBytes body = buffer.share(frame->body);
  BOOST_TEST(body.view() == "small");
  BOOST_TEST(static_cast<const void*>(body.view().data()) !=
             static_cast<const void*>(frame->body.data()));
}

BOOST_AUTO_TEST_CASE(the_outbox_copies_small_bodies_and_refers_to_large_ones) {
  Outbox outbox;
  const SharedBytes large = SharedBytes::own(std::string(100'000, 'L'));
  Body mixed(std::string("small"));
  mixed.append(large);
  mixed.append(SharedBytes::own("tail"));
  RemotingCommand command = RemotingCommand::request(RequestCode::pull_message, mixed);
  std::string expected;
  encode_frame_head(command, expected);
  expected += mixed.to_string();
  const std::size_t size = outbox.append(command, kMaxFrame);
  BOOST_TEST(size == expected.size());
  BOOST_TEST(outbox.append(RemotingCommand::request(RequestCode::heart_beat), kMaxFrame) != 0u);
  encode_frame_head(RemotingCommand::request(RequestCode::heart_beat), expected);

  std::span<const boost::asio::const_buffer> buffers = outbox.buffers();
  BOOST_TEST(buffers.size() == 3u);  // head and small piece, large piece, tail and second frame
  BOOST_TEST(buffers[1].data() == static_cast<const void*>(large.view().data()));
  std::string written;
  for (const auto& buffer : buffers) {
    written.append(static_cast<const char*>(buffer.data()), buffer.size());
  }
  BOOST_TEST(written == expected);
  BOOST_TEST(outbox.size() == expected.size());
  outbox.clear();
  BOOST_TEST(outbox.empty());
  BOOST_TEST(outbox.buffers().empty());
}

// Records of a pull's answer: the pieces are referred to, not copied, and each file of the log is
// kept exactly as long as a piece of it is there.
BOOST_AUTO_TEST_CASE(the_outbox_refers_to_the_pieces_of_a_body_and_keeps_their_owners) {
  auto first = std::make_shared<std::string>(5000, 'a');
  auto second = std::make_shared<std::string>(5000, 'b');
  Outbox outbox;
  {
    RemotingCommand command = RemotingCommand::request(RequestCode::pull_message);
    const auto add = [&command](const std::shared_ptr<std::string>& owner, std::size_t begin,
                                std::size_t size) {
      command.body.append(SharedBytes(owner, std::string_view(*owner).substr(begin, size)));
    };
    add(first, 0, 600);
    add(first, 1000, 700);
    add(second, 0, 800);
    add(first, 2000, 900);
    add(first, 3000, 100);  // too small to be worth a reference
    add(second, 1000, 600);
    BOOST_TEST(outbox.append(command, kMaxFrame) > 0u);
  }
  BOOST_TEST(first.use_count() > 1);
  BOOST_TEST(second.use_count() > 1);
  std::string sent;
  std::size_t referred = 0;
  for (const boost::asio::const_buffer& buffer : outbox.buffers()) {
    const char* data = static_cast<const char*>(buffer.data());
    sent.append(data, buffer.size());
    const auto lies_in = [data](const std::string& text) {
      return data >= text.data() && data < text.data() + text.size();
    };
    if (lies_in(*first) || lies_in(*second)) ++referred;
  }
  BOOST_TEST(referred == 5u);
  BOOST_TEST(sent.size() == outbox.size());
  BOOST_TEST(sent.ends_with(std::string(1300, 'a') + std::string(800, 'b') +
                            std::string(1000, 'a') + std::string(600, 'b')));
  outbox.clear();
  BOOST_TEST(first.use_count() == 1);
  BOOST_TEST(second.use_count() == 1);
}

BOOST_AUTO_TEST_CASE(what_has_been_sent_of_the_outbox_is_skipped_wherever_it_ends) {
  Outbox outbox;
  Body mixed(std::string("small"));
  mixed.append(SharedBytes::own(std::string(5000, 'L')));
  mixed.append(SharedBytes::own("tail"));
  const RemotingCommand command = RemotingCommand::request(RequestCode::pull_message, mixed);
  outbox.append(command, kMaxFrame);
  std::string expected;
  encode_frame_head(command, expected);
  expected += mixed.to_string();
  std::size_t sent = 0;
  for (std::size_t step : {0u, 1u, 100u, 4000u, 1u, 0u, 1000u}) {
    outbox.skip(step);
    sent += step;
    std::string rest;
    for (const auto& buffer : outbox.buffers()) {
      BOOST_TEST(buffer.size() != 0u);
      rest.append(static_cast<const char*>(buffer.data()), buffer.size());
    }
    BOOST_TEST(rest == expected.substr(sent));
    BOOST_TEST(outbox.size() == rest.size());
  }
  outbox.skip(outbox.size());
  BOOST_TEST(outbox.empty());
  BOOST_TEST(outbox.buffers().empty());
  outbox.clear();
  outbox.append(command, kMaxFrame);
  BOOST_TEST(outbox.size() == expected.size());
}

BOOST_AUTO_TEST_CASE(the_outbox_refuses_frames_beyond_the_limit_and_stays_whole) {
  Outbox outbox;
  RemotingCommand fits = RemotingCommand::request(RequestCode::heart_beat, std::string(1000, 'x'));
  const std::size_t size = outbox.append(fits, kMaxFrame);
  BOOST_TEST(outbox.append(fits, size) == size);
  BOOST_TEST(outbox.append(fits, size - 1) == 0u);
  BOOST_TEST(outbox.size() == 2 * size);
  BOOST_TEST(outbox.buffers()[0].size() == 2 * size);
}

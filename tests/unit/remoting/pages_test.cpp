// Answers whose bodies are pages of files: the kernel alone reads them.
#include <boost/test/unit_test.hpp>
#include <string>

#include "../../../libs/remoting/src/outbox.hpp"
#include "gated_stream.hpp"

using namespace comet;
using namespace comet::remoting;
using namespace comet::remoting::test;

namespace {

// "Pages" of memory, and a "file" that says the same.
class Pages final : public FilePages {
 public:
  explicit Pages(std::string content) : content_(std::move(content)) {}

  Result<SharedBytes> copy(std::span<const char> part) const override {
    ++copies;
    if (fails) return error_code(BaseErrc::bad_value);
    return SharedBytes::own(std::string(part.data(), part.size()));
  }
  std::string note_unsendable(const char* at) const override {
    noted.push_back(at - content_.data());
    return "the file";
  }
  std::span<const char> part(std::size_t at, std::size_t size) const {
    return {content_.data() + at, size};
  }

  bool fails = false;
  mutable int copies = 0;
  mutable std::vector<std::ptrdiff_t> noted;

 private:
  const std::string content_;
};

std::string numbers() {
  std::string text;
  for (int i = 0; text.size() < 20'000; ++i) text += std::to_string(i) + ' ';
  return text;
}

struct World {
  World() {
    auto handlers = std::make_shared<Dispatcher>();
    handlers->on(RequestCode::pull_message, [this](Request& request) -> Reply {
      RemotingCommand reply = RemotingCommand::response(request.command, ResponseCode::success);
      PagedBytes bytes(pages);
      for (const std::size_t at : {0U, 10U, 1000U, 3000U}) bytes.append(pages->part(at, 10));
      bytes.append(pages->part(5000, 4000));
      reply.body = Body(std::move(bytes));
      return reply;
    });
    auto owned = std::make_unique<GatedStream>(world.executor(), world.time);
    stream = owned.get();
    stream->set_open(true);
    running = &world.run_on(std::move(owned), handlers);
    world.settle();
  }
  void ask() {
    stream->feed(frame_of(request_of(RequestCode::pull_message, 1)));
    world.settle();
  }
  std::string body_of_answer() const {
    const Result<FrameInfo> frame = inspect_frame(stream->outgoing, 1U << 20U);
    BOOST_TEST_REQUIRE((frame && frame->complete));
    return std::string(frame->body);
  }
  std::string expected() const {
    const std::string text = numbers();
    return text.substr(0, 20) + text.substr(1000, 10) + text.substr(3000, 10) +
           text.substr(5000, 4000);
  }

  RemotingWorld world;
  std::shared_ptr<Pages> pages = std::make_shared<Pages>(numbers());
  GatedStream* stream = nullptr;
  Running* running = nullptr;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(pages)

BOOST_FIXTURE_TEST_CASE(pages_go_to_a_stream_that_sends_them_without_a_copy, World) {
  stream->pages = true;
  BOOST_TEST(running->connection->sends_pages());
  ask();
  BOOST_TEST(body_of_answer() == expected());
  BOOST_TEST(pages->copies == 0);
  BOOST_TEST(pages.use_count() == 1, "nothing holds what has been sent");
}

BOOST_FIXTURE_TEST_CASE(other_streams_get_a_copy_of_what_the_file_says, World) {
  BOOST_TEST(!running->connection->sends_pages());
  ask();
  BOOST_TEST(body_of_answer() == expected());
  BOOST_TEST(pages->copies == 4, "neighbours are one part");
}

BOOST_FIXTURE_TEST_CASE(a_file_that_cannot_be_copied_from_ends_the_connection, World) {
  pages->fails = true;
  ask();
  BOOST_TEST(stream->outgoing.empty());
  BOOST_TEST((running->ended == error_code(BaseErrc::bad_value)));
}

BOOST_FIXTURE_TEST_CASE(what_the_kernel_cannot_read_ends_the_connection_and_is_told_to_the_file,
                        World) {
  stream->pages = true;
  stream->readable = 3000;
  ask();
  BOOST_TEST((running->ended == make_error_code(boost::system::errc::bad_address)));
  BOOST_TEST_REQUIRE(pages->noted.size() == 1U);
  const std::size_t head = stream->outgoing.find("0 1 2 3");
  BOOST_TEST(pages->noted.at(0) == 5000 + 3000 - static_cast<std::ptrdiff_t>(head) - 40);
  BOOST_TEST(pages.use_count() == 1);
}

BOOST_FIXTURE_TEST_CASE(answers_behind_each_other_know_their_files, World) {
  Outbox outbox;
  const auto other = std::make_shared<Pages>(std::string(9000, 'x'));
  for (const auto& file : {pages, other}) {
    RemotingCommand answer =
        RemotingCommand::response(request_of(RequestCode::pull_message, 1), ResponseCode::success);
    PagedBytes bytes(file);
    bytes.append(file->part(7, 1));
    bytes.append(file->part(100, 5000));
    answer.body = Body(std::move(bytes));
    BOOST_TEST(outbox.append(answer, 1U << 20U) > 5001U);
  }
  BOOST_TEST(outbox.note_unsendable(other->part(101, 1).data()) == "the file");
  BOOST_TEST(other->noted.size() == 1U);
  BOOST_TEST(pages->noted.empty());
  BOOST_TEST(outbox.note_unsendable("elsewhere").empty());
  outbox.clear();
  BOOST_TEST(other.use_count() == 1);
}

BOOST_AUTO_TEST_SUITE_END()

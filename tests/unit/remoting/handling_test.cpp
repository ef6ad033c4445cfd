// Handlers that are coroutines which begin at once.
#include <boost/test/unit_test.hpp>
#include <deque>
#include <stdexcept>

#include "comet/remoting/handling.hpp"
#include "remoting_world.hpp"

using namespace comet;
using namespace comet::remoting;
using namespace comet::remoting::test;

namespace {

// What the handlings of a test wait for. Owns those that wait.
class Gate {
 public:
  Gate() = default;
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  ~Gate() { drop_all(); }

  class Wait {
   public:
    explicit Wait(Gate& gate) : gate_(gate) {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(Handling::Handle handle) {
      const Handling::Wait wait(handle);
      gate_.waiting.push_back(handle);
    }
    void await_resume() const noexcept {}

   private:
    Gate& gate_;
  };

  void resume_first() {
    const Handling::Handle handle = waiting.front();
    waiting.pop_front();
    handle.resume();
  }
  void drop_all() {
    for (const Handling::Handle& handle : waiting) handle.destroy();
    waiting.clear();
  }

  std::deque<Handling::Handle> waiting;
};

// A wait that cannot begin.
class Broken {
 public:
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(Handling::Handle handle) {
    const Handling::Wait wait(handle);
    const Resume<int> resume(handle, result_);
    throw std::runtime_error("it cannot be waited for");
  }
  [[nodiscard]] int await_resume() const noexcept { return result_; }

 private:
  int result_ = 0;
};

class Feature {
 public:
  // The body says what becomes of the request.
  Handling handle(Request request) {
    const std::string what(request.command.body.view());
    if (what == "refuse") co_return Refusal(ResponseCode::no_permission, "not you");
    if (what == "throw refusal") throw Refusal(ResponseCode::topic_not_exist, "no such topic");
    if (what == "throw") throw std::runtime_error("out of order");
    if (what == "nothing") co_return std::nullopt;
    if (what == "broken") {
      const int never = co_await Broken();
      co_return Refusal(ResponseCode::success, std::to_string(never));
    }
    if (what.starts_with("wait")) {
      co_await Gate::Wait(gate);
      if (what == "wait twice") co_await Gate::Wait(gate);
      if (what == "wait and throw") throw Refusal(ResponseCode::system_busy, "later");
    }
    // The request is the coroutine's own, also after it has waited.
    co_return RemotingCommand::response(
        request.command, ResponseCode::success,
        what + " " + std::string(request.command.fields.find("name").value_or("nobody")));
  }

  Gate gate;
};

class World : public RemotingWorld {
 public:
  explicit World(ConnectionLimits limits = {}, std::size_t max_concurrent = 0)
      : ends_(serve_raw(make_handlers(max_concurrent), limits)) {}

  Running& server() { return ends_.first; }
  RawPeer& peer() { return ends_.second; }
  Gate& gate() { return feature_.gate; }
  static std::string request(std::int32_t opaque, std::string what) {
    RemotingCommand command = request_of(RequestCode::pull_message, opaque, std::move(what));
    command.fields.add("name", "number " + std::to_string(opaque));
    return frame_of(command);
  }
  void send(const std::string& bytes) {
    run(peer().send(bytes));
    settle();
  }
  RemotingCommand receive() { return *run(peer().receive()); }
  void resume_first() {
    gate().resume_first();
    settle();
  }

 private:
  std::shared_ptr<Dispatcher> make_handlers(std::size_t max_concurrent) {
    std::shared_ptr<Dispatcher> handlers = echo(time);
    const auto handler = [this](Request&& request) { return feature_.handle(std::move(request)); };
    handlers->on_handling(RequestCode::pull_message, handler, max_concurrent);
    return handlers;
  }

  Feature feature_;
  std::pair<Running&, RawPeer> ends_;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_handling_that_does_not_wait_answers_in_the_order_of_the_requests) {
  World world;
  world.send(World::request(1, "a") + frame_of(request_of(RequestCode::heart_beat, 2)) +
             World::request(3, "b"));
  BOOST_TEST(world.receive().remark == "a number 1");
  BOOST_TEST(world.receive().opaque == 2);
  BOOST_TEST(world.receive().remark == "b number 3");
}

BOOST_AUTO_TEST_CASE(a_refusal_is_the_answer_whether_it_is_returned_or_thrown) {
  World world;
  world.send(World::request(1, "refuse") + World::request(2, "throw refusal"));
  const RemotingCommand returned = world.receive();
  BOOST_TEST((returned.response_code() == ResponseCode::no_permission));
  BOOST_TEST(returned.remark == "not you");
  BOOST_TEST(returned.opaque == 1);
  const RemotingCommand thrown = world.receive();
  BOOST_TEST((thrown.response_code() == ResponseCode::topic_not_exist));
  BOOST_TEST(thrown.remark == "no such topic");
  BOOST_TEST(thrown.opaque == 2);
}

BOOST_AUTO_TEST_CASE(any_other_exception_is_a_system_error) {
  World world;
  world.send(World::request(1, "throw"));
  const RemotingCommand answer = world.receive();
  BOOST_TEST((answer.response_code() == ResponseCode::system_error));
  BOOST_TEST(answer.remark == "out of order");
}

BOOST_AUTO_TEST_CASE(an_exception_of_a_wait_that_begins_is_the_coroutines) {
  World world;
  world.send(World::request(1, "broken"));
  const RemotingCommand answer = world.receive();
  BOOST_TEST((answer.response_code() == ResponseCode::system_error));
  BOOST_TEST(answer.remark == "it cannot be waited for");
}

BOOST_AUTO_TEST_CASE(reading_pauses_while_handlings_that_wait_hold_too_many_bytes) {
  ConnectionLimits limits;
  limits.max_handler_bytes = 100'000;
  World world(limits);
  std::string burst;
  for (int i = 1; i <= 12; ++i) {
    RemotingCommand command = request_of(RequestCode::pull_message, i, "wait");
    command.fields.add("name", std::string(60'000, 'n'));
    burst += frame_of(command);
  }
  world.send(burst);
  BOOST_TEST(world.gate().waiting.size() == 2u);
  for (int i = 1; i <= 12; ++i) {
    BOOST_REQUIRE(!world.gate().waiting.empty());
    world.resume_first();
    BOOST_TEST(world.receive().opaque == i);
  }
}

BOOST_AUTO_TEST_CASE(a_handling_may_give_no_answer) {
  World world;
  world.send(World::request(1, "nothing") + World::request(2, "a"));
  BOOST_TEST(world.receive().opaque == 2);
}

BOOST_AUTO_TEST_CASE(a_handling_that_waits_is_answered_when_it_goes_on_and_others_go_before) {
  World world;
  world.send(World::request(1, "wait") + World::request(2, "wait twice") + World::request(3, "a"));
  BOOST_TEST(world.receive().opaque == 3);
  BOOST_REQUIRE(world.gate().waiting.size() == 2u);
  world.resume_first();
  BOOST_TEST(world.receive().remark == "wait number 1");
  world.resume_first();
  BOOST_REQUIRE(world.gate().waiting.size() == 1u);
  world.resume_first();
  BOOST_TEST(world.receive().remark == "wait twice number 2");
}

BOOST_AUTO_TEST_CASE(a_refusal_after_a_wait_is_the_answer_too) {
  World world;
  world.send(World::request(1, "wait and throw"));
  world.resume_first();
  const RemotingCommand answer = world.receive();
  BOOST_TEST((answer.response_code() == ResponseCode::system_busy));
  BOOST_TEST(answer.remark == "later");
}

BOOST_AUTO_TEST_CASE(reading_pauses_while_too_many_handlings_wait) {
  ConnectionLimits limits;
  limits.max_handlers = 4;
  World world(limits);
  std::string burst;
  for (int i = 1; i <= 12; ++i) burst += World::request(i, "wait");
  world.send(burst);
  BOOST_TEST(world.gate().waiting.size() == 5u);
  for (int i = 1; i <= 12; ++i) {
    BOOST_REQUIRE(!world.gate().waiting.empty());
    world.resume_first();
    BOOST_TEST(world.receive().opaque == i);
  }
}

BOOST_AUTO_TEST_CASE(beyond_its_own_number_of_handlings_a_code_is_answered_busy) {
  World world({}, 2);
  world.send(World::request(1, "wait") + World::request(2, "wait") + World::request(3, "wait") +
             World::request(4, "a"));
  for (const int opaque : {3, 4}) {
    const RemotingCommand busy = world.receive();
    BOOST_TEST(busy.opaque == opaque);
    BOOST_TEST((busy.response_code() == ResponseCode::system_busy));
  }
  world.resume_first();
  BOOST_TEST(world.receive().opaque == 1);
  world.send(World::request(5, "a"));  // does not wait: its place is free again at once
  BOOST_TEST(world.receive().remark == "a number 5");
  world.send(World::request(6, "a"));
  BOOST_TEST(world.receive().remark == "a number 6");
}

BOOST_AUTO_TEST_CASE(a_handling_that_is_destroyed_while_it_waits_frees_its_place) {
  ConnectionLimits limits;
  limits.max_handlers = 1;
  World world(limits);
  world.send(World::request(1, "wait") + World::request(2, "wait") + World::request(3, "a"));
  BOOST_REQUIRE(world.gate().waiting.size() == 2u);
  world.gate().drop_all();
  world.settle();
  BOOST_TEST(world.receive().opaque == 3);
}

BOOST_AUTO_TEST_CASE(a_graceful_close_waits_for_handlings) {
  World world;
  world.send(World::request(1, "wait"));
  world.server()->close_when_done();
  world.settle();
  BOOST_TEST(world.server()->is_open());
  world.resume_first();
  BOOST_TEST(world.receive().opaque == 1);
  BOOST_TEST(world.server().ended.has_value());
}

BOOST_AUTO_TEST_CASE(a_handling_runs_to_its_end_when_its_peer_has_gone) {
  World world;
  world.send(World::request(1, "wait"));
  world.peer().close();
  world.settle();
  BOOST_REQUIRE(world.server().ended.has_value());
  world.resume_first();
  BOOST_TEST(world.gate().waiting.empty());
}

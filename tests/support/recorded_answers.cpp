#include "recorded_answers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <regex>
#include <set>
#include <sstream>

#include "comet/remoting/connection.hpp"
#include "test_data.hpp"

namespace comet::inline v0_1::test {

namespace json = boost::json;
using remoting::RemotingCommand;
using remoting::RequestCode;
using remoting::ResponseCode;

namespace {

std::string text_of(const json::object& object, const char* name) {
  const json::value* value = object.if_contains(name);
  return value == nullptr ? std::string() : std::string(value->as_string());
}

std::int64_t number_of(const json::object& object, const char* name, std::int64_t otherwise) {
  const json::value* value = object.if_contains(name);
  return value == nullptr ? otherwise : value->as_int64();
}

bool is_set(const json::object& object, const char* name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->as_bool();
}

// Readable, and without loss: bytes that are no printable ASCII become \xNN.
std::string readable(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '\\') {
      text += c;
    } else {
      text += c == '\\' ? std::string("\\\\") : fmt::format("\\x{:02x}", byte);
    }
  }
  return text;
}

std::string describe(const RemotingCommand& command) {
  std::string text;
  std::vector<std::string> fields;
  for (std::size_t i = 0; i < command.fields.size(); ++i) {
    const auto [name, value] = command.fields[i];
    fields.push_back(fmt::format(" {}={}", name, readable(value)));
  }
  std::ranges::sort(fields);
  for (const std::string& field : fields) text += field;
  if (!command.remark.empty()) text += " remark: " + readable(command.remark);
  if (!command.body.empty()) text += " body: " + readable(command.body.to_string());
  return text;
}

}  // namespace

// A client with a connection of its own.
class RecordedAnswers::Peer {
 public:
  Peer(VirtualWorld& world, const Address& server) : world_(world), server_(server) {
    auto dispatcher = std::make_shared<remoting::Dispatcher>();
    dispatcher->otherwise([this](remoting::Request& request) -> remoting::Reply {
      got.push_back(request.command);
      const auto answer = answers.find(request.command.code);
      if (answer == answers.end() || request.command.is_oneway()) return std::nullopt;
      RemotingCommand response =
          RemotingCommand::response(request.command, ResponseCode::success, {});
      response.body = Body(answer->second);
      return response;
    });
    remoting::ClientConfig config;
    config.connection.idle = std::chrono::hours(1000);  // what closes connections is the server
    client_ = std::make_unique<remoting::Client>(world.executor(), world.network, world.time,
                                                 config, dispatcher);
  }
  ~Peer() { world_.run(client_->stop()); }

  std::optional<RemotingCommand> ask(RemotingCommand request, bool waits) {
    struct Outcome {
      std::optional<RemotingCommand> answer;
      bool done = false;
    };
    const auto outcome = std::make_shared<Outcome>();  // outlives this function if nothing comes
    auto call = client_->invoke(server_, std::move(request), world_.time.now() + kPatience);
    asio::co_spawn(world_.context, std::move(call),
                   [outcome](std::exception_ptr problem, RemotingCommand answer) {
                     outcome->done = true;
                     if (!problem) outcome->answer = std::move(answer);
                   });
    if (waits) {
      world_.run_until([&] { return outcome->done; });
      return std::move(outcome->answer);
    }
    // The server's helper threads take real time; virtual time stands still.
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    constexpr Duration kNone{};  // but timers that are due now fire
    for (world_.pass(kNone); !outcome->done; world_.pass(kNone)) {
      if (std::chrono::steady_clock::now() > end) {
        throw std::runtime_error("no answer while no time passes: the step needs \"waits\": true");
      }
      world_.context.restart();
      world_.context.run_one_for(std::chrono::milliseconds(10));
    }
    return std::move(outcome->answer);
  }
  void tell(RemotingCommand request) {
    request.mark_oneway();
    world_.run(client_->invoke_oneway(server_, std::move(request), world_.time.now() + kPatience));
  }
  void close() { client_->close(server_); }

  std::map<std::int32_t, std::string> answers;  // by request code
  std::vector<RemotingCommand> got;

 private:
  static constexpr Duration kPatience = std::chrono::seconds(40);
  VirtualWorld& world_;
  const Address server_;
  std::unique_ptr<remoting::Client> client_;
};

RecordedAnswers::RecordedAnswers(VirtualWorld& world, Address server)
    : world_(world), server_(std::move(server)) {}
RecordedAnswers::~RecordedAnswers() = default;

void RecordedAnswers::replace(std::string text, std::string by) {
  replaced_.emplace_back(std::move(text), std::move(by));
}

void RecordedAnswers::hide(const std::vector<std::string>& names) {
  hidden_.insert(hidden_.end(), names.begin(), names.end());
}

std::string RecordedAnswers::cleaned(std::string text) const {
  for (const auto& [what, by] : replaced_) {
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at)) {
      text.replace(at, what.size(), by);
      at += by.size();
    }
  }
  for (const std::string& name : hidden_) {
    text = std::regex_replace(text, std::regex("\"(" + name + R"RE()":("[^"]*"|[^,}\]]*))RE"),
                              R"("$1":"...")");
    text = std::regex_replace(text, std::regex(" (" + name + ")=[^ ]*"), " $1=...");
  }
  return text;
}

RecordedAnswers::Peer& RecordedAnswers::peer(const std::string& name) {
  std::unique_ptr<Peer>& one = peers_[name.empty() ? "admin" : name];
  if (!one) one = std::make_unique<Peer>(world_, server_);
  return *one;
}

void RecordedAnswers::report(std::string& result) {
  world_.settle();
  for (auto& [name, one] : peers_) {
    for (const RemotingCommand& frame : std::exchange(one->got, {})) {
      result += fmt::format("! {} got {}{}{}\n", name, remoting::to_string(frame.request_code()),
                            frame.is_oneway() ? " oneway" : "", describe(frame));
    }
  }
  for (const std::string& line : log_.take()) result += "~ " + readable(line) + "\n";
}

void RecordedAnswers::send(Peer& from, RemotingCommand request, bool waits, std::string& result) {
  const std::optional<RemotingCommand> answer = from.ask(std::move(request), waits);
  if (!answer) {
    result += "< (none)\n";
  } else {
    result += fmt::format("< {} {}{}\n", answer->code, remoting::to_string(answer->response_code()),
                          describe(*answer));
  }
}

void RecordedAnswers::ask(const json::object& step, std::string& result) {
  RemotingCommand request =
      RemotingCommand::request(static_cast<RequestCode>(step.at("code").as_int64()));
  request.version = static_cast<std::int32_t>(number_of(step, "version", 409));
  request.language = remoting::Language::java;
  if (const json::value* fields = step.if_contains("fields")) {
    for (const auto& field : fields->as_object())
      request.fields.add(std::string(field.key()), std::string(field.value().as_string()));
  }
  if (const json::value* body = step.if_contains("body")) {
    request.body =
        Body(body->is_string() ? std::string(body->as_string()) : json::serialize(*body));
  }
  Peer& from = peer(text_of(step, "from"));
  if (is_set(step, "oneway")) return from.tell(std::move(request));
  send(from, std::move(request), is_set(step, "waits"), result);
}

void RecordedAnswers::ask_every(const json::object& step, std::string& result) {
  std::set<std::int64_t> left_out;
  for (const json::value& code : step.at("every").as_array()) left_out.insert(code.as_int64());
  static constexpr std::pair<std::string_view, std::int32_t> kCodes[] = {
#define COMET_X(name, number) {#name, number},
      COMET_REQUEST_CODES(COMET_X)
#undef COMET_X
  };
  for (const auto& [name, code] : kCodes) {
    if (left_out.contains(code)) continue;
    result += fmt::format("{} {}: ", name, code);
    RemotingCommand request = RemotingCommand::request(static_cast<RequestCode>(code));
    request.language = remoting::Language::java;
    try {
      send(peer("bare"), std::move(request), false, result);
    } catch (const std::exception& problem) {
      throw std::runtime_error(fmt::format("{} {}: {}", name, code, problem.what()));
    }
    report(result);
  }
}

std::string RecordedAnswers::perform(const json::object& step) {
  std::string result;
  if (step.contains("every")) {
    ask_every(step, result);
  } else if (step.contains("code")) {
    ask(step, result);
  } else if (step.contains("pass")) {
    world_.pass(std::chrono::seconds(step.at("pass").as_int64()));
  } else if (step.contains("closes")) {
    peer(text_of(step, "closes")).close();
  } else {
    for (const auto& answer : step.at("answers").as_object()) {
      peer(text_of(step, "from")).answers[std::stoi(std::string(answer.key()))] =
          std::string(answer.value().as_string());
    }
  }
  report(result);
  return result;
}

void RecordedAnswers::run(const std::string& file) {
  const std::string path = std::string(test_data()) + "/answers/" + file;
  std::ifstream in(path);
  BOOST_REQUIRE_MESSAGE(in, path);
  std::vector<std::string> recorded, now;
  std::string step;
  for (std::string line; std::getline(in, line);) {
    recorded.push_back(line);
    if (!line.starts_with("> ")) {
      if (line.starts_with('#') || line.empty()) now.push_back(line);
      continue;
    }
    now.push_back(line);
    try {
      std::istringstream result(cleaned(perform(json::parse(line.substr(2)).as_object())));
      for (std::string one; std::getline(result, one);) now.push_back(one);
    } catch (const std::exception& problem) {
      BOOST_FAIL(line << ": " << problem.what());
    }
  }
  if (std::getenv("COMET_RECORD") != nullptr) {
    std::ofstream out(path);
    for (const std::string& line : now) out << line << '\n';
    return;
  }
  const auto [was, is] = std::ranges::mismatch(recorded, now);
  const auto line_or_end = [](const auto& at, const auto& lines) {
    return at == lines.end() ? std::string("(the end)") : *at;
  };
  BOOST_TEST((was == recorded.end() && is == now.end()),
             path << ", line " << was - recorded.begin() + 1 << "\n  recorded: "
                  << line_or_end(was, recorded) << "\n  now:      " << line_or_end(is, now));
}

}  // namespace comet::inline v0_1::test

// cometctl: asks name servers and brokers, as Apache's mqadmin does.

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <csignal>
#include <cstdio>
#include <exception>

#include "comet/base/json.hpp"
#include "comet/base/log.hpp"
#include "comet/base/printable.hpp"
#include "comet/remoting/errors.hpp"
#include "context.hpp"
#include "help.hpp"

namespace {

using namespace comet;
using namespace comet::ctl;

// Problems are for stderr: JSON for programs, a line for people.
void complain(bool json, int code, const std::string& what, const error_code* error = nullptr) {
  if (!json) {
    fmt::print(stderr, "cometctl: {}\n", printable(what, 4096));
    return;
  }
  std::string text = "{\"error\":";
  append_json_string(text, what);
  text += fmt::format(",\"exitCode\":{}", code);
  if (error != nullptr && error->category() == remoting::response_category())
    text += fmt::format(",\"responseCode\":{}", error->value());
  fmt::print(stderr, "{}}}\n", text);
}

asio::awaitable<int> run_and_stop(const Subcommand& subcommand, Context& context) {
  std::exception_ptr problem;
  int code = kOk;
  try {
    code = co_await subcommand.run(context);
  } catch (...) {
    problem = std::current_exception();
  }
  co_await context.admin.stop();
  if (problem) std::rethrow_exception(problem);
  co_return code;
}

int run_subcommand(const Subcommand& subcommand, const Arguments& arguments) {
  asio::io_context context(1);
  admin::Admin admin(context.get_executor(), admin_config(arguments));
  Output out(arguments.has("json"));
  Context work(admin, arguments, out);
  int code = kOk;
  std::exception_ptr problem;
  auto on_end = [&](std::exception_ptr error, int result) {
    problem = error;
    code = result;
  };
  asio::co_spawn(context, run_and_stop(subcommand, work), on_end);
  context.run();
  try {
    if (problem) std::rethrow_exception(problem);
  } catch (const boost::system::system_error& error) {
    if (error.code() != ClientErrc::no_name_server || !admin.name_servers().empty()) throw;
    throw UsageError(
        "no name server is known: give -n (--namesrvAddr) or set NAMESRV_ADDR, host:port");
  }
  return code;
}

int unknown(std::string_view name) {
  std::string text = fmt::format("there is no subcommand '{}'", name);
  const std::string_view near = nearest_subcommand(name);
  if (!near.empty()) text += fmt::format("; did you mean {}?", near);
  fmt::print(stderr, "cometctl: {}\nTry cometctl help\n", printable(text));
  return kWrongUsage;
}

int help(const std::vector<std::string>& words) {
  if (words.empty()) return fmt::print("{}", list_subcommands()), kOk;
  if (words.size() > 1) throw UsageError("help is about one subcommand at a time");
  if (words[0] == "--markdown") return fmt::print("{}", markdown_reference()), kOk;
  const Subcommand* subcommand = find_subcommand(words[0]);
  if (subcommand == nullptr) return unknown(words[0]);
  fmt::print("{}", describe(*subcommand));
  return kOk;
}

int completion(const std::vector<std::string>& words) {
  if (words.size() != 1 || words[0] != "bash")
    throw UsageError("there is a completion for bash alone: cometctl completion bash");
  fmt::print("{}", bash_completion());
  return kOk;
}

int run(std::string_view name, const std::vector<std::string>& words) {
  if (name == "help" || name == "--help" || name == "-h") return help(words);
  if (name == "completion") return completion(words);
  if (name == "version" || name == "--version") {
    if (!words.empty()) throw UsageError("version takes no arguments");
    return fmt::print("cometctl {}\n", COMET_VERSION), kOk;
  }
  const Subcommand* subcommand = find_subcommand(name);
  if (subcommand == nullptr) return unknown(name);
  const Arguments arguments = Arguments::parse(subcommand->options, words);
  if (arguments.has("help")) return fmt::print("{}", describe(*subcommand)), kOk;
  return run_subcommand(*subcommand, arguments);
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_DFL);  // cometctl printMsg | head
  log::configure(log::Level::error);
  if (argc < 2) {
    fmt::print(stderr, "{}", list_subcommands());
    return kWrongUsage;
  }
  const std::string_view name = argv[1];
  const std::vector<std::string> words(argv + 2, argv + argc);
  const bool json = std::find(words.begin(), words.end(), "--json") != words.end();
  try {
    return run(name, words);
  } catch (const UsageError& error) {
    complain(json, kWrongUsage, error.what());
    if (!json) fmt::print(stderr, "Try cometctl help {}\n", printable(name));
    return kWrongUsage;
  } catch (const boost::system::system_error& error) {
    const error_code reason = error.code();
    const int code = exit_code(reason);
    complain(json, code, admin::describe(error), &reason);
    return code;
  } catch (const std::exception& error) {
    complain(json, kRefused, error.what());
    return kRefused;
  }
}

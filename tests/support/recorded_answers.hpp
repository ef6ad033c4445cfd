#pragma once
// Requests to a server and all that came of each: the answer, frames to others, log lines. A file
// in tests/data/answers has both; a run must give the file again, byte for byte, so that a change
// of the inside can only differ where the file was changed, too.
//
// A line of the file that begins with "> " is a step, in JSON:
//   {"code":310,"from":"p1","fields":{...},"body":"...","version":409,"oneway":true}
//       a request; `from` names a client, which has a connection of its own ("admin" without);
//       `version` is the request's, of Java (409 without); "waits": time passes until the answer
//   {"from":"c1","answers":{"307":"body"}}   how that client answers servers' requests from now on
//   {"closes":"c1"}  the client's connection ends
//   {"pass":90}      seconds go by
//   {"every":[...]}  a bare request with each code of RocketMQ but those
// What came of it follows in lines with "< " (the answer), "! " (a client got a frame) and "~ " (a
// log line). Lines with "#" are comments. With COMET_RECORD=1 in the environment the file is
// written anew instead.

#include <boost/json/object.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "comet/remoting/client.hpp"
#include "log_lines.hpp"
#include "virtual_world.hpp"

namespace comet::inline v0_1::test {

class RecordedAnswers {
 public:
  RecordedAnswers(VirtualWorld& world, Address server);
  ~RecordedAnswers();

  // Text that differs from run to run (a directory), and what is written instead.
  void replace(std::string text, std::string by);
  // The value of a JSON member or field of this name (a regular expression) is written as "...".
  void hide(const std::vector<std::string>& names);
  // Runs tests/data/answers/FILE and compares.
  void run(const std::string& file);

 private:
  class Peer;

  [[nodiscard]] std::string perform(const boost::json::object& step);
  void ask(const boost::json::object& step, std::string& result);
  void ask_every(const boost::json::object& step, std::string& result);
  void send(Peer& peer, remoting::RemotingCommand request, bool waits, std::string& result);
  void report(std::string& result);
  Peer& peer(const std::string& name);
  [[nodiscard]] std::string cleaned(std::string text) const;

  VirtualWorld& world_;
  Address server_;
  LogLines log_;
  std::map<std::string, std::unique_ptr<Peer>> peers_;
  std::vector<std::pair<std::string, std::string>> replaced_;
  std::vector<std::string> hidden_;
};

}  // namespace comet::inline v0_1::test

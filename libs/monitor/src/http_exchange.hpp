#pragma once
// HTTP without a connection: what has been asked, and the bytes of an answer.

#include <cstddef>
#include <string>
#include <string_view>

namespace comet::inline v0_1::monitor {

class HttpRequest {
 public:
  enum class State { incomplete, complete, bad };
  State state = State::incomplete;
  std::size_t size = 0;  // bytes of the request, when complete
  bool is_get = false;
  bool is_head = false;
  bool keep_alive = false;
  std::string path;       // the target without its query
  int status = 0;         // of the answer, when bad
  std::string complaint;  // when bad
};

// Reads the request at the beginning of `bytes`. Requests have no body here: one that announces one
// is bad. `max_header` bounds its size.
[[nodiscard]] HttpRequest read_http_request(std::string_view bytes, std::size_t max_header);

class HttpAnswer {
 public:
  HttpAnswer(int status_in, std::string_view content_type_in, std::string body_in)
      : status(status_in), content_type(content_type_in), body(std::move(body_in)) {}
  int status;
  std::string_view content_type;
  std::string body;
  std::string_view allow;  // with 405
};

[[nodiscard]] std::string write_http_answer(const HttpAnswer& answer, const HttpRequest& request);

}  // namespace comet::inline v0_1::monitor

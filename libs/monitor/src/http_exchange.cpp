#include "http_exchange.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <sstream>

namespace comet::inline v0_1::monitor {
namespace {

namespace http = boost::beast::http;

HttpRequest bad(int status, std::string complaint) {
  HttpRequest request;
  request.state = HttpRequest::State::bad;
  request.status = status;
  request.complaint = std::move(complaint);
  return request;
}

HttpRequest not_understood(const boost::system::error_code& error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return bad(431, "the request is too long");
  }
  return bad(400, error.message());
}

}  // namespace

HttpRequest read_http_request(std::string_view bytes, std::size_t max_header) {
  http::request_parser<http::empty_body> parser;
  parser.header_limit(static_cast<std::uint32_t>(max_header));
  boost::system::error_code error;
  const std::size_t size = parser.put(boost::asio::buffer(bytes.data(), bytes.size()), error);
  if (error == http::error::need_more || (!error && !parser.is_header_done())) {
    return bytes.size() < max_header ? HttpRequest() : bad(431, "the request is too long");
  }
  if (error) return not_understood(error);
  const auto& message = parser.get();
  if (parser.chunked() || parser.content_length().value_or(0) != 0) {
    return bad(413, "requests have no body here");
  }
  HttpRequest request;
  request.state = HttpRequest::State::complete;
  request.size = size;
  request.is_get = message.method() == http::verb::get;
  request.is_head = message.method() == http::verb::head;
  request.keep_alive = message.keep_alive();
  const boost::beast::string_view target = message.target();
  request.path.assign(target.data(), std::min(target.find('?'), target.size()));
  return request;
}

std::string write_http_answer(const HttpAnswer& answer, const HttpRequest& request) {
  http::response<http::string_body> response;
  response.result(static_cast<unsigned>(answer.status));
  response.set(http::field::server, "CometMQ");
  response.set(http::field::content_type,
               boost::beast::string_view(answer.content_type.data(), answer.content_type.size()));
  response.set(http::field::cache_control, "no-store");
  if (!answer.allow.empty()) {
    response.set(http::field::allow,
                 boost::beast::string_view(answer.allow.data(), answer.allow.size()));
  }
  response.keep_alive(request.keep_alive);
  response.content_length(answer.body.size());
  std::ostringstream out;
  out << response.base();
  std::string bytes = std::move(out).str();
  if (!request.is_head) bytes += answer.body;
  return bytes;
}

}  // namespace comet::inline v0_1::monitor

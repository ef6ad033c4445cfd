#include "comet/remoting/address_server.hpp"

#include <fmt/format.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "comet/base/async.hpp"
#include "comet/remoting/fetch_name_servers.hpp"

namespace comet::inline v0_1::remoting {
namespace {

namespace http = boost::beast::http;

constexpr std::size_t kMaxBody = 64u << 10;

// One answer, read from whatever pieces it comes in.
class AnswerReader {
 public:
  AnswerReader() {
    parser_.body_limit(kMaxBody);
    parser_.eager(true);
  }

  [[nodiscard]] bool done() const { return parser_.is_done(); }
  [[nodiscard]] error_code put(std::string_view bytes) {
    unread_.append(bytes);
    while (!unread_.empty() && !parser_.is_done()) {
      error_code error;
      const std::size_t used = parser_.put(asio::buffer(unread_), error);
      unread_.erase(0, used);
      if (error == http::error::need_more) return {};
      if (error) return error;
      if (used == 0) return {};
    }
    return {};
  }
  // The server has closed; an answer without a length ends so.
  [[nodiscard]] error_code put_end() {
    error_code error;
    if (!parser_.got_some()) return asio::error::eof;
    parser_.put_eof(error);
    return error;
  }
  [[nodiscard]] unsigned status() { return parser_.get().result_int(); }
  [[nodiscard]] const std::string& body() { return parser_.get().body(); }

 private:
  http::response_parser<http::string_body> parser_;
  std::string unread_;
};

// Into `answer`, which outlives it.
asio::awaitable<void> exchange(const AddressServer& from, Network& network, Instant deadline,
                               AnswerReader& answer) {
  std::unique_ptr<Stream> stream = co_await network.connect(from.address(), deadline);
  const std::string request = fmt::format(
      "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: CometMQ\r\nAccept: */*\r\nConnection: "
      "close\r\n\r\n",
      from.target(), from.address().to_string());
  const asio::const_buffer piece(request.data(), request.size());
  IoResult result = co_await stream->write(std::span(&piece, 1));
  if (result.error) throw boost::system::system_error(result.error);
  std::string chunk(4096, '\0');
  while (!answer.done()) {
    result = co_await stream->read_some(asio::buffer(chunk));
    error_code problem;
    if (result.error == asio::error::eof) {
      problem = answer.put_end();
      if (!problem && !answer.done()) problem = asio::error::eof;
    } else {
      problem =
          result.error ? result.error : answer.put(std::string_view(chunk).substr(0, result.size));
    }
    if (problem) throw boost::system::system_error(problem);
  }
}

std::vector<Address> parse_answer(const std::string& url, AnswerReader& answer) {
  if (answer.status() != 200) {
    throw Error(BaseErrc::bad_address, fmt::format("{}: status {}", url, answer.status()));
  }
  const std::string_view body = answer.body();
  std::string_view line = body.substr(0, body.find_first_of("\r\n"));
  while (!line.empty() && line.back() == ' ') line.remove_suffix(1);
  while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
  std::vector<Address> addresses;
  try {
    addresses = Address::parse_list(line);
  } catch (const Error& error) {
    throw Error(BaseErrc::bad_address, fmt::format("{}: {}", url, error.what()));
  }
  if (addresses.empty()) {
    throw Error(BaseErrc::bad_address, url + ": the answer's first line is empty");
  }
  return addresses;
}

}  // namespace

AddressServer::AddressServer(std::string_view domain, std::string_view subgroup,
                             std::string_view unit_name) {
  const bool has_port = domain.find(':') != std::string_view::npos;
  const std::string text =
      has_port ? std::string(domain) : fmt::format("{}:{}", domain, kDefaultPort);
  const Result<Address> address = Address::parse(text);
  const auto is_plain = [](std::string_view part) {
    return part.find_first_of(" \r\n\t") == std::string_view::npos;
  };
  if (!address || !is_plain(domain) || !is_plain(subgroup) || !is_plain(unit_name)) {
    throw Error(BaseErrc::bad_address, fmt::format("address server '{}'", domain));
  }
  address_ = *address;
  target_ = fmt::format("/rocketmq/{}", subgroup);
  if (!unit_name.empty()) target_ += fmt::format("-{}?nofix=1", unit_name);
}

std::string AddressServer::url() const {
  return fmt::format("http://{}{}", address_.to_string(), target_);
}

asio::awaitable<std::vector<Address>> fetch_name_servers(AddressServer from, Network& network,
                                                         TimeSource& time, Instant deadline) {
  const std::string url = from.url();
  AnswerReader answer;
  try {
    asio::awaitable<void> exchanging = exchange(from, network, deadline, answer);
    co_await with_deadline(std::move(exchanging), deadline, time, "answer of " + url);
  } catch (const boost::system::system_error& error) {
    if (error.code() == asio::error::operation_aborted) throw;
    throw Error(error.code(), "fetch the list of name servers from " + url);
  }
  co_return parse_answer(url, answer);
}

}  // namespace comet::inline v0_1::remoting

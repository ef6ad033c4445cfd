#include "admin/table_page.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "comet/remoting/connection_limits.hpp"
#include "request/answers.hpp"

namespace comet::inline v0_1::broker {
namespace {

// Of an answer: the fields of the frame that are not its body.
constexpr std::size_t kAnswerHeader = 64u << 10;

std::size_t not_negative(std::int32_t number) {
  return static_cast<std::size_t>(std::max(number, 0));
}

}  // namespace

TablePage::TablePage(std::optional<std::int32_t> seq, std::optional<std::int32_t> most_asked,
                     std::optional<std::string_view> version, const routing::DataVersion& present) {
  if (!seq) return;
  const auto known = routing::parse_data_version(version.value_or(""));
  if (known && *known == present) begin = not_negative(*seq);
  if (most_asked) most = not_negative(*most_asked);
}

remoting::RemotingCommand page_answer(const remoting::RemotingCommand& request, std::string json,
                                      std::size_t total, std::string_view total_name,
                                      std::string_view entries, std::string_view fields) {
  if (json.size() + kAnswerHeader > remoting::ConnectionLimits().max_frame) {
    return remoting::RemotingCommand::response(
        request, remoting::ResponseCode::system_error,
        fmt::format("{} {} take {} bytes, which is more than a frame: ask for pages ({}), as tools "
                    "of RocketMQ 5.4 and later do",
                    total, entries, json.size(), fields));
  }
  remoting::RemotingCommand answer = json_answer(request, std::move(json));
  answer.fields.add(total_name, total);
  return answer;
}

}  // namespace comet::inline v0_1::broker

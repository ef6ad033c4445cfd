#pragma once
// What the handlers of administrators' requests have in common.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "comet/base/json_writer.hpp"
#include "comet/remoting/header.hpp"
#include "handlers.hpp"

namespace comet::inline v0_1::broker {

// {"brokerName":"b","queueId":0,"topic":"T"} as a key: Java prints maps by queue so.
void write_queue_key(JsonWriter& json, const BrokerContext& context, std::string_view topic,
                     std::int32_t queue_id);
void write_queue(JsonWriter& json, const BrokerContext& context, std::string_view topic,
                 std::int32_t queue_id);

[[nodiscard]] remoting::RemotingCommand refusal(const remoting::Request& request,
                                                remoting::ResponseCode code, std::string remark);
// With code SYSTEM_ERROR.
[[nodiscard]] remoting::RemotingCommand refusal(const remoting::Request& request,
                                                std::string remark);
[[nodiscard]] remoting::RemotingCommand success(const remoting::Request& request);

// Throws Error when a frame could not hold the answer any more.
void check_size(const BrokerContext& context, const JsonWriter& json);

// "2026-11-20#23:53:28:973", local time (Apache: UtilAll.timeMillisToHumanString3).
[[nodiscard]] std::string human_time_with_hash(std::int64_t wall_millis);

// Installs `answer(context, request, header)`, which is called with the request's header, when that
// is complete, and returns a Reply.
template <class Header, class Answer>
void on_header(remoting::Dispatcher& dispatcher, remoting::RequestCode code, BrokerContext& context,
               Answer answer) {
  dispatcher.on(code, [&context, answer](remoting::Request& request) -> remoting::Reply {
    std::string missing;
    const auto header =
        remoting::read_header<Header>(request.command.fields, remoting::FieldNames::full, &missing);
    if (!header) return bad_header(request.command, missing);
    return answer(context, request, *header);
  });
}

// The same on the helper thread.
template <class Header, class Answer>
void on_header_later(remoting::Dispatcher& dispatcher, remoting::RequestCode code,
                     BrokerContext& context, Answer answer) {
  dispatcher.on(code, [&context, answer](remoting::Request& request) -> remoting::Reply {
    std::string missing;
    if (!remoting::read_header<Header>(request.command.fields, remoting::FieldNames::full,
                                       &missing)) {
      return bad_header(request.command, missing);
    }
    const auto make = [&context, answer](remoting::Request& asked) {
      // Again, since its texts are views into the command.
      const auto header = remoting::read_header<Header>(asked.command.fields);
      return answer(context, asked, *header);
    };
    return answer_on_helper(context, request, make);
  });
}

// For requests without a header of their own.
template <class Answer>
void on_request_later(remoting::Dispatcher& dispatcher, remoting::RequestCode code,
                      BrokerContext& context, Answer answer) {
  dispatcher.on(code, [&context, answer](remoting::Request& request) {
    const auto make = [&context, answer](remoting::Request& asked) {
      return answer(context, asked);
    };
    return answer_on_helper(context, request, make);
  });
}

}  // namespace comet::inline v0_1::broker

#pragma once
// Messages as reports.

#include "comet/message/message.hpp"
#include "output.hpp"

namespace comet::inline v0_1::ctl {

// The id that people know: the producer's, or the broker's where there is none.
[[nodiscard]] std::string message_id(const MessageExt& message);
// Everything. The body is text for programs when it is UTF-8 ("body"), else "bodyBase64".
[[nodiscard]] Report describe_message(const MessageExt& message, bool with_body);
// One line, with its end.
[[nodiscard]] std::string message_line(const MessageExt& message, bool with_body);
// Several in short.
[[nodiscard]] Report list_messages(const std::vector<MessageExt>& messages);

}  // namespace comet::inline v0_1::ctl

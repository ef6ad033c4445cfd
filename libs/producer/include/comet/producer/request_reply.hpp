#pragma once
// The replying side of request-reply. Who asks uses Producer::request().
//
//   comet::Message reply = comet::make_reply(request, "the answer");  // `request` was consumed
//   co_await producer.send(reply);  // by any producer; fails when the requester is not there

#include <string>

#include "comet/message/message.hpp"

namespace comet::inline v0_1 {

// The reply to a request that was consumed (Apache: MessageUtil.createReplyMessage). Producers
// recognise it and send it to the requester, by way of the broker's cluster.
// Throws Error(illegal_message) when the message is no request: it lacks the cluster's name, which
// the broker adds, the correlation id or the requester's client id.
[[nodiscard]] Message make_reply(const Message& request, std::string body);

}  // namespace comet::inline v0_1

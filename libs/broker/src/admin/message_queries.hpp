#pragma once

#include "comet/remoting/connection.hpp"
#include "comet/remoting/message_headers.hpp"
#include "comet/store/message_store.hpp"
#include "request/helper_thread.hpp"

namespace comet::inline v0_1::broker {

// Single messages by key, by unique key and by their place in the commit log (Apache:
// QueryMessageProcessor): QUERY_MESSAGE, VIEW_MESSAGE_BY_ID.
class QueryFeature {
 public:
  QueryFeature(store::MessageStore& store, HelperThread& helper) : store_(store), helper_(helper) {}

  void install(remoting::Dispatcher& dispatcher);

 private:
  [[nodiscard]] remoting::RemotingCommand query_message(
      const remoting::Request& request, const remoting::QueryMessageHeader& header) const;
  [[nodiscard]] remoting::RemotingCommand view_message(
      const remoting::Request& request, const remoting::ViewMessageHeader& header) const;

  store::MessageStore& store_;
  HelperThread& helper_;
};

}  // namespace comet::inline v0_1::broker

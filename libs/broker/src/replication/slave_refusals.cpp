#include "replication/slave_refusals.hpp"

#include "comet/remoting/codes.hpp"
#include "request/answers.hpp"

namespace comet::inline v0_1::broker {
namespace {

using remoting::Reply;
using remoting::Request;
using remoting::RequestCode;
using remoting::ResponseCode;

constexpr RequestCode kSends[] = {RequestCode::send_message, RequestCode::send_message_v2,
                                  RequestCode::send_batch_message};
constexpr RequestCode kChanges[] = {
    RequestCode::update_and_create_topic,
    RequestCode::update_and_create_topic_list,
    RequestCode::delete_topic_in_broker,
    RequestCode::update_and_create_subscriptiongroup,
    RequestCode::update_and_create_subscriptiongroup_list,
    RequestCode::delete_subscriptiongroup,
    RequestCode::set_message_request_mode,
};

Reply refuse_send(Request& request) {
  return refusal(request, ResponseCode::service_not_available,
                 "service not available now. It may be caused by one of the following reasons: "
                 "the broker's disk is full, messages are put to the slave, message store has been "
                 "shut down, etc. Here: this broker is a slave");
}

Reply refuse_storing(Request& request) { return refusal(request, "SERVICE_NOT_AVAILABLE"); }

Reply refuse_change(Request& request) {
  return refusal(request,
                 "Can't modify topic or subscription group from slave broker, please execute it "
                 "from master broker.");
}

}  // namespace

void install_slave_refusals(remoting::Dispatcher& dispatcher) {
  for (const RequestCode code : kSends) dispatcher.on(code, refuse_send);
  for (const RequestCode code : kChanges) dispatcher.on(code, refuse_change);
  dispatcher.on(RequestCode::consumer_send_msg_back, refuse_storing);
  dispatcher.on(RequestCode::resume_check_half_message, refuse_storing);
  dispatcher.on(RequestCode::recall_message, refuse_storing);
}

}  // namespace comet::inline v0_1::broker

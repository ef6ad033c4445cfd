#include "admin/absent_features.hpp"

#include <fmt/format.h>

#include "comet/remoting/admin_headers.hpp"
#include "request/answers.hpp"
#include "request/on_header.hpp"

namespace comet::inline v0_1::broker {
namespace {

using remoting::RemotingCommand;
using remoting::Reply;
using remoting::Request;
using remoting::RequestCode;
using remoting::ResponseCode;

RemotingCommand no_access_control(const Request& request, std::int32_t code) {
  RemotingCommand answer =
      refusal(request, "this broker has no access control: aclEnable is false");
  answer.code = code;
  return answer;
}

// Codes of 4.9, which 5.x uses for something else.
constexpr std::int32_t kUpdateAclFailed = 209;
constexpr std::int32_t kDeleteAclFailed = 210;
constexpr std::int32_t kUpdateWhiteAddressesFailed = 211;

Reply no_filter_servers(Request& request) {
  return refusal(request, ResponseCode::request_code_not_supported,
                 fmt::format("{} (request type {}) not supported: this broker has no filter "
                             "servers; filter by tags or SQL92",
                             to_string(request.command.request_code()), request.command.code));
}

constexpr RequestCode kPopCodes[] = {
    RequestCode::pop_message,       RequestCode::ack_message,
    RequestCode::batch_ack_message, RequestCode::change_message_invisibletime,
    RequestCode::peek_message,      RequestCode::notification,
    RequestCode::polling_info,      RequestCode::pop_rollback};

Reply refuse_pop(Request& request) {
  return RemotingCommand::response(
      request.command, remoting::ResponseCode::request_code_not_supported,
      fmt::format("{} (request type {}) not supported: this broker version has no consumption by "
                  "POP; consume by pull, with the clients' own rebalancing",
                  to_string(request.command.request_code()), request.command.code));
}

}  // namespace

template <class Header, std::int32_t Code>
Reply AbsentFeatures::refuse_access(const Request& request, const Header&) const {
  return no_access_control(request, Code);
}

void AbsentFeatures::install(remoting::Dispatcher& dispatcher) const {
  using remoting::AccessConfigHeader, remoting::DeleteAccessConfigHeader,
      remoting::GlobalWhiteAddressesHeader;
  on_header<AccessConfigHeader>(
      dispatcher, RequestCode::update_and_create_acl_config, this,
      &AbsentFeatures::refuse_access<AccessConfigHeader, kUpdateAclFailed>);
  on_header<DeleteAccessConfigHeader>(
      dispatcher, RequestCode::delete_acl_config, this,
      &AbsentFeatures::refuse_access<DeleteAccessConfigHeader, kDeleteAclFailed>);
  on_header<GlobalWhiteAddressesHeader>(
      dispatcher, RequestCode::update_global_white_addrs_config, this,
      &AbsentFeatures::refuse_access<GlobalWhiteAddressesHeader, kUpdateWhiteAddressesFailed>);
  for (const RequestCode code :
       {RequestCode::get_broker_cluster_acl_info, RequestCode::get_broker_cluster_acl_config}) {
    dispatcher.on(code, [](Request& request) -> Reply {
      return no_access_control(request, static_cast<std::int32_t>(ResponseCode::system_error));
    });
  }
  dispatcher.on(RequestCode::register_filter_server, no_filter_servers);
  dispatcher.on(RequestCode::register_message_filter_class, no_filter_servers);
  for (const RequestCode code : kPopCodes) dispatcher.on(code, refuse_pop);
}

}  // namespace comet::inline v0_1::broker

#include "comet/producer/producer_config.hpp"

#include "comet/client/namespaces.hpp"
#include "comet/remoting/acl.hpp"

namespace comet::inline v0_1 {

// "Not here" and "not now": another broker, or the same a moment later, may well take the message.
std::vector<remoting::ResponseCode> default_retry_response_codes() {
  using remoting::ResponseCode;
  return {ResponseCode::topic_not_exist,       ResponseCode::system_error,
          ResponseCode::service_not_available, ResponseCode::no_permission,
          ResponseCode::no_buyer_id,           ResponseCode::not_in_current_unit,
          ResponseCode::system_busy,           ResponseCode::go_away};
}

ProducerConfig& ProducerConfig::name_servers(std::string_view list) & {
  client::NameServerList parsed = client::parse_name_server_list(list);
  client_.name_servers = std::move(parsed.addresses);
  if (client_.name_space.empty()) client_.name_space = std::move(parsed.name_space);
  return *this;
}

ProducerConfig& ProducerConfig::access_key(std::string access_key, std::string secret_key,
                                           std::string security_token) & {
  client_.remoting.hooks.push_back(std::make_shared<remoting::AclSigner>(remoting::Credentials(
      std::move(access_key), std::move(secret_key), std::move(security_token))));
  return *this;
}

}  // namespace comet::inline v0_1

#include "comet/client/errors.hpp"

namespace comet::inline v0_1 {
namespace {

class ClientCategory final : public boost::system::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "comet.client"; }

  [[nodiscard]] std::string message(int value) const override {
    switch (static_cast<ClientErrc>(value)) {
      case ClientErrc::connect_broker:
        return "broker not reachable";
      case ClientErrc::broker_timeout:
        return "no answer from the broker in time";
      case ClientErrc::broker_not_exist:
        return "broker without a known address";
      case ClientErrc::no_name_server:
        return "no name server";
      case ClientErrc::topic_not_found:
        return "no route for the topic";
      case ClientErrc::request_timeout:
        return "no reply in time";
      case ClientErrc::illegal_message:
        return "illegal message";
      case ClientErrc::illegal_config:
        return "illegal configuration";
      case ClientErrc::not_running:
        return "not running";
      case ClientErrc::bad_answer:
        return "malformed answer";
      case ClientErrc::illegal_call:
        return "it would wait for the thread that it is called in; call it in another";
      case ClientErrc::callback_failed:
        return "a function of the application has thrown";
    }
    return "unknown client error";
  }
};

}  // namespace

const boost::system::error_category& client_category() noexcept {
  static const ClientCategory category;
  return category;
}

}  // namespace comet::inline v0_1

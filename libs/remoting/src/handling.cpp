#include "comet/remoting/handling.hpp"

#include <exception>

#include "comet/base/error.hpp"
#include "spare_fields.hpp"

namespace comet::inline v0_1::remoting {

void Handling::promise_type::return_value(const Refusal& refusal) {
  const RequestIdentity identity(request_->command);
  reply_ = identity.response(refusal.code, refusal.remark);
}

void Handling::promise_type::unhandled_exception() noexcept {
  const RequestIdentity identity(request_->command);
  try {
    throw;
  } catch (const Refusal& refusal) {
    reply_ = identity.response(refusal.code, refusal.remark);
  } catch (...) {
    reply_ =
        identity.response(ResponseCode::system_error, exception_text(std::current_exception()));
  }
}

void Handling::promise_type::recycle(Request& request) noexcept {
  give_spare_fields(std::move(request.command.fields));
}

}  // namespace comet::inline v0_1::remoting

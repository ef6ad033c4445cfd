#include "comet/producer/send_hook.hpp"

#include "comet/base/log.hpp"
#include "producer_impl.hpp"

namespace comet::inline v0_1 {
namespace {

template <class Call>
void call_each(const std::vector<std::shared_ptr<SendHook>>& hooks, Call call) noexcept {
  for (const auto& hook : hooks) {
    try {
      call(*hook);
    } catch (const std::exception& error) {
      log::warn("a send hook failed: {}", error.what());
    } catch (...) {
      log::warn("a send hook failed");
    }
  }
}

}  // namespace

MessageType SendContext::message_type() const noexcept {
  if (messages.empty()) return MessageType::normal;
  const Message& first = messages.front();
  if (first.is_delayed()) return MessageType::delayed;
  const bool is_half = first.properties().get(property::kTransactionPrepared) == "true";
  return is_half ? MessageType::half : MessageType::normal;
}

void SendHook::before_send(const SendContext& /*context*/) {}
void SendHook::after_send(const SendContext& /*context*/) {}
void SendHook::after_end_transaction(const EndTransactionContext& /*context*/) {}

void check_forbidden(const Producer::Impl& producer, const SendContext& context) {
  for (const auto& hook : producer.config.forbidden_hooks()) hook->check(context);
}

void call_before(const Producer::Impl& producer, const SendContext& context) noexcept {
  call_each(producer.hooks, [&](SendHook& hook) { hook.before_send(context); });
}

void call_after(const Producer::Impl& producer, const SendContext& context) noexcept {
  call_each(producer.hooks, [&](SendHook& hook) { hook.after_send(context); });
}

void call_end_transaction(const Producer::Impl& producer,
                          const EndTransactionContext& context) noexcept {
  call_each(producer.hooks, [&](SendHook& hook) { hook.after_end_transaction(context); });
}

}  // namespace comet::inline v0_1

#include "completions.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "send_call.hpp"

namespace comet::inline v0_1 {

// A posted function for one send.
class Completions::One {
 public:
  using allocator_type = small_blocks::Allocator<void>;
  explicit One(std::unique_ptr<SendCall> call) noexcept : call_(std::move(call)) {}
  [[nodiscard]] allocator_type get_allocator() const noexcept { return {}; }
  void operator()() { SendCall::complete(std::move(call_)); }

 private:
  std::unique_ptr<SendCall> call_;
};

Completions::Completions(asio::any_io_executor callers, bool together) : executor_(callers) {
  if (together) together_.emplace(std::move(callers));
}

void Completions::add(std::unique_ptr<SendCall> call) {
  if (together_) return together_->add(*call.release());
  const auto* context = executor_.target<asio::io_context::executor_type>();
  if (context != nullptr) {  // for less than half of what the erased type costs
    asio::post(*context, One(std::move(call)));
  } else {
    asio::post(executor_, One(std::move(call)));
  }
}

}  // namespace comet::inline v0_1

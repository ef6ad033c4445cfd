#include "completions.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "send_operation.hpp"

namespace comet::inline v0_1 {

// A posted function for one send.
class Completions::One {
 public:
  using allocator_type = small_blocks::Allocator<void>;
  explicit One(std::unique_ptr<SendOperation> operation) noexcept
      : operation_(std::move(operation)) {}
  [[nodiscard]] allocator_type get_allocator() const noexcept { return {}; }
  void operator()() { SendOperation::complete(std::move(operation_)); }

 private:
  std::unique_ptr<SendOperation> operation_;
};

Completions::Completions(asio::any_io_executor callers, bool together) : executor_(callers) {
  if (together) together_.emplace(std::move(callers));
}

void Completions::add(std::unique_ptr<SendOperation> operation) {
  if (together_) return together_->add(*operation.release());
  const auto* context = executor_.target<asio::io_context::executor_type>();
  if (context != nullptr) {  // for less than half of what the erased type costs
    asio::post(*context, One(std::move(operation)));
  } else {
    asio::post(executor_, One(std::move(operation)));
  }
}

}  // namespace comet::inline v0_1

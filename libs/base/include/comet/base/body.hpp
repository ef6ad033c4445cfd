#pragma once
// Reference-counted immutable bytes, shared instead of copied on their way through the program.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace comet::inline v0_1 {

// A view together with what keeps it alive. Copying copies a reference. An empty owner means that
// the bytes live for ever (literals).
class SharedBytes {
 public:
  SharedBytes() = default;
  SharedBytes(std::shared_ptr<const void> owner, std::string_view view) noexcept
      : owner_(std::move(owner)), view_(view) {}
  static SharedBytes own(std::string bytes) {
    auto owner = std::make_shared<const std::string>(std::move(bytes));
    std::string_view view = *owner;
    return {std::move(owner), view};
  }

  [[nodiscard]] std::string_view view() const noexcept { return view_; }
  [[nodiscard]] std::size_t size() const noexcept { return view_.size(); }
  [[nodiscard]] bool empty() const noexcept { return view_.empty(); }
  [[nodiscard]] const std::shared_ptr<const void>& owner() const noexcept { return owner_; }

 private:
  std::shared_ptr<const void> owner_;
  std::string_view view_;
};

// The body of a remoting command: one piece as received, or several that are sent one after the
// other (records of a pull answer straight from the log's pages).
class Body {
 public:
  Body() = default;
  Body(SharedBytes piece) : size_(piece.size()), first_(std::move(piece)) {}  // NOLINT: implicit
  Body(std::string bytes) : Body(SharedBytes::own(std::move(bytes))) {}       // NOLINT: implicit

  void append(SharedBytes piece) {
    if (piece.empty()) return;
    size_ += piece.size();
    if (first_.empty()) {
      first_ = std::move(piece);
    } else {
      rest_.push_back(std::move(piece));
    }
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::size_t pieces() const noexcept {
    return first_.empty() ? 0 : 1 + rest_.size();
  }
  [[nodiscard]] const SharedBytes& piece(std::size_t index) const {
    return index == 0 ? first_ : rest_[index - 1];
  }
  // The bytes of a body in one piece; bodies that were received always are. Precondition:
  // pieces() <= 1.
  [[nodiscard]] std::string_view view() const noexcept { return first_.view(); }
  // A copy of all bytes.
  [[nodiscard]] std::string to_string() const;

 private:
  std::size_t size_ = 0;
  SharedBytes first_;
  std::vector<SharedBytes> rest_;
};

}  // namespace comet::inline v0_1

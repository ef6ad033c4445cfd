#pragma once
// Reference-counted immutable bytes, shared instead of copied on their way through the program.

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "comet/base/error.hpp"

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

// Pages of a mapped file. Somebody may cut the file, or the disk may not give a page: who reads
// there then is killed (SIGBUS). The kernel is not: a call that is to send it answers EFAULT. So
// addresses in such pages go to system calls, and nobody else looks at what lies there.
// Thread-safe.
class FilePages {
 public:
  virtual ~FilePages() = default;
  // A copy, read from the file.
  [[nodiscard]] virtual Result<SharedBytes> copy(std::span<const char> part) const = 0;
  // The kernel could not have them, from the address on or a little behind it. Says where that is.
  virtual std::string note_unsendable(const char* at) const = 0;  // NOLINT(modernize-use-nodiscard)
};

// Parts of a file's pages, one after the other.
class PagedBytes {
 public:
  explicit PagedBytes(std::shared_ptr<const FilePages> file) noexcept : file_(std::move(file)) {}

  void append(std::span<const char> part) {
    size_ += part.size();
    if (!parts_.empty() && parts_.back().data() + parts_.back().size() == part.data()) {
      parts_.back() = {parts_.back().data(), parts_.back().size() + part.size()};
    } else {
      parts_.push_back(part);
    }
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] const FilePages& file() const noexcept { return *file_; }
  // To be given to the kernel, not to be read.
  [[nodiscard]] std::span<const std::span<const char>> parts() const noexcept { return parts_; }

 private:
  std::shared_ptr<const FilePages> file_;
  std::vector<std::span<const char>> parts_;
  std::size_t size_ = 0;
};

// The body of a remoting command: one piece as received, or several that are sent one after the
// other. Or pages of a file (records of a pull answer in the log): such a body has no pieces.
class Body {
 public:
  Body() = default;
  explicit Body(PagedBytes pages)
      : size_(pages.size()), pages_(std::make_shared<const PagedBytes>(std::move(pages))) {}
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
  // Nullptr: it lies in memory.
  [[nodiscard]] const std::shared_ptr<const PagedBytes>& pages() const noexcept { return pages_; }
  // A copy of all bytes. Throws Error when a file's cannot be read.
  [[nodiscard]] std::string to_string() const;

 private:
  std::size_t size_ = 0;
  SharedBytes first_;
  std::vector<SharedBytes> rest_;
  std::shared_ptr<const PagedBytes> pages_;
};

}  // namespace comet::inline v0_1

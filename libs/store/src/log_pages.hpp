#pragma once
// A log file, mapped so that the kernel can send what lies in it without a copy of ours. Nobody
// else reads there (FilePages says why).

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "comet/base/body.hpp"
#include "file.hpp"

namespace comet::inline v0_1::store {

// Thread-safe. Unmapped with its last reference.
class LogPages final : public FilePages {
 public:
  // `faults` counts what could not be sent.
  [[nodiscard]] static Result<std::shared_ptr<LogPages>> map(
      std::shared_ptr<File> file, std::string path, std::int64_t size,
      std::shared_ptr<std::atomic<std::int64_t>> faults);

  // Not once something could not be sent, for good.
  [[nodiscard]] bool is_sendable() const noexcept {
    return is_sendable_.load(std::memory_order_relaxed);
  }
  // Whether the file still is as long as it was.
  [[nodiscard]] bool is_whole() const {
    const Result<std::int64_t> size = file_->size();
    return size && *size == size_;
  }
  // Of what lies at a place of the file.
  [[nodiscard]] std::span<const char> part(std::int64_t at, std::int64_t size) const noexcept {
    return {mapping_.get() + at, static_cast<std::size_t>(size)};
  }

  [[nodiscard]] Result<SharedBytes> copy(std::span<const char> part) const override;
  std::string note_unsendable(const char* at) const override;

 private:
  LogPages(std::shared_ptr<File> file, std::string path, std::int64_t size,
           std::shared_ptr<const char> mapping, std::shared_ptr<std::atomic<std::int64_t>> faults)
      : file_(std::move(file)),
        path_(std::move(path)),
        size_(size),
        mapping_(std::move(mapping)),
        faults_(std::move(faults)) {}

  std::shared_ptr<File> file_;
  const std::string path_;
  const std::int64_t size_;
  std::shared_ptr<const char> mapping_;
  std::shared_ptr<std::atomic<std::int64_t>> faults_;
  mutable std::atomic<bool> is_sendable_{true};
};

}  // namespace comet::inline v0_1::store

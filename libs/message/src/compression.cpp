#include "comet/message/compression.hpp"

#include <zlib.h>

#include <algorithm>
#include <stdexcept>

#include "comet/message/sys_flag.hpp"
#include "frame_compression.hpp"

namespace comet::inline v0_1 {
namespace {

class CompressionCategory final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "comet.compression"; }
  std::string message(int code) const override {
    switch (static_cast<CompressionErrc>(code)) {
      case CompressionErrc::damaged:
        return "the compressed bytes are damaged";
      case CompressionErrc::too_large:
        return "the bytes decompress to more than is allowed";
      case CompressionErrc::unsupported:
        return "the compression type is not supported";
    }
    return "unknown error";
  }
};

Bytef* zlib_input(std::string_view bytes) {
  // zlib's interface is not const-correct; it does not write to its input.
  return reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));  // NOLINT
}

class Inflater {
 public:
  Inflater() {
    if (inflateInit(&stream_) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  z_stream* operator->() noexcept { return &stream_; }
  z_stream* get() noexcept { return &stream_; }

 private:
  z_stream stream_{};
};

}  // namespace

const boost::system::error_category& compression_category() noexcept {
  static CompressionCategory category;
  return category;
}

std::string zlib_compress(std::string_view bytes, int level) {
  uLongf size = compressBound(bytes.size());
  std::string out(size, '\0');
  int status = compress2(reinterpret_cast<Bytef*>(out.data()), &size, zlib_input(bytes),
                         bytes.size(), level);
  if (status != Z_OK) throw std::invalid_argument("zlib_compress: level must be 1..9");
  out.resize(size);
  return out;
}

Result<std::string> zlib_decompress(std::string_view bytes, std::size_t max_size) {
  Inflater inflater;
  inflater->next_in = zlib_input(bytes);
  inflater->avail_in = static_cast<uInt>(bytes.size());
  std::string out;
  std::size_t produced = 0;
  for (;;) {
    // Grows with what really comes out, so that a lying input costs no memory.
    if (produced == out.size()) {
      if (produced > max_size) return CompressionErrc::too_large;
      out.resize(
          std::min(std::max<std::size_t>(4 * bytes.size(), 2 * produced) + 1024, max_size + 1));
    }
    inflater->next_out = reinterpret_cast<Bytef*>(out.data() + produced);
    inflater->avail_out = static_cast<uInt>(out.size() - produced);
    int status = inflate(inflater.get(), Z_NO_FLUSH);
    produced = out.size() - inflater->avail_out;
    if (status == Z_STREAM_END) break;
    if (status != Z_OK || (inflater->avail_in == 0 && inflater->avail_out != 0))
      return CompressionErrc::damaged;
  }
  if (produced > max_size) return CompressionErrc::too_large;
  out.resize(produced);
  return out;
}

std::string_view to_string(CompressionType type) noexcept {
  switch (type) {
    case CompressionType::zlib:
      return "ZLIB";
    case CompressionType::lz4:
      return "LZ4";
    case CompressionType::zstd:
      return "ZSTD";
  }
  return "unknown";
}

int compression_flags(CompressionType type) noexcept {
  switch (type) {
    case CompressionType::zlib:
      return sys_flag::kCompressed | sys_flag::kCompressionZlib;
    case CompressionType::lz4:
      return sys_flag::kCompressed | sys_flag::kCompressionLz4;
    case CompressionType::zstd:
      return sys_flag::kCompressed | sys_flag::kCompressionZstd;
  }
  return 0;
}

std::string compress_body(std::string_view bytes, CompressionType type, int level) {
  switch (type) {
    case CompressionType::zlib:
      return zlib_compress(bytes, level);
    case CompressionType::lz4:
      return lz4_compress(bytes, level);
    case CompressionType::zstd:
      return zstd_compress(bytes, level);
  }
  throw std::invalid_argument("compress_body: no such type");
}

Result<std::string> decompress_body(std::string_view bytes, int flags, std::size_t max_size) {
  switch (flags & sys_flag::kCompressionMask) {
    case 0:
    case sys_flag::kCompressionZlib:
      return zlib_decompress(bytes, max_size);
    case sys_flag::kCompressionLz4:
      return lz4_decompress(bytes, max_size);
    case sys_flag::kCompressionZstd:
      return zstd_decompress(bytes, max_size);
    default:
      return CompressionErrc::unsupported;
  }
}

}  // namespace comet::inline v0_1

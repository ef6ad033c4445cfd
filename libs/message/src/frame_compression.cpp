#include "frame_compression.hpp"

#include <lz4frame.h>
#include <zstd.h>

#include <algorithm>
#include <memory>
#include <new>
#include <stdexcept>

namespace comet::inline v0_1 {
namespace {

// Java's streams may write a body as several frames, also skippable ones: they follow each other,
// and what is no frame behind them is damage.

// Calls step(into, size) -> {ended, bad, produced} until it ends, with room that grows with what
// really comes out: a small input may inflate a thousandfold, and a lying one costs no memory.
class Step {
 public:
  bool ended = false;
  bool bad = false;
  bool more_input = false;
  std::size_t produced = 0;
};

template <class Function>
Result<std::string> inflate_all(std::size_t input_size, std::size_t max_size, Function step) {
  std::string out;
  std::size_t produced = 0;
  for (;;) {
    if (produced == out.size()) {
      if (produced > max_size) return CompressionErrc::too_large;
      const std::size_t wanted = std::max<std::size_t>(4 * input_size, 2 * produced) + 1024;
      out.resize(std::min(wanted, max_size + 1));
    }
    const Step done = step(out.data() + produced, out.size() - produced);
    if (done.bad) return CompressionErrc::damaged;
    produced += done.produced;
    if (done.ended) break;
    // Nothing more comes out although there is room: the input ends too early.
    if (!done.more_input && produced < out.size()) return CompressionErrc::damaged;
  }
  if (produced > max_size) return CompressionErrc::too_large;
  out.resize(produced);
  return out;
}

struct FreeLz4 {
  void operator()(LZ4F_dctx* context) const { LZ4F_freeDecompressionContext(context); }
};
struct FreeZstd {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

}  // namespace

std::string lz4_compress(std::string_view bytes, int level) {
  LZ4F_preferences_t preferences{};
  preferences.compressionLevel = level;
  preferences.frameInfo.contentSize = bytes.size();
  std::string out(LZ4F_compressFrameBound(bytes.size(), &preferences), '\0');
  const std::size_t size =
      LZ4F_compressFrame(out.data(), out.size(), bytes.data(), bytes.size(), &preferences);
  if (LZ4F_isError(size) != 0) throw std::runtime_error(LZ4F_getErrorName(size));
  out.resize(size);
  return out;
}

Result<std::string> lz4_decompress(std::string_view bytes, std::size_t max_size) {
  LZ4F_dctx* raw = nullptr;
  if (LZ4F_isError(LZ4F_createDecompressionContext(&raw, LZ4F_VERSION)) != 0)
    throw std::bad_alloc();
  const std::unique_ptr<LZ4F_dctx, FreeLz4> context(raw);
  std::string_view rest = bytes;
  const auto step = [&](char* into, std::size_t room) {
    Step done;
    std::size_t used = rest.size();
    done.produced = room;
    const std::size_t hint =
        LZ4F_decompress(context.get(), into, &done.produced, rest.data(), &used, nullptr);
    done.bad = LZ4F_isError(hint) != 0;
    if (done.bad) done.produced = 0;
    rest.remove_prefix(done.bad ? 0 : used);
    done.ended = !done.bad && hint == 0 && rest.empty();
    done.more_input = !rest.empty() && used > 0;
    return done;
  };
  if (bytes.empty()) return CompressionErrc::damaged;
  return inflate_all(bytes.size(), max_size, step);
}

std::string zstd_compress(std::string_view bytes, int level) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  const std::size_t size = ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), level);
  if (ZSTD_isError(size) != 0) throw std::runtime_error(ZSTD_getErrorName(size));
  out.resize(size);
  return out;
}

Result<std::string> zstd_decompress(std::string_view bytes, std::size_t max_size) {
  const std::unique_ptr<ZSTD_DCtx, FreeZstd> context(ZSTD_createDCtx());
  if (context == nullptr) throw std::bad_alloc();
  // A frame may ask for a window of 2 GiB; 8 MiB are more than any message needs.
  constexpr int kMaxWindowLog = 23;
  ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kMaxWindowLog);
  ZSTD_inBuffer input{bytes.data(), bytes.size(), 0};
  const auto step = [&](char* into, std::size_t room) {
    Step done;
    ZSTD_outBuffer output{into, room, 0};
    const std::size_t before = input.pos;
    const std::size_t left = ZSTD_decompressStream(context.get(), &output, &input);
    done.bad = ZSTD_isError(left) != 0;
    done.ended = left == 0 && input.pos == input.size;
    done.produced = output.pos;
    done.more_input = input.pos < input.size && input.pos > before;
    return done;
  };
  return inflate_all(bytes.size(), max_size, step);
}

}  // namespace comet::inline v0_1

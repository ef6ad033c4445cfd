#pragma once
// Apache's HA wire (Apache: DefaultHAConnection, DefaultHAClient). Big-endian, signed.
//   replica -> master, a report: int64 end of the replica's log
//   master -> replica, a frame: int64 offset, int32 size, size bytes of log; size 0: a heartbeat

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace comet::inline v0_1::replication {

inline constexpr std::size_t kReportSize = 8;
inline constexpr std::size_t kFrameHeadSize = 12;
// No frame of Apache's is larger: a replica's buffer takes that much.
inline constexpr std::int32_t kMaxApacheFrame = (4 << 20) - 12;
// Logs end below 2^56 (72 PB); text of any protocol, read as a number, is above it.
inline constexpr std::int64_t kMaxSaneReport = std::int64_t{1} << 56;

[[nodiscard]] std::array<char, kReportSize> encode_report(std::int64_t end) noexcept;
[[nodiscard]] std::array<char, kFrameHeadSize> encode_frame_head(std::int64_t offset,
                                                                 std::int32_t size) noexcept;

// Reports as they arrive: split, or many at once, of which the last whole one counts.
class ReportReader {
 public:
  // The last report that is whole now; nullopt: none has become so.
  [[nodiscard]] std::optional<std::int64_t> take(std::string_view bytes) noexcept;

 private:
  std::array<char, kReportSize> partial_{};
  std::size_t have_ = 0;
};

// A master's frames as they arrive: heads whole, bodies in the pieces that come.
class FrameReader {
 public:
  enum class Kind {
    more,  // the input is used up
    head,  // of a frame: offset and size; size 0: a heartbeat
    body,  // some bytes of the log: offset and bytes, which lie in the input
    bad,   // no frame starts here: offset and size say what was read
  };
  class Part {
   public:
    Kind kind = Kind::more;
    std::int64_t offset = 0;
    std::int32_t size = 0;
    std::string_view bytes;
  };
  // Takes the next part from the front of `input`.
  [[nodiscard]] Part next(std::string_view& input) noexcept;

 private:
  std::array<char, kFrameHeadSize> head_{};
  std::size_t have_ = 0;  // bytes of the head
  std::int32_t body_left_ = 0;
  std::int64_t body_at_ = 0;
};

}  // namespace comet::inline v0_1::replication

#pragma once
// The wire between CometMQ peers (docs/replication.md). Big-endian. The replica speaks first: eight
// bytes that are no report; the master answers with eight of its own. Then messages both ways:
//   int32 size of what follows, uint32 CRC-32C of what follows it, int8 type, body
//
//   M challenge   version, nonce, whether a secret is asked for
//   R hello       who it is, its log, its epoch table, proof
//   M welcome     the master's epoch and table, the common point and the record in front of it,
//   proof R start       compared (and cut): the log from here on; the first confirmation M data,
//   metadata / R confirm either: refusal, and the end
// Strings: int16 length, bytes. Flags and reserved: 0.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "comet/base/error.hpp"
#include "comet/replication/epochs.hpp"
#include "comet/replication/metadata.hpp"
#include "comet/replication/replica_log.hpp"
#include "comet/replication/status.hpp"

namespace comet::inline v0_1::replication {

inline constexpr std::string_view kReplicaMagic = "\x8F\x43OMETHA";  // negative as an int64
inline constexpr std::string_view kMasterMagic = "\x8F\x43OMETHM";
static_assert(kReplicaMagic.size() == 8 && kMasterMagic.size() == 8);
inline constexpr std::int32_t kCometVersion = 1;
inline constexpr std::size_t kMessageHeadSize = 9;        // size, CRC, type
inline constexpr std::size_t kMaxHandshake = 256u << 10;  // bytes of a message before data
inline constexpr std::size_t kMaxCometData = 1u << 20;    // log bytes of a data message
inline constexpr std::size_t kMaxMessage = kMaxMetadataBytes + (1u << 10);
inline constexpr std::size_t kNonceSize = 16;

enum class MessageType : std::int8_t {
  challenge = 1,
  hello = 2,
  welcome = 3,
  start = 4,
  refusal = 5,
  data = 10,
  metadata = 11,
  confirm = 12,
};

class Challenge {
 public:
  std::int32_t version = kCometVersion;
  bool needs_secret = false;
  std::string nonce;  // kNonceSize bytes
};

class Hello {
 public:
  std::int32_t version = kCometVersion;
  std::string cluster;
  std::string broker_name;
  std::int64_t id = 0;
  std::string address;
  std::string log_id;  // empty: none yet
  std::int64_t promised = 0;
  EpochTable epochs;
  std::int64_t file_size = 0;
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::int64_t durable_end = 0;
  std::int64_t metadata_version = 0;
  std::string nonce;
  std::string proof;  // HMAC-SHA256, or empty
};

class Welcome {
 public:
  std::int64_t epoch = 0;
  std::string log_id;
  EpochTable epochs;
  std::int64_t file_size = 0;
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::int64_t confirmed = 0;
  std::int64_t splice = 0;           // the common point as the master sees it
  std::optional<LastRecord> record;  // the master's, in front of it
  std::int64_t start = 0;  // where it would begin; differs from the splice for an empty replica
  std::string proof;
};

class Start {
 public:
  std::int64_t epoch = 0;
  std::int64_t offset = 0;
  std::int64_t durable_end = 0;
  std::int64_t metadata_version = 0;
};

class RefusalMessage {
 public:
  PeerState reason = PeerState::failed;
  std::int64_t epoch = 0;  // the highest that the speaker has promised
  std::string text;
};

class Data {
 public:
  std::int64_t epoch = 0;
  std::int64_t offset = 0;
  std::int64_t confirmed = 0;
  std::int64_t readable = 0;  // how far the master's readers see; kNoLimit: all
  std::int64_t master_end = 0;
  std::string_view bytes;  // none: a heartbeat
};

class Confirm {
 public:
  std::int64_t epoch = 0;
  std::int64_t durable_end = 0;
  std::int64_t metadata_version = 0;
};

[[nodiscard]] std::string encode(const Challenge& message);
[[nodiscard]] std::string encode(const Hello& message);
[[nodiscard]] std::string encode(const Welcome& message);
[[nodiscard]] std::string encode(const Start& message);
[[nodiscard]] std::string encode(const RefusalMessage& message);
[[nodiscard]] std::string encode(const Confirm& message);
[[nodiscard]] std::string encode(std::int64_t epoch, const MetadataItem& item);
// All of a data message but the bytes, which are sent behind it.
[[nodiscard]] std::string encode_data_head(const Data& message);

// Of a message's body. Errors: bad_value.
[[nodiscard]] Result<Challenge> decode_challenge(std::string_view body);
[[nodiscard]] Result<Hello> decode_hello(std::string_view body);
[[nodiscard]] Result<Welcome> decode_welcome(std::string_view body);
[[nodiscard]] Result<Start> decode_start(std::string_view body);
[[nodiscard]] Result<RefusalMessage> decode_refusal(std::string_view body);
[[nodiscard]] Result<Confirm> decode_confirm(std::string_view body);
[[nodiscard]] Result<Data> decode_data(std::string_view body);  // its bytes lie in the body
class EpochMetadata {
 public:
  std::int64_t epoch = 0;
  MetadataItem item;
};
[[nodiscard]] Result<EpochMetadata> decode_metadata(std::string_view body);

// A message at the front of `bytes`.
class MessageView {
 public:
  MessageType type = MessageType::refusal;
  std::string_view body;
  std::size_t size = 0;  // of all; 0: not whole yet
};
// Error bad_value: no message, or its checksum is wrong.
[[nodiscard]] Result<MessageView> inspect_message(std::string_view bytes, std::size_t max_size);

// Proofs that a peer knows the secret: over both nonces and all that the message says.
[[nodiscard]] std::string prove(const Hello& hello, const Challenge& challenge,
                                const std::string& secret);
[[nodiscard]] std::string prove(const Welcome& welcome, const Hello& hello,
                                const Challenge& challenge, const std::string& secret);
// Takes the same time wherever they differ.
[[nodiscard]] bool same_proof(std::string_view a, std::string_view b) noexcept;
[[nodiscard]] std::string random_nonce();

}  // namespace comet::inline v0_1::replication

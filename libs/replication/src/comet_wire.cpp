#include "comet_wire.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <utility>

#include "comet/base/bytes.hpp"
#include "comet/replication/history.hpp"
#include "crc32c.hpp"

namespace comet::inline v0_1::replication {
namespace {

void append_text(std::string& to, std::string_view text) {
  text = text.substr(0, 0x7FFF);
  append_be<std::int16_t>(to, static_cast<std::int16_t>(text.size()));
  to.append(text);
}
std::string read_text(ByteReader& from) {
  return std::string(from.read_bytes(from.read<std::int16_t>()));
}

void append_table(std::string& to, const EpochTable& table) {
  append_be<std::int32_t>(to, static_cast<std::int32_t>(table.entries().size()));
  for (const EpochEntry& entry : table.entries()) {
    append_be<std::int64_t>(to, entry.epoch);
    append_be<std::int64_t>(to, entry.start);
    append_be<std::uint64_t>(to, entry.id);
  }
}
EpochTable read_table(ByteReader& from) {
  const auto count = from.read<std::int32_t>();
  std::vector<EpochEntry> entries;
  if (count < 0 || static_cast<std::size_t>(count) > EpochTable::kMaxEntries) from.fail();
  for (std::int32_t i = 0; i < count && from.ok(); ++i) {
    const auto epoch = from.read<std::int64_t>();
    const auto start = from.read<std::int64_t>();
    const auto id = from.read<std::uint64_t>();
    entries.emplace_back(epoch, start, id);
  }
  if (!EpochTable::is_ordered(entries)) from.fail();
  return from.ok() ? EpochTable::of(std::move(entries)) : EpochTable();
}

std::string finish(MessageType type, std::string_view body) {
  std::string message;
  message.reserve(kMessageHeadSize + body.size());
  const char type_byte = static_cast<char>(type);
  append_be<std::int32_t>(message, static_cast<std::int32_t>(kMessageHeadSize - 4 + body.size()));
  append_be<std::uint32_t>(message, crc32c(body, crc32c({&type_byte, 1})));
  message.push_back(type_byte);
  message.append(body);
  return message;
}

std::string body_of(const Hello& message) {
  std::string body;
  append_be<std::int32_t>(body, message.version);
  append_text(body, message.cluster);
  append_text(body, message.broker_name);
  append_be<std::int64_t>(body, message.id);
  append_text(body, message.address);
  append_text(body, message.log_id);
  append_be<std::int64_t>(body, message.promised);
  append_table(body, message.epochs);
  append_be<std::int64_t>(body, message.file_size);
  append_be<std::int64_t>(body, message.begin);
  append_be<std::int64_t>(body, message.end);
  append_be<std::int64_t>(body, message.durable_end);
  append_be<std::int64_t>(body, message.metadata_version);
  append_text(body, message.nonce);
  return body;
}

std::string body_of(const Welcome& message) {
  std::string body;
  append_be<std::int64_t>(body, message.epoch);
  append_text(body, message.log_id);
  append_table(body, message.epochs);
  append_be<std::int64_t>(body, message.file_size);
  append_be<std::int64_t>(body, message.begin);
  append_be<std::int64_t>(body, message.end);
  append_be<std::int64_t>(body, message.confirmed);
  append_be<std::int64_t>(body, message.splice);
  append_be<std::int8_t>(body, message.record ? 1 : 0);
  const LastRecord record = message.record.value_or(LastRecord());
  append_be<std::int64_t>(body, record.offset);
  append_be<std::int32_t>(body, record.size);
  append_be<std::int64_t>(body, record.store_timestamp);
  append_be<std::uint32_t>(body, record.crc);
  append_be<std::int64_t>(body, message.start);
  return body;
}

// The reader's value when it has read all and nothing was missing. Fields that a later version adds
// come behind: they are left unread.
template <class Message>
Result<Message> checked(const ByteReader& reader, Message message) {
  if (!reader.ok()) return make_error_code(BaseErrc::bad_value);
  return message;
}

bool is_sane(std::int64_t begin, std::int64_t end, std::int64_t file_size) {
  return 0 <= begin && begin <= end && file_size > 0;
}

std::string hmac_sha256(const std::string& secret, std::string_view text) {
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  if (::HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), bytes, text.size(), mac,
             &size) == nullptr) {
    throw Error(make_error_code(boost::system::errc::not_supported), "compute HMAC-SHA256");
  }
  return {reinterpret_cast<const char*>(mac), size};
}

}  // namespace

std::string encode(const Challenge& message) {
  std::string body;
  append_be<std::int32_t>(body, message.version);
  append_be<std::int8_t>(body, message.needs_secret ? 1 : 0);
  append_text(body, message.nonce);
  return finish(MessageType::challenge, body);
}

std::string encode(const Hello& message) {
  std::string body = body_of(message);
  append_text(body, message.proof);
  return finish(MessageType::hello, body);
}

std::string encode(const Welcome& message) {
  std::string body = body_of(message);
  append_text(body, message.proof);
  return finish(MessageType::welcome, body);
}

std::string encode(const Start& message) {
  std::string body;
  append_be<std::int64_t>(body, message.epoch);
  append_be<std::int64_t>(body, message.offset);
  append_be<std::int64_t>(body, message.durable_end);
  append_be<std::int64_t>(body, message.metadata_version);
  return finish(MessageType::start, body);
}

std::string encode(const RefusalMessage& message) {
  std::string body;
  append_be<std::int32_t>(body, static_cast<std::int32_t>(message.reason));
  append_be<std::int64_t>(body, message.epoch);
  append_text(body, message.text);
  return finish(MessageType::refusal, body);
}

std::string encode(const Confirm& message) {
  std::string body;
  append_be<std::int64_t>(body, message.epoch);
  append_be<std::int64_t>(body, message.durable_end);
  append_be<std::int64_t>(body, message.metadata_version);
  return finish(MessageType::confirm, body);
}

std::string encode(std::int64_t epoch, const MetadataItem& item) {
  std::string body;
  append_be<std::int64_t>(body, epoch);
  append_be<std::int32_t>(body, item.kind);
  append_be<std::int64_t>(body, item.version);
  append_be<std::int64_t>(body, item.log_end);
  body.append(item.bytes);
  return finish(MessageType::metadata, body);
}

std::string encode_data_head(const Data& message) {
  std::string fields;
  append_be<std::int64_t>(fields, message.epoch);
  append_be<std::int64_t>(fields, message.offset);
  append_be<std::int64_t>(fields, message.confirmed);
  append_be<std::int64_t>(fields, message.readable);
  append_be<std::int64_t>(fields, message.master_end);
  const char type = static_cast<char>(MessageType::data);
  const std::size_t size = kMessageHeadSize - 4 + fields.size() + message.bytes.size();
  std::string head;
  append_be<std::int32_t>(head, static_cast<std::int32_t>(size));
  append_be<std::uint32_t>(head, crc32c(message.bytes, crc32c(fields, crc32c({&type, 1}))));
  head.push_back(type);
  head.append(fields);
  return head;
}

Result<Challenge> decode_challenge(std::string_view body) {
  ByteReader reader(body);
  Challenge message;
  message.version = reader.read<std::int32_t>();
  message.needs_secret = reader.read<std::int8_t>() != 0;
  message.nonce = read_text(reader);
  return checked(reader, std::move(message));
}

Result<Hello> decode_hello(std::string_view body) {
  ByteReader reader(body);
  Hello message;
  message.version = reader.read<std::int32_t>();
  message.cluster = read_text(reader);
  message.broker_name = read_text(reader);
  message.id = reader.read<std::int64_t>();
  message.address = read_text(reader);
  message.log_id = read_text(reader);
  message.promised = reader.read<std::int64_t>();
  message.epochs = read_table(reader);
  message.file_size = reader.read<std::int64_t>();
  message.begin = reader.read<std::int64_t>();
  message.end = reader.read<std::int64_t>();
  message.durable_end = reader.read<std::int64_t>();
  message.metadata_version = reader.read<std::int64_t>();
  message.nonce = read_text(reader);
  message.proof = read_text(reader);
  if (!is_sane(message.begin, message.end, message.file_size) || message.promised < 0)
    reader.fail();
  return checked(reader, std::move(message));
}

Result<Welcome> decode_welcome(std::string_view body) {
  ByteReader reader(body);
  Welcome message;
  message.epoch = reader.read<std::int64_t>();
  message.log_id = read_text(reader);
  message.epochs = read_table(reader);
  message.file_size = reader.read<std::int64_t>();
  message.begin = reader.read<std::int64_t>();
  message.end = reader.read<std::int64_t>();
  message.confirmed = reader.read<std::int64_t>();
  message.splice = reader.read<std::int64_t>();
  const bool has_record = reader.read<std::int8_t>() != 0;
  LastRecord record;
  record.offset = reader.read<std::int64_t>();
  record.size = reader.read<std::int32_t>();
  record.store_timestamp = reader.read<std::int64_t>();
  record.crc = reader.read<std::uint32_t>();
  if (has_record) message.record = record;
  message.start = reader.read<std::int64_t>();
  message.proof = read_text(reader);
  if (!is_sane(message.begin, message.end, message.file_size) || message.epoch <= 0) reader.fail();
  return checked(reader, std::move(message));
}

Result<Start> decode_start(std::string_view body) {
  ByteReader reader(body);
  Start message;
  message.epoch = reader.read<std::int64_t>();
  message.offset = reader.read<std::int64_t>();
  message.durable_end = reader.read<std::int64_t>();
  message.metadata_version = reader.read<std::int64_t>();
  return checked(reader, message);
}

Result<RefusalMessage> decode_refusal(std::string_view body) {
  ByteReader reader(body);
  RefusalMessage message;
  const auto reason = reader.read<std::int32_t>();
  message.reason = reason >= 0 && reason <= static_cast<std::int32_t>(PeerState::failed)
                       ? static_cast<PeerState>(reason)
                       : PeerState::failed;
  message.epoch = reader.read<std::int64_t>();
  message.text = read_text(reader);
  return checked(reader, std::move(message));
}

Result<Confirm> decode_confirm(std::string_view body) {
  ByteReader reader(body);
  Confirm message;
  message.epoch = reader.read<std::int64_t>();
  message.durable_end = reader.read<std::int64_t>();
  message.metadata_version = reader.read<std::int64_t>();
  return checked(reader, message);
}

Result<Data> decode_data(std::string_view body) {
  ByteReader reader(body);
  Data message;
  message.epoch = reader.read<std::int64_t>();
  message.offset = reader.read<std::int64_t>();
  message.confirmed = reader.read<std::int64_t>();
  message.readable = reader.read<std::int64_t>();
  message.master_end = reader.read<std::int64_t>();
  message.bytes = reader.rest();
  if (message.offset < 0 || message.bytes.size() > kMaxCometData) reader.fail();
  return checked(reader, message);
}

Result<EpochMetadata> decode_metadata(std::string_view body) {
  ByteReader reader(body);
  EpochMetadata message;
  message.epoch = reader.read<std::int64_t>();
  message.item.kind = reader.read<std::int32_t>();
  message.item.version = reader.read<std::int64_t>();
  message.item.log_end = reader.read<std::int64_t>();
  if (reader.rest().size() > kMaxMetadataBytes) reader.fail();
  message.item.bytes = reader.rest();
  return checked(reader, std::move(message));
}

Result<MessageView> inspect_message(std::string_view bytes, std::size_t max_size) {
  MessageView view;
  if (bytes.size() < sizeof(std::int32_t)) return view;
  const auto size = load_be<std::int32_t>(bytes.data());
  if (size < static_cast<std::int32_t>(kMessageHeadSize - 4) ||
      static_cast<std::size_t>(size) > max_size) {
    return make_error_code(BaseErrc::bad_value);
  }
  const std::size_t whole = sizeof(std::int32_t) + static_cast<std::size_t>(size);
  if (bytes.size() < whole) return view;
  const auto crc = load_be<std::uint32_t>(bytes.data() + 4);
  const std::string_view checked_part = bytes.substr(8, whole - 8);
  if (crc != crc32c(checked_part)) return make_error_code(BaseErrc::bad_value);
  view.type = static_cast<MessageType>(checked_part.front());
  view.body = checked_part.substr(1);
  view.size = whole;
  return view;
}

std::string prove(const Hello& hello, const Challenge& challenge, const std::string& secret) {
  if (secret.empty()) return {};
  return hmac_sha256(secret, "comet-ha replica" + challenge.nonce + body_of(hello));
}

std::string prove(const Welcome& welcome, const Hello& hello, const Challenge& challenge,
                  const std::string& secret) {
  if (secret.empty()) return {};
  return hmac_sha256(secret, "comet-ha master" + challenge.nonce + hello.nonce + body_of(welcome));
}

bool same_proof(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string random_nonce() {
  std::string nonce;
  append_be<std::uint64_t>(nonce, random_id());
  append_be<std::uint64_t>(nonce, random_id());
  return nonce;
}

}  // namespace comet::inline v0_1::replication

// The compressed binary form of a REGISTER_BROKER body: a zlib stream of counted strings.

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cstdint>
#include <string>
#include <utility>

#include "comet/base/body_error.hpp"
#include "comet/base/bytes.hpp"
#include "comet/base/json.hpp"
#include "comet/base/json_writer.hpp"
#include "comet/base/parse_number.hpp"
#include "comet/message/compression.hpp"
#include "comet/routing/topic_config.hpp"
#include "narrow.hpp"

namespace comet::inline v0_1::routing {
namespace {

constexpr int kCompressionLevel = 9;  // Apache: Deflater.BEST_COMPRESSION

void append_counted(std::string& out, std::string_view text) {
  append_be<std::int32_t>(out, static_cast<std::int32_t>(text.size()));
  out += text;
}

std::string_view read_counted(ByteReader& reader) {
  return reader.read_bytes(reader.read<std::int32_t>());
}

// Apache: TopicConfig.encode of 4.9, five words. A sixth (5.x attributes) would make 4.9's name
// server fail; name servers have no use for it.
std::string encode_topic(const TopicConfig& topic) {
  return topic.topic_name + ' ' + std::to_string(topic.read_queue_nums) + ' ' +
         std::to_string(topic.write_queue_nums) + ' ' + std::to_string(topic.perm) + ' ' +
         topic.topic_filter_type;
}

// Words separated by single spaces.
class Words {
 public:
  explicit Words(std::string_view text) : rest_(text) {}

  std::string_view next() {
    if (ended_) ok_ = false;
    const std::size_t end = rest_.find(' ');
    const std::string_view word = rest_.substr(0, end);
    ended_ = end == std::string_view::npos;
    rest_.remove_prefix(ended_ ? rest_.size() : end + 1);
    return word;
  }
  std::int32_t next_number() {
    const auto number = parse_number<std::int32_t>(next());
    if (!number) ok_ = false;
    return number.value_or(0);
  }
  [[nodiscard]] bool ok() const noexcept { return ok_; }
  [[nodiscard]] std::string_view rest() const noexcept { return rest_; }

 private:
  std::string_view rest_;
  bool ended_ = false;
  bool ok_ = true;
};

Result<TopicConfig> decode_topic(std::string_view text) {
  Words words(text);
  TopicConfig topic;
  topic.topic_name = words.next();
  topic.read_queue_nums = words.next_number();
  topic.write_queue_nums = words.next_number();
  topic.perm = words.next_number();
  topic.topic_filter_type = words.next();
  if (!words.ok()) return BodyErrc::malformed;
  if (words.rest().empty()) return topic;

  const Result<boost::json::value> attributes = parse_json(words.rest());
  if (!attributes) return attributes.error();
  if (!attributes->is_object()) return BodyErrc::malformed;
  for (const auto& [name, value] : attributes->get_object()) {
    if (value.is_string()) topic.attributes.emplace(name, value.get_string());
  }
  return topic;
}

error_code read_topics(ByteReader& reader, RegisterBrokerBody& body) {
  const auto count = reader.read<std::int32_t>();
  for (std::int32_t i = 0; i < count && reader.ok(); ++i) {
    const std::string_view text = read_counted(reader);
    if (!reader.ok()) break;
    Result<TopicConfig> topic = decode_topic(text);
    if (!topic) return topic.error();
    std::string name = topic->topic_name;
    body.topic_config.topics.insert_or_assign(std::move(name), std::move(*topic));
  }
  return reader.ok() && count >= 0 ? error_code() : make_error_code(BodyErrc::malformed);
}

error_code read_filter_servers(ByteReader& reader, RegisterBrokerBody& body) {
  const std::string_view text = read_counted(reader);
  if (!reader.ok()) return BodyErrc::malformed;
  const Result<boost::json::value> servers = parse_json(text);
  if (!servers) return servers.error();
  if (!servers->is_array()) return BodyErrc::malformed;
  body.filter_servers = strings(servers->get_array());
  return {};
}

error_code read_queue_mappings(ByteReader& reader, RegisterBrokerBody& body) {
  const auto count = reader.read<std::int32_t>();
  for (std::int32_t i = 0; i < count && reader.ok(); ++i) {
    const std::string_view text = read_counted(reader);
    if (!reader.ok()) break;
    const Result<boost::json::value> mapping = parse_json(text);
    if (!mapping) return mapping.error();
    if (!mapping->is_object()) return BodyErrc::malformed;
    TopicQueueMapping read = read_queue_mapping(mapping->get_object());
    std::string topic = read.topic;
    body.queue_mappings.insert_or_assign(std::move(topic), std::move(read));
  }
  return reader.ok() && count >= 0 ? error_code() : make_error_code(BodyErrc::malformed);
}

}  // namespace

std::string encode_compressed(const RegisterBrokerBody& body) {
  std::string plain;
  append_counted(plain, to_json(body.topic_config.data_version));
  append_be<std::int32_t>(plain, static_cast<std::int32_t>(body.topic_config.topics.size()));
  for (const auto& [name, topic] : body.topic_config.topics) {
    append_counted(plain, encode_topic(topic));
  }
  JsonWriter servers;
  servers.begin_array();
  for (const std::string& server : body.filter_servers) servers.value(server);
  servers.end_array();
  append_counted(plain, servers.take());
  return zlib_compress(plain, kCompressionLevel);
}

Result<RegisterBrokerBody> decode_compressed(std::string_view bytes, bool with_mappings,
                                             std::size_t max_inflated) {
  const Result<std::string> plain = zlib_decompress(bytes, max_inflated);
  if (!plain) return plain.error();
  ByteReader reader(*plain);
  const std::string_view version_text = read_counted(reader);
  if (!reader.ok()) return BodyErrc::malformed;
  const Result<DataVersion> version = parse_data_version(version_text);
  if (!version) return version.error();

  RegisterBrokerBody body;
  body.topic_config.data_version = *version;
  if (const error_code error = read_topics(reader, body)) return error;
  if (const error_code error = read_filter_servers(reader, body)) return error;
  // A version number of 5.x does not oblige the sender to have static topics.
  if (with_mappings && !reader.rest().empty()) {
    if (const error_code error = read_queue_mappings(reader, body)) return error;
  }
  return body;
}

}  // namespace comet::inline v0_1::routing

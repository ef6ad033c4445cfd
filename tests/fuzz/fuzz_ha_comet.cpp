// Messages between CometMQ peers: as they arrive (with their checksum), and their bodies alone,
// whose type the first byte chooses. What is read is written the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "../../libs/replication/src/comet_wire.hpp"

namespace {

using namespace comet;
using namespace comet::replication;

void must(bool holds) {
  if (!holds) std::abort();
}

// The body of a message that was just encoded: checksum and size hold.
std::string body_again(const std::string& message) {
  const Result<MessageView> view = inspect_message(message, kMaxMessage);
  must(view && view->size == message.size());
  return std::string(view->body);
}

template <class Message>
void check(const Result<Message>& read, std::string_view body) {
  if (!read) return;
  // A later version's fields may follow; flags are written as 0 or 1.
  must(body_again(encode(*read)).size() <= body.size());
}

void check_body(MessageType type, std::string_view body) {
  switch (type) {
    case MessageType::challenge:
      return check(decode_challenge(body), body);
    case MessageType::hello:
      return check(decode_hello(body), body);
    case MessageType::welcome:
      return check(decode_welcome(body), body);
    case MessageType::start:
      return check(decode_start(body), body);
    case MessageType::refusal:
      return check(decode_refusal(body), body);
    case MessageType::confirm:
      return check(decode_confirm(body), body);
    case MessageType::data: {
      const Result<Data> data = decode_data(body);
      if (data) must(body_again(encode_data_head(*data) + std::string(data->bytes)) == body);
      return;
    }
    case MessageType::metadata: {
      const Result<EpochMetadata> metadata = decode_metadata(body);
      if (metadata) must(body_again(encode(metadata->epoch, metadata->item)) == body);
      return;
    }
  }
}

void check_splice(std::string_view body) {
  const Result<Hello> hello = decode_hello(body);
  if (!hello) return;
  EpochTable master = hello->epochs;
  master.cut(hello->end / 2);
  const LogEnds replica(hello->epochs, hello->begin, hello->end);
  const Splice splice = find_splice(replica, LogEnds(master, 0, hello->end / 2));
  must(splice.offset <= hello->end);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Result<MessageView> view = inspect_message(bytes, kMaxHandshake);
  if (view && view->size > 0) check_body(view->type, view->body);
  check_body(static_cast<MessageType>(data[0]), bytes);
  check_splice(bytes);
  return 0;
}

// What the header of a SEND_MESSAGE_V2 with three properties costs: from the typed struct to frame
// bytes and back, in both serializations. "allocations" counts calls of operator new per operation;
// the command and the output buffer are used again, as a connection does.

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>

#include "allocation_count.hpp"
#include "comet/remoting/codec.hpp"
#include "comet/remoting/header.hpp"
#include "comet/remoting/message_headers.hpp"

namespace {

using namespace comet::remoting;
using comet::benchmark_support::allocations;

constexpr std::size_t kMaxFrame = 16u << 20;

SendMessageHeader make_header() {
  static constexpr char properties[] =
      "KEYS\001order-20931\002TAGS\001created\002UNIQ_KEY\0017F0000010A1218B4AAC2161A5A3C0000\002";
  SendMessageHeader header;
  header.producer_group = "order-service";
  header.topic = "orders";
  header.default_topic = "TBW102";
  header.default_topic_queue_nums = 4;
  header.queue_id = 3;
  header.born_timestamp = 1'700'000'000'123;
  header.properties = std::string_view(properties, sizeof properties - 1);
  header.reconsume_times = 0;
  header.unit_mode = false;
  header.batch = false;
  header.broker_name = "broker-a";
  return header;
}

void encode(const SendMessageHeader& header, RemotingCommand& command, std::string& frame) {
  command.fields.clear();
  write_header(header, command.fields, FieldNames::short_form);
  frame.clear();
  encode_frame_head(command, frame);
}

void report(benchmark::State& state, std::uint64_t allocated, std::size_t frame_size) {
  state.counters["allocations"] =
      static_cast<double>(allocated) / static_cast<double>(state.iterations());
  state.counters["bytes"] = static_cast<double>(frame_size);
}

void encode_send_header(benchmark::State& state, SerializeType type) {
  const SendMessageHeader header = make_header();
  RemotingCommand command = RemotingCommand::request(RequestCode::send_message_v2);
  command.serialize_type = type;
  std::string frame;
  encode(header, command, frame);
  const std::uint64_t before = allocations();
  for ([[maybe_unused]] auto round : state) {
    ++command.opaque;
    encode(header, command, frame);
    benchmark::DoNotOptimize(frame.data());
    benchmark::ClobberMemory();
  }
  report(state, allocations() - before, frame.size());
}

void decode_send_header(benchmark::State& state, SerializeType type) {
  RemotingCommand command = RemotingCommand::request(RequestCode::send_message_v2);
  command.serialize_type = type;
  std::string frame;
  encode(make_header(), command, frame);
  auto decode = [&] {
    auto info = inspect_frame(frame, kMaxFrame);
    if (!info || decode_header(info->type, info->header, command)) std::abort();
    auto header = read_header<SendMessageHeader>(command.fields, FieldNames::short_form);
    if (!header || header->queue_id != 3) std::abort();
    benchmark::DoNotOptimize(*header);
  };
  decode();
  const std::uint64_t before = allocations();
  for ([[maybe_unused]] auto round : state) decode();
  report(state, allocations() - before, frame.size());
}

BENCHMARK_CAPTURE(encode_send_header, json, SerializeType::json);
BENCHMARK_CAPTURE(decode_send_header, json, SerializeType::json);
BENCHMARK_CAPTURE(encode_send_header, rocketmq, SerializeType::rocketmq);
BENCHMARK_CAPTURE(decode_send_header, rocketmq, SerializeType::rocketmq);

}  // namespace

BENCHMARK_MAIN();

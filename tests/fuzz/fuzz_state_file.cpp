// consumerOffset.json is made of the input: it is read, or refused with the system's Error; what is
// read survives being written again.
#include <stdlib.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "../../libs/broker/src/tables/offset_table.hpp"
#include "comet/base/log.hpp"

namespace {

using namespace comet;

void must(bool holds) {
  if (!holds) std::abort();
}

std::string make_root() {
  log::set_level(log::Level::off);
  std::string pattern = (std::filesystem::temp_directory_path() / "comet-fuzz-XXXXXX").string();
  must(::mkdtemp(pattern.data()) != nullptr);
  std::filesystem::create_directories(pattern + "/config");
  static std::string root = pattern;
  std::atexit([] { std::filesystem::remove_all(root); });
  return root;
}

void put(const std::string& root, std::string_view bytes) {
  std::ofstream file(root + "/config/consumerOffset.json", std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string root = make_root();
  put(root, {reinterpret_cast<const char*>(data), size});
  broker::OffsetTable table(root, real_time());
  try {
    table.load();
  } catch (const Error&) {
    return 0;
  }
  const std::string json = table.to_json(routing::IntegerKeys::quoted);
  put(root, json);
  broker::OffsetTable again(root, real_time());
  again.load();
  must(again.to_json(routing::IntegerKeys::quoted) == json);
  return 0;
}

#pragma once
// Makes frames for a live server: valid ones of every request code, and what mutations make of
// them.

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "comet/remoting/command.hpp"

namespace comet::inline v0_1::live {

class FrameMaker {
 public:
  explicit FrameMaker(std::uint64_t seed) : random_(seed) {}

  // Appends one frame. Whether its lengths are in order, so that the connection may go on behind
  // it.
  bool append(std::string& out);

 private:
  [[nodiscard]] std::size_t below(std::size_t end);
  [[nodiscard]] bool one_in(std::size_t n) { return below(n) == 0; }
  template <class Container>
  [[nodiscard]] const auto& any_of(const Container& all) {
    return all[below(std::size(all))];
  }
  [[nodiscard]] std::string number();
  [[nodiscard]] std::string strange_text();
  // A value that a client could send in a field of this name.
  [[nodiscard]] std::string fitting_value(std::string_view name, bool is_text);
  [[nodiscard]] std::string bytes(std::size_t size);

  [[nodiscard]] std::int32_t choose_code();
  [[nodiscard]] remoting::RemotingCommand valid_command(std::int32_t code);
  [[nodiscard]] std::string valid_body(std::int32_t code);
  [[nodiscard]] std::string heartbeat();
  [[nodiscard]] std::string queue_set();
  [[nodiscard]] std::string batch();
  template <class Header>
  void add_fields(remoting::Fields& fields, bool short_names);
  void add_fields_of(std::int32_t code, remoting::Fields& fields);
  void mutate_fields(remoting::RemotingCommand& command);
  void mutate_bytes(std::string& text);

  std::mt19937_64 random_;
  std::int32_t opaque_ = 0;
};

}  // namespace comet::inline v0_1::live

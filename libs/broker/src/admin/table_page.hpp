#pragma once
// The tables that tools and slaves of RocketMQ 5.4 and later ask for in parts (21, 201).

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "comet/remoting/command.hpp"
#include "comet/routing/topic_config.hpp"

namespace comet::inline v0_1::broker {

// A part of a table whose entries are ordered by name. `seq` says which entry it begins with, the
// version which state of the table that is a place in: of any other state it is the first part.
// Without `seq`: all of the table.
class TablePage {
 public:
  TablePage(std::optional<std::int32_t> seq, std::optional<std::int32_t> most_asked,
            std::optional<std::string_view> version, const routing::DataVersion& present);

  std::size_t begin = 0;
  std::size_t most = std::numeric_limits<std::size_t>::max();
};

// A table with so many `entries` ("topics") in all, of which `json` has the page, or why it does
// not fit into a frame. `total_name` is the field for their number, `fields` those that ask for
// pages.
[[nodiscard]] remoting::RemotingCommand page_answer(const remoting::RemotingCommand& request,
                                                    std::string json, std::size_t total,
                                                    std::string_view total_name,
                                                    std::string_view entries,
                                                    std::string_view fields);

}  // namespace comet::inline v0_1::broker

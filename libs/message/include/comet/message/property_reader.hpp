#pragma once
// Properties one after the other, from their string form (properties.hpp).

#include <string_view>

namespace comet {

// Takes the next usable name and value off `rest`; false at the end. Views into `rest`. As
// tolerant as MessageProperties::decode; of several values of one name the last counts. `whole`,
// if given, becomes the property's text without the separator behind it.
bool next_property(std::string_view& rest, std::string_view& name, std::string_view& value,
                   std::string_view* whole = nullptr) noexcept;

}  // namespace comet

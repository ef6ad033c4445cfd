#pragma once
// JSON read piece by piece: for bodies that can be large, of which a tree would take many times
// their size.

#include <boost/json/value.hpp>
#include <string_view>

#include "comet/base/error.hpp"

namespace comet::inline v0_1 {

// What is told of a text, in its order.
class JsonEvents {
 public:
  virtual ~JsonEvents() = default;
  // What was told until now is void: the same text comes again, read in another way.
  virtual void restart() = 0;
  virtual void begin_object() = 0;
  virtual void end_object() = 0;
  virtual void begin_array() = 0;
  virtual void end_array() = 0;
  // The name of the member that comes next. False: if that is no object or array, it is not wanted.
  virtual bool key(std::string_view name) = 0;
  // A wanted text, number, boolean or null.
  virtual void value(boost::json::value value) = 0;
};

// As parse_json(): standard JSON or fastjson's dialect. After an error what was told is void.
[[nodiscard]] error_code read_json(std::string_view json, JsonEvents& events);

}  // namespace comet::inline v0_1

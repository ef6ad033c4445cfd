#pragma once
// The file that says that the log is being cut, or begun elsewhere, while that is not finished: the
// next start finishes it.

#include <cstdint>
#include <optional>
#include <string>

#include "comet/base/error.hpp"
#include "file.hpp"

namespace comet::inline v0_1::store {

class CutNote {
 public:
  enum class Kind {
    cut,    // `offset` becomes the log's end; what lies before is on disk, queues included
    begin,  // the empty log begins at `offset`, once no other file of it is left
  };
  Kind kind = Kind::cut;
  std::int64_t offset = 0;
  // Of the newest record of all, ms: a checkpoint that knows a later one is not this store's.
  std::int64_t timestamp = 0;
};

// Nothing: there is none, or it is damaged.
[[nodiscard]] std::optional<CutNote> read_cut_note(FileSystem& files, const std::string& path);
// On disk when it returns without error.
[[nodiscard]] error_code write_cut_note(FileSystem& files, const std::string& path,
                                        const CutNote& note);
[[nodiscard]] error_code remove_cut_note(FileSystem& files, const std::string& path);

}  // namespace comet::inline v0_1::store

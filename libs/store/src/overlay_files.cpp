#include "overlay_files.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace comet::inline v0_1::store {

namespace {

error_code posix_error(int number) { return {number, boost::system::system_category()}; }

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

}  // namespace

class OverlayFile final : public File {
 public:
  using Node = OverlayFiles::Node;
  OverlayFile(std::shared_ptr<Node> node, std::shared_ptr<File> below) noexcept
      : node_(std::move(node)), below_(std::move(below)) {}

  Result<std::size_t> write_some(std::span<const iovec> pieces, std::int64_t at) override {
    std::size_t written = 0;
    for (const iovec& piece : pieces) {
      const std::string_view bytes(static_cast<const char*>(piece.iov_base), piece.iov_len);
      if (error_code error = write(bytes, at + static_cast<std::int64_t>(written))) return error;
      written += bytes.size();
    }
    return written;
  }

  // A page at most: callers ask again.
  Result<std::size_t> read_some(std::span<char> into, std::int64_t at) override {
    if (at >= node_->size) return 0;
    const std::int64_t start = at - at % Node::kPage;
    auto next = node_->pages.lower_bound(start);
    if (next != node_->pages.end() && next->first == start) {
      const std::int64_t count =
          std::min({std::ssize(into), start + Node::kPage - at, node_->size - at});
      std::copy_n(next->second.data() + (at - start), count, into.data());
      return static_cast<std::size_t>(count);
    }
    std::int64_t end = std::min(node_->size, at + std::ssize(into));
    if (next != node_->pages.end()) end = std::min(end, next->first);
    into = into.first(static_cast<std::size_t>(end - at));
    if (error_code error = read_below(into, at)) return error;
    return into.size();
  }

  Result<std::int64_t> size() override { return node_->size; }

  std::int64_t next_data(std::int64_t at) override {
    std::int64_t found = -1;
    if (below_ && at < node_->below_size) {
      found = below_->next_data(at);
      if (found >= node_->below_size) found = -1;
    }
    auto page = node_->pages.lower_bound(at - at % Node::kPage);
    if (page != node_->pages.end() && (found < 0 || page->first < found)) {
      found = std::max(page->first, at);
    }
    return found;
  }

  error_code resize(std::int64_t size) override {
    if (size < node_->size) {
      // The rest of the last page becomes zeros.
      const std::int64_t start = size - size % Node::kPage;
      if (size > start) {
        std::string* page = nullptr;
        if (error_code error = page_at(start, page)) return error;
        std::fill(page->begin() + (size - start), page->end(), '\0');
      }
      node_->pages.erase(node_->pages.lower_bound(size), node_->pages.end());
      node_->below_size = std::min(node_->below_size, size);
    }
    node_->size = size;
    return {};
  }
  error_code allocate(std::int64_t) override { return {}; }
  error_code sync_data() override { return {}; }
  error_code sync_all() override { return {}; }
  Result<bool> try_lock() override { return below_ ? below_->try_lock() : Result<bool>(true); }

 private:
  error_code write(std::string_view bytes, std::int64_t at) {
    while (!bytes.empty()) {
      const std::int64_t start = at - at % Node::kPage;
      std::string* page = nullptr;
      if (error_code error = page_at(start, page)) return error;
      const auto place = static_cast<std::size_t>(at - start);
      const std::size_t count = std::min(bytes.size(), page->size() - place);
      page->replace(place, count, bytes.substr(0, count));
      bytes.remove_prefix(count);
      at += static_cast<std::int64_t>(count);
      node_->size = std::max(node_->size, at);
    }
    return {};
  }

  error_code page_at(std::int64_t start, std::string*& page) {
    auto [place, is_new] = node_->pages.try_emplace(start, Node::kPage, '\0');
    page = &place->second;
    if (!is_new) return {};
    error_code error = read_below(*page, start);
    if (error) node_->pages.erase(place);
    return error;
  }

  // Zeros behind its end.
  error_code read_below(std::span<char> into, std::int64_t at) {
    const std::int64_t there =
        std::clamp<std::int64_t>(node_->below_size - at, 0, std::ssize(into));
    std::ranges::fill(into.subspan(static_cast<std::size_t>(there)), '\0');
    if (there == 0) return {};
    if (!below_) return posix_error(EIO);
    return read_fully(*below_, into.first(static_cast<std::size_t>(there)), at);
  }

  std::shared_ptr<Node> node_;
  std::shared_ptr<File> below_;
};

OverlayFiles::~OverlayFiles() = default;

// Null: there is no such file.
Result<std::shared_ptr<OverlayFiles::Node>> OverlayFiles::find(const std::string& path) {
  auto found = nodes_.find(path);
  if (found != nodes_.end()) return found->second;
  if (removed_.contains(path)) return std::shared_ptr<Node>();
  Result<std::shared_ptr<File>> file = below_.open(path, OpenMode::reading);
  if (!file && is_missing(file.error())) return std::shared_ptr<Node>();
  if (!file) return file.error();
  Result<std::int64_t> size = (*file)->size();
  if (!size) return size.error();
  auto node = std::make_shared<Node>();
  node->below = path;
  node->size = node->below_size = node->original_size = *size;
  return nodes_[path] = node;
}

Result<std::shared_ptr<File>> OverlayFiles::open(const std::string& path, OpenMode mode) {
  Result<std::shared_ptr<Node>> node = find(path);
  if (!node) return node.error();
  if (!*node && mode != OpenMode::create) return posix_error(ENOENT);
  if (!*node) *node = nodes_[path] = std::make_shared<Node>();
  std::shared_ptr<File> below;
  if (!(*node)->below.empty()) {
    Result<std::shared_ptr<File>> file = below_.open((*node)->below, OpenMode::reading);
    if (!file) return file.error();
    below = std::move(*file);
  }
  return std::shared_ptr<File>(std::make_shared<OverlayFile>(std::move(*node), std::move(below)));
}

Result<bool> OverlayFiles::exists(const std::string& path) {
  if (nodes_.contains(path) || directories_.contains(path)) return true;
  if (removed_.contains(path)) return false;
  return below_.exists(path);
}

error_code OverlayFiles::remove(const std::string& path) {
  Result<std::shared_ptr<Node>> node = find(path);
  if (!node) return node.error();
  if (!*node) return posix_error(ENOENT);
  nodes_.erase(path);
  Result<bool> is_below = below_.exists(path);
  if (!is_below) return is_below.error();
  if (*is_below) removed_.insert(path);
  return {};
}

error_code OverlayFiles::remove_directory(const std::string& path) {
  return directories_.erase(path) > 0 ? error_code() : posix_error(ENOTEMPTY);
}

error_code OverlayFiles::rename(const std::string& from, const std::string& to) {
  Result<std::shared_ptr<Node>> node = find(from);
  if (!node) return node.error();
  if (!*node) return posix_error(ENOENT);
  std::shared_ptr<Node> moved = *node;
  if (error_code error = remove(from)) return error;
  nodes_[to] = std::move(moved);
  return {};
}

error_code OverlayFiles::make_directories(const std::string& path) {
  for (std::string one = path; !one.empty(); one = folder_of(one)) {
    Result<bool> there = exists(one);
    if (!there) return there.error();
    if (*there || one.find('/') == std::string::npos) break;
    directories_.insert(one);
  }
  return {};
}

Result<std::vector<DirectoryEntry>> OverlayFiles::list(const std::string& path) {
  std::map<std::string, DirectoryEntry> entries;
  if (!directories_.contains(path)) {
    Result<std::vector<DirectoryEntry>> below = below_.list(path);
    if (!below) return below.error();
    for (DirectoryEntry& entry : *below) {
      if (!removed_.contains(path + "/" + entry.name)) entries[entry.name] = std::move(entry);
    }
  }
  auto add = [&](const std::string& where, bool is_directory, std::int64_t size) {
    if (folder_of(where) != path) return;
    const std::string name = where.substr(path.size() + 1);
    DirectoryEntry& entry = entries[name];
    entry.name = name;
    entry.is_directory = is_directory;
    entry.size = size;
  };
  for (const auto& [where, node] : nodes_) add(where, false, node->size);
  for (const std::string& where : directories_) add(where, true, 0);
  std::vector<DirectoryEntry> all;
  for (auto& [name, entry] : entries) all.push_back(std::move(entry));
  return all;
}

Result<std::int64_t> OverlayFiles::modified_millis(const std::string& path) {
  Result<std::int64_t> below = below_.modified_millis(path);
  if (!below && nodes_.contains(path)) return 0;
  return below;
}

Result<DiskUsage> OverlayFiles::disk_usage(const std::string& path) {
  std::string there = path;
  while (directories_.contains(there)) there = folder_of(there);
  return below_.disk_usage(there);
}

Result<std::vector<OverlayFiles::Change>> OverlayFiles::changes() {
  std::vector<Change> all;
  for (const auto& [path, node] : nodes_) {
    Result<Change> change = compare(path, *node);
    if (!change) return change.error();
    const bool is_other = change->kind == Change::Kind::made || change->end > change->begin ||
                          change->size != change->old_size;
    if (is_other) all.push_back(std::move(*change));
  }
  for (const std::string& path : removed_) {
    if (nodes_.contains(path)) continue;
    Change change;
    change.path = path;
    change.kind = Change::Kind::removed;
    all.push_back(std::move(change));
  }
  std::ranges::sort(all, {}, &Change::path);
  return all;
}

Result<OverlayFiles::Change> OverlayFiles::compare(const std::string& path, const Node& node) {
  Change change;
  change.path = path;
  change.size = node.size;
  Result<bool> is_below = below_.exists(path);
  if (!is_below) return is_below.error();
  change.kind = *is_below ? Change::Kind::changed : Change::Kind::made;
  if (change.kind == Change::Kind::made) return change;
  Result<std::shared_ptr<File>> before = below_.open(path, OpenMode::reading);
  if (!before) return before.error();
  Result<std::shared_ptr<File>> now = open(path, OpenMode::existing);
  if (!now) return now.error();
  Result<std::int64_t> old_size = (*before)->size();
  if (!old_size) return old_size.error();
  change.old_size = *old_size;
  auto differs = [&](std::int64_t at) -> Result<bool> {
    std::string one(static_cast<std::size_t>(Node::kPage), '\0');
    std::string other = one;
    if (error_code error = read_fully(**before, one, at)) return error;
    if (error_code error = read_fully(**now, other, at)) return error;
    for (std::int64_t i = 0; i < Node::kPage; ++i) {
      const auto place = static_cast<std::size_t>(i);
      if (one[place] == other[place]) continue;
      if (change.end == 0) change.begin = at + i;
      change.end = at + i + 1;
    }
    return true;
  };
  // Pages that were written, and what can be seen below no more.
  std::set<std::int64_t> places;
  for (const auto& [at, page] : node.pages) places.insert(at);
  const bool is_moved = node.below != path;
  const std::int64_t hidden = is_moved ? 0 : node.below_size;
  for (std::int64_t at = hidden - hidden % Node::kPage; at < *old_size; at += Node::kPage) {
    const std::int64_t data = (*before)->next_data(at);
    if (data < 0) break;
    at = std::max(at, data - data % Node::kPage);
    places.insert(at);
  }
  for (std::int64_t at : places) {
    Result<bool> looked = differs(at);
    if (!looked) return looked.error();
  }
  return change;
}

}  // namespace comet::inline v0_1::store

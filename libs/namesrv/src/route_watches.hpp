#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "comet/namesrv/config.hpp"

namespace comet::inline v0_1::namesrv {

// Which connection wants to be told of which topic's next change. A watch is good for one
// notification: whoever is told asks again anyway, and that query renews it. So a route that
// changes all the time costs no more than its clients' queries.
// Pure bookkeeping. What changes is first noted, then handed out one connection at a time; the
// former costs nothing for each watch, the latter something for those of the connection only.
class RouteWatches {
 public:
  explicit RouteWatches(RouteWatchLimits limits) : limits_(limits) {}

  // False: there is no room. The connection's number is any.
  bool add(std::uint64_t connection, std::string_view topic);
  void remove_connection(std::uint64_t connection);

  // The watches of these topics are to be handed out. True when there are any.
  bool changed(const std::vector<std::string>& topics);
  // All that one connection is to be told; nullopt: nobody is left.
  class Notice {
   public:
    Notice(std::uint64_t connection_in, std::vector<std::string> topics_in)
        : connection(connection_in), topics(std::move(topics_in)) {}
    std::uint64_t connection;
    std::vector<std::string> topics;
  };
  [[nodiscard]] std::optional<Notice> next();

  [[nodiscard]] std::size_t size() const noexcept { return watches_; }
  [[nodiscard]] std::size_t topics() const noexcept { return topics_.size() + outdated_.size(); }

 private:
  struct Topic {
    std::string name;
    std::list<std::uint64_t> watchers;  // connections; never empty outside of calls
    bool outdated = false;
    std::list<std::unique_ptr<Topic>>::iterator place;  // in outdated_
  };
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };
  // Of one connection: where its entry is in each topic.
  using Watches = std::unordered_map<Topic*, std::list<std::uint64_t>::iterator>;

  void drop_if_empty(Topic& topic);

  const RouteWatchLimits limits_;
  std::unordered_map<std::string, std::unique_ptr<Topic>, TextHash, std::equal_to<>> topics_;
  std::list<std::unique_ptr<Topic>> outdated_;  // changed, with watchers that do not know
  std::unordered_map<std::uint64_t, Watches> connections_;
  std::size_t watches_ = 0;
};

}  // namespace comet::inline v0_1::namesrv

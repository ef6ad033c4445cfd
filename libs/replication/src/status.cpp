#include "comet/replication/status.hpp"

namespace comet::inline v0_1::replication {

std::string_view to_string(Wire wire) noexcept {
  switch (wire) {
    case Wire::undecided:
      return "undecided";
    case Wire::apache:
      return "apache";
    case Wire::comet:
      return "comet";
  }
  return "unknown";
}

std::string_view to_string(PeerState state) noexcept {
  switch (state) {
    case PeerState::connecting:
      return "connecting";
    case PeerState::no_master:
      return "no_master";
    case PeerState::handshake:
      return "handshake";
    case PeerState::transfer:
      return "transfer";
    case PeerState::cutting:
      return "cutting";
    case PeerState::other_file_size:
      return "other_file_size";
    case PeerState::diverged:
      return "diverged";
    case PeerState::ahead:
      return "ahead";
    case PeerState::below_begin:
      return "below_begin";
    case PeerState::wrong_name:
      return "wrong_name";
    case PeerState::wrong_log:
      return "wrong_log";
    case PeerState::wrong_secret:
      return "wrong_secret";
    case PeerState::deposed:
      return "deposed";
    case PeerState::bad_bytes:
      return "bad_bytes";
    case PeerState::failed:
      return "failed";
  }
  return "unknown";
}

bool needs_operator(PeerState state) noexcept {
  switch (state) {
    case PeerState::other_file_size:
    case PeerState::diverged:
    case PeerState::ahead:
    case PeerState::below_begin:
    case PeerState::wrong_name:
    case PeerState::wrong_log:
    case PeerState::wrong_secret:
      return true;
    default:
      return false;
  }
}

}  // namespace comet::inline v0_1::replication

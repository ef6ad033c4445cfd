#include "pending_requests.hpp"

namespace comet::inline v0_1::remoting {

using State = PendingRequest::State;

void PendingRequests::queue(PendingRequest& request) {
  request.state_ = State::queued;
  queued_.push_back(request);
  by_deadline_.insert(request);
}

void PendingRequests::sent(PendingRequest& request) {
  sent_[request.command.opaque] = &request;
  if (request.state_ == State::queued) {
    queued_.erase(queued_.iterator_to(request));
  } else {
    by_deadline_.insert(request);
  }
  request.state_ = State::sent;
}

void PendingRequests::remove(PendingRequest& request) noexcept {
  if (request.state_ == State::done) return;
  if (request.state_ == State::queued) {
    queued_.erase(queued_.iterator_to(request));
  } else {
    sent_.erase(request.command.opaque);
  }
  by_deadline_.erase(by_deadline_.iterator_to(request));
  request.state_ = State::done;
}

void PendingRequests::finish(PendingRequest& request, error_code error) {
  remove(request);
  request.error = error;
  request.waiter.wake();
}

PendingRequest* PendingRequests::find(std::int32_t opaque) noexcept {
  auto found = sent_.find(opaque);
  return found == sent_.end() ? nullptr : found->second;
}

PendingRequest* PendingRequests::first_queued() noexcept {
  return queued_.empty() ? nullptr : &queued_.front();
}

PendingRequest* PendingRequests::earliest() noexcept {
  return by_deadline_.empty() ? nullptr : &*by_deadline_.begin();
}

}  // namespace comet::inline v0_1::remoting

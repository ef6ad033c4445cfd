#pragma once

#include <span>
#include <utility>

#include "comet/message/record.hpp"
#include "comet/remoting/handling.hpp"
#include "comet/store/message_store.hpp"

namespace comet::inline v0_1::broker {

// Waits until records of a request are in the log, and on the disk if they are to be. Their views
// may be into the request, whose body is given up as soon as they are encoded.
class AwaitAppend {
 public:
  AwaitAppend(store::MessageStore& store, remoting::Request& request, const RecordView& record,
              bool wait_flush) noexcept
      : store_(store), request_(request), record_(&record), wait_flush_(wait_flush) {}
  AwaitAppend(store::MessageStore& store, remoting::Request& request, store::RecordSource& records,
              bool wait_flush) noexcept
      : store_(store), request_(request), records_(&records), wait_flush_(wait_flush) {}

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(remoting::Handling::Handle waiting) {
    const remoting::Handling::Wait wait(waiting);
    const asio::any_io_executor& executor = request_.connection->executor();
    remoting::Resume<store::AppendResult> done(waiting, result_);
    if (records_ != nullptr) {
      store_.append(*records_, wait_flush_, executor, std::move(done));
    } else {
      store_.append(std::span(record_, 1), wait_flush_, executor, std::move(done));
    }
    request_.command.body = Body();
  }
  [[nodiscard]] store::AppendResult await_resume() noexcept { return std::move(result_); }

 private:
  store::MessageStore& store_;
  remoting::Request& request_;
  const RecordView* record_ = nullptr;  // or:
  store::RecordSource* records_ = nullptr;
  bool wait_flush_;
  store::AppendResult result_;
};

}  // namespace comet::inline v0_1::broker

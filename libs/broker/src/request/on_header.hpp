#pragma once
// How a feature's members serve request codes: the header is read before they are called, and an
// incomplete one is refused; a Refusal that they throw is the answer. They are called on the
// connection's event loop, several at a time on different loops, and those that answer later on a
// helper thread: what a feature has of its own is guarded by it, and what it is given is
// thread-safe, constant or says otherwise in its header.

#include <functional>

#include "comet/remoting/handling.hpp"
#include "request/answers.hpp"
#include "request/header_of.hpp"
#include "request/later_answers.hpp"

namespace comet::inline v0_1::broker {

// `handle(request)` is a member of the feature that returns a Handling.
template <class Feature>
void on_handling(remoting::Dispatcher& dispatcher, remoting::RequestCode code, Feature* feature,
                 remoting::Handling (Feature::*handle)(remoting::Request),
                 std::size_t max_concurrent = 0) {
  const auto handler = [feature, handle](remoting::Request&& request) {
    return (feature->*handle)(std::move(request));
  };
  dispatcher.on_handling(code, handler, max_concurrent);
}

// What is made of a request by `answer(request, header)`, a member of the feature, or a function
// that has it first.
template <class Header, class Feature, class Member>
auto with_header(Feature* feature, Member answer) {
  return [feature, answer](remoting::Request& request) {
    return std::invoke(answer, feature, request, header_of<Header>(request.command));
  };
}

// `answer` returns a Reply.
template <class Header, class Feature, class Member>
void on_header(remoting::Dispatcher& dispatcher, remoting::RequestCode code, Feature* feature,
               Member answer) {
  const auto make = with_header<Header>(feature, answer);
  dispatcher.on(code, [make](remoting::Request& request) -> remoting::Reply {
    try {
      return make(request);
    } catch (const remoting::Refusal& reason) {
      return refusal(request, reason);
    }
  });
}

// The same on the helper thread.
template <class Header, class Feature, class Member>
void on_header_later(remoting::Dispatcher& dispatcher, HelperThread& helper,
                     remoting::RequestCode code, Feature* feature, Member answer) {
  const auto make = with_header<Header>(feature, answer);
  dispatcher.on(code, [&helper, make](remoting::Request& request) {
    return answer_on_helper(helper, request, make);
  });
}

// The same there if the request is large, as answer_by_size() has it.
template <class Header, class Feature, class Member>
void on_header_by_size(remoting::Dispatcher& dispatcher, HelperThread& helper,
                       remoting::RequestCode code, Feature* feature, Member answer) {
  const auto make = with_header<Header>(feature, answer);
  dispatcher.on(code, [&helper, make](remoting::Request& request) {
    return answer_by_size(helper, request, make);
  });
}

// For requests without a header of their own.
template <class Feature, class Member>
void on_request_later(remoting::Dispatcher& dispatcher, HelperThread& helper,
                      remoting::RequestCode code, Feature* feature, Member answer) {
  dispatcher.on(code, [&helper, feature, answer](remoting::Request& request) {
    const auto make = [feature, answer](remoting::Request& asked) {
      return std::invoke(answer, feature, asked);
    };
    return answer_on_helper(helper, request, make);
  });
}

}  // namespace comet::inline v0_1::broker

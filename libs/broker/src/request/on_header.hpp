#pragma once
// How a feature's members serve request codes: the header is read before they are called, and an
// incomplete one is refused. They are called on the connection's event loop, several at a time on
// different loops, and those that answer later on a helper thread: what a feature has of its own is
// guarded by it, and what it is given is thread-safe, constant or says otherwise in its header.

#include <functional>
#include <string>

#include "comet/remoting/handling.hpp"
#include "comet/remoting/header.hpp"
#include "request/answers.hpp"
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

// `answer(request, header)` is a member of the feature and returns a Reply.
template <class Header, class Feature, class Member>
void on_header(remoting::Dispatcher& dispatcher, remoting::RequestCode code, Feature* feature,
               Member answer) {
  dispatcher.on(code, [feature, answer](remoting::Request& request) -> remoting::Reply {
    std::string missing;
    const auto header =
        remoting::read_header<Header>(request.command.fields, remoting::FieldNames::full, &missing);
    if (!header) return bad_header(request.command, missing);
    return std::invoke(answer, feature, request, *header);
  });
}

// The same on the helper thread.
template <class Header, class Feature, class Member>
void on_header_later(remoting::Dispatcher& dispatcher, HelperThread& helper,
                     remoting::RequestCode code, Feature* feature, Member answer) {
  dispatcher.on(code, [&helper, feature, answer](remoting::Request& request) -> remoting::Reply {
    std::string missing;
    if (!remoting::read_header<Header>(request.command.fields, remoting::FieldNames::full,
                                       &missing)) {
      return bad_header(request.command, missing);
    }
    const auto make = [feature, answer](remoting::Request& asked) {
      // Again, since its texts are views into the command.
      const auto header = remoting::read_header<Header>(asked.command.fields);
      return std::invoke(answer, feature, asked, *header);
    };
    return answer_on_helper(helper, request, make);
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

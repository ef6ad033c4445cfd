// What is passed by value to awaited calls: g++ 12 destroys temporaries of aggregates twice there
// (docs/gcc12.md).

#include <boost/test/unit_test.hpp>
#include <type_traits>

#include "comet/admin/admin.hpp"
#include "comet/client/client_instance.hpp"

namespace comet::inline v0_1::test {
namespace {

template <class... Argument>
constexpr bool none_is_an_aggregate() {
  return (!std::is_aggregate_v<Argument> && ...);
}

BOOST_AUTO_TEST_CASE(no_argument_of_an_awaited_call_is_an_aggregate) {
  static_assert(none_is_an_aggregate<Address, Message, MessageExt, MessageQueue, Properties>());
  static_assert(none_is_an_aggregate<remoting::RemotingCommand, routing::TopicConfig>());
  static_assert(none_is_an_aggregate<admin::Scope, admin::BrokerNode, admin::GroupConfig,
                                     admin::OffsetReset, admin::QueuePlace>());
  BOOST_TEST(true);
}

}  // namespace
}  // namespace comet::inline v0_1::test

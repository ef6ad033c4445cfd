#pragma once
// Every typed header of the remoting protocol, for tests that look at all of them. A header that is
// missing here is found by tests/unit/remoting/typed_headers_test.cpp.

#include <tuple>

#include "comet/remoting/admin_headers.hpp"
#include "comet/remoting/message_headers.hpp"
#include "comet/remoting/namesrv_headers.hpp"
#include "comet/remoting/transaction_headers.hpp"

namespace comet::inline v0_1::remoting::test {

template <class... Headers>
struct HeaderList {
  static constexpr std::size_t size = sizeof...(Headers);
  using Tuple = std::tuple<Headers...>;
};

using AllHeaders = HeaderList<
    // namesrv_headers.hpp
    RegisterBrokerHeader, RegisterBrokerResponseHeader, BrokerIdentityHeader,
    QueryDataVersionResponseHeader, GetRouteInfoHeader, GetRouteInfoResponseHeader,
    PutKvConfigHeader, KvConfigHeader, KvConfigResponseHeader, NamespaceHeader, BrokerNameHeader,
    WipeWritePermResponseHeader, AddWritePermResponseHeader, DeleteTopicInNamesrvHeader,
    ClusterHeader, BrokerMemberGroupHeader, RegisterTopicHeader, BrokerHeartbeatHeader,
    NotifyMinBrokerIdHeader,
    // message_headers.hpp
    SendMessageHeader, SendMessageResponseHeader, SendRefusedResponseHeader, PushReplyHeader,
    RecallMessageHeader, RecallMessageResponseHeader, PullMessageHeader, PullMessageResponseHeader,
    QueryConsumerOffsetHeader, UpdateConsumerOffsetHeader, QueueHeader, OffsetResponseHeader,
    TimestampResponseHeader, SearchOffsetHeader, QueryMessageHeader, QueryMessageResponseHeader,
    ViewMessageHeader, CreateTopicHeader, ConsumerGroupHeader, UnregisterClientHeader,
    SendMessageBackHeader,
    // transaction_headers.hpp
    EndTransactionHeader, CheckTransactionStateHeader, ResumeCheckHalfMessageHeader,
    // admin_headers.hpp
    TopicHeader, ProducerGroupHeader, TopicPageHeader, TopicPageResponseHeader, GroupPageHeader,
    GroupPageResponseHeader, DeleteGroupHeader, GroupHeader, BrokerConfigResponseHeader,
    ConsumeStatsHeader, BrokerConsumeStatsHeader, ResetOffsetHeader, ConsumerStatusHeader,
    ConsumeTimeSpanHeader, ConsumerRunningInfoHeader, ConsumeMessageDirectlyHeader,
    CorrectionOffsetHeader, CloneGroupOffsetHeader, BrokerStatsHeader, QueryConsumeQueueHeader,
    GroupForbiddenHeader, AccessConfigHeader, DeleteAccessConfigHeader, GlobalWhiteAddressesHeader,
    AclVersionResponseHeader, FilterServerHeader, PromoteBrokerHeader, ResyncBrokerHeader>;

// Calls visit(header) with a default-constructed header of every type.
template <class Visitor>
void for_each_header(Visitor visit) {
  std::apply([&visit](auto... headers) { (visit(headers), ...); }, AllHeaders::Tuple());
}

}  // namespace comet::inline v0_1::remoting::test

#include "comet/replication/epochs.hpp"

#include <boost/test/unit_test.hpp>

using namespace comet::replication;

namespace {

EpochTable table(std::vector<EpochEntry> entries) { return EpochTable::of(std::move(entries)); }

Splice splice(const EpochTable& replica, std::int64_t replica_end, const EpochTable& master,
              std::int64_t master_end, std::int64_t master_begin = 0) {
  return find_splice(LogEnds(replica, 0, replica_end), LogEnds(master, master_begin, master_end));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(epochs)

BOOST_AUTO_TEST_CASE(a_replica_of_the_same_mastership_goes_on_at_its_end) {
  const EpochTable both = table({{1, 0, 11}, {2, 500, 22}});
  const Splice found = splice(both, 700, both, 900);
  BOOST_TEST((found.kind == Splice::Kind::follow));
  BOOST_TEST(found.offset == 700);
  BOOST_TEST(found.epoch == 2);
}

BOOST_AUTO_TEST_CASE(a_deposed_master_goes_back_to_where_the_next_mastership_began) {
  const EpochTable deposed = table({{1, 0, 11}});
  const EpochTable master = table({{1, 0, 11}, {2, 500, 22}});
  const Splice found = splice(deposed, 700, master, 900);
  BOOST_TEST((found.kind == Splice::Kind::cut));
  BOOST_TEST(found.offset == 500);
}

BOOST_AUTO_TEST_CASE(equal_lengths_are_not_equal_logs) {
  const EpochTable deposed = table({{1, 0, 11}});
  const EpochTable master = table({{1, 0, 11}, {2, 500, 22}});
  const Splice found = splice(deposed, 900, master, 900);
  BOOST_TEST((found.kind == Splice::Kind::cut));
  BOOST_TEST(found.offset == 500);
}

BOOST_AUTO_TEST_CASE(an_equal_epoch_with_another_id_is_another_history) {
  const EpochTable one = table({{1, 0, 11}, {2, 500, 22}});
  const EpochTable other = table({{1, 0, 11}, {2, 500, 33}});
  const Splice found = splice(one, 900, other, 900);
  BOOST_TEST((found.kind == Splice::Kind::cut));
  BOOST_TEST(found.offset == 500);
  BOOST_TEST(found.epoch == 1);
}

BOOST_AUTO_TEST_CASE(without_a_common_mastership_nothing_is_cut) {
  const EpochTable one = table({{1, 0, 11}});
  const EpochTable other = table({{1, 0, 12}});
  BOOST_TEST((splice(one, 300, other, 900).kind == Splice::Kind::diverged));
}

BOOST_AUTO_TEST_CASE(a_log_older_than_all_epochs_has_to_be_proven_by_its_records) {
  const EpochTable master = table({{1, 500, 11}});
  const Splice found = splice(EpochTable(), 400, master, 900);
  BOOST_TEST((found.kind == Splice::Kind::unproven));
  BOOST_TEST(found.offset == 400);
  BOOST_TEST((splice(EpochTable(), 501, master, 900).kind == Splice::Kind::diverged));
}

BOOST_AUTO_TEST_CASE(an_entry_behind_the_logs_end_says_nothing) {
  const EpochTable adopted =
      table({{1, 0, 11}, {2, 500, 22}, {3, 900, 33}});  // while it was at 300
  const EpochTable master = table({{1, 0, 11}, {4, 400, 44}});
  const Splice found = splice(adopted, 300, master, 900);
  BOOST_TEST((found.kind == Splice::Kind::follow));
  BOOST_TEST(found.offset == 300);
}

BOOST_AUTO_TEST_CASE(an_empty_log_goes_on_anywhere_and_one_below_the_begin_nowhere) {
  const EpochTable master = table({{1, 0, 11}});
  BOOST_TEST((splice(EpochTable(), 0, master, 900, 512).kind == Splice::Kind::follow));
  BOOST_TEST((splice(master, 511, master, 900, 512).kind == Splice::Kind::below));
  BOOST_TEST((splice(master, 512, master, 900, 512).kind == Splice::Kind::follow));
}

BOOST_AUTO_TEST_CASE(a_master_that_lost_its_tail_has_less_in_common) {
  const EpochTable replica = table({{1, 0, 11}});
  const EpochTable master = table({{1, 0, 11}, {2, 600, 22}});  // came back with 600
  const Splice found = splice(replica, 700, master, 600);
  BOOST_TEST((found.kind == Splice::Kind::cut));
  BOOST_TEST(found.offset == 600);
}

BOOST_AUTO_TEST_CASE(a_mastership_that_wrote_nothing_may_be_all_that_is_in_common) {
  EpochTable master = table({{1, 0, 11}});
  master.begin(EpochEntry(2, 0, 22));
  const Splice found = splice(table({{1, 0, 11}}), 299, master, 0);
  BOOST_TEST((found.kind == Splice::Kind::cut));
  BOOST_TEST(found.offset == 0);
}

BOOST_AUTO_TEST_CASE(the_table_stays_small) {
  EpochTable epochs;
  for (std::int64_t epoch = 1; epoch <= 6000; ++epoch) {
    epochs.begin(EpochEntry(epoch, epoch < 3000 ? 0 : 100, 1));
  }
  BOOST_TEST(epochs.entries().size() == EpochTable::kMaxEntries);
  for (std::int64_t epoch = 6001; epoch < 10'000; ++epoch) {
    epochs.begin(EpochEntry(epoch, 100 * epoch, 1));
  }
  BOOST_TEST(epochs.entries().size() == EpochTable::kMaxEntries);
  BOOST_TEST(EpochTable::is_ordered(epochs.entries()));
  epochs.forget_before(100 * 9'000 + 5);
  BOOST_TEST(epochs.entries().front().epoch == 9'000);
  epochs.cut(100 * 9'001);
  BOOST_TEST(epochs.last_epoch() == 9'001);
}

BOOST_AUTO_TEST_SUITE_END()

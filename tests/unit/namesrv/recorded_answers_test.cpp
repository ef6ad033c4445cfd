#include "recorded_answers.hpp"

#include "name_server_fixture.hpp"

using namespace comet;
using namespace comet::test;

BOOST_FIXTURE_TEST_SUITE(recorded_name_server_answers, NameServerFixture)

// What a client sees of a name server, for every request code.
BOOST_AUTO_TEST_CASE(every_request_is_answered_as_recorded) {
  RecordedAnswers answers(world, kNameServer);
  answers.run("namesrv.txt");
}

BOOST_AUTO_TEST_SUITE_END()

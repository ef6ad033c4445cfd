#define BOOST_TEST_MODULE comet
#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>

#include "comet/base/log.hpp"

// Tests speak through their assertions; log lines would only hide them.
struct QuietLog {
  QuietLog() { comet::log::configure(comet::log::Level::off); }
};
BOOST_TEST_GLOBAL_FIXTURE(QuietLog);

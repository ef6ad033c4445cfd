#include "test_data.hpp"

namespace comet::inline v0_1::test {

const std::string& test_data() {
  static const std::string path = COMET_TEST_DATA;
  return path;
}

}  // namespace comet::inline v0_1::test

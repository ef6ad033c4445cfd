#include "test_data.hpp"

namespace comet::test {

const std::string& test_data() {
  static const std::string path = COMET_TEST_DATA;
  return path;
}

}  // namespace comet::test

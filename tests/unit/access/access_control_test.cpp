// Reloads: what holds when files change, and requests meanwhile.
#include "comet/access/access_control.hpp"

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <thread>

#include "access_files.hpp"

using namespace comet;
using namespace comet::access;
using namespace comet::test;

namespace {

std::string file_of(std::string_view more, std::string_view secret = "orbit-secret") {
  return "accounts:\n- accessKey: team-seven\n  secretKey: '" + std::string(secret) + "'\n" +
         std::string(more);
}

bool allows_send(AccessControl& control, const std::string& secret = kSecret) {
  return control.check(signed_by(kAccess, secret, request_of(10, {{"topic", "T"}})), peer())
      .is_allowed();
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_reload_takes_hold_at_once_or_not_at_all) {
  const AccessHome home;
  home.write("conf/plain_acl.yml", file_of("  topicPerms: [T=PUB]\n"));
  AccessControl control(home.files(), AccessOptions());
  BOOST_TEST(allows_send(control));
  home.write("conf/plain_acl.yml", file_of("  topicPerms: [T=pub]\n"));
  BOOST_TEST(control.reload().find("plain_acl.yml:4: ") != std::string::npos);
  BOOST_TEST(allows_send(control));
  BOOST_TEST(control.stats().failed_reloads == 1u);
  BOOST_TEST(!control.stats().problem.empty());
  home.write("conf/plain_acl.yml", file_of("  topicPerms: [T=SUB]\n"));
  BOOST_TEST(control.reload() == "");
  BOOST_TEST(!allows_send(control));
  BOOST_TEST(control.stats().problem == "");
  BOOST_TEST(control.stats().reloads == 1u);
}

BOOST_AUTO_TEST_CASE(an_emptied_or_deleted_file_is_a_fault) {
  const AccessHome home;
  home.write("conf/plain_acl.yml", file_of("  topicPerms: [T=PUB]\n"));
  home.write("conf/acl/more.yml",
             "accounts: [{accessKey: operator, secretKey: operator-secret}]\n");
  AccessControl control(home.files(), AccessOptions());
  home.write("conf/plain_acl.yml", "");
  BOOST_TEST(control.reload() == home.path + "/conf/plain_acl.yml:1: there is nothing in it");
  home.remove("conf/plain_acl.yml");
  BOOST_TEST(
      control.reload().starts_with(home.path + "/conf/plain_acl.yml: was read before and is gone"));
  BOOST_TEST(allows_send(control));
  // Said so, the accounts go.
  home.write("conf/plain_acl.yml", "accounts: []\n");
  BOOST_TEST(control.reload() == "");
  BOOST_TEST(!allows_send(control));
}

BOOST_AUTO_TEST_CASE(white_addresses_go_with_the_reload) {
  const AccessHome home;
  home.write("conf/plain_acl.yml", "globalWhiteRemoteAddresses: ['10.1.2.3']\n" + file_of(""));
  AccessControl control(home.files(), AccessOptions());
  BOOST_TEST(control.check(request_of(17, {}), peer()).is_allowed());
  home.write("conf/plain_acl.yml", file_of(""));
  BOOST_TEST(control.reload() == "");
  BOOST_TEST(!control.check(request_of(17, {}), peer()).is_allowed());
}

BOOST_AUTO_TEST_CASE(looks_find_changes_that_have_settled) {
  const AccessHome home;
  home.write("conf/plain_acl.yml", file_of(""));
  AccessControl control(home.files(), AccessOptions());
  BOOST_TEST(!control.look());
  home.write("conf/plain_acl.yml", file_of("", "another-secret"));
  BOOST_TEST(!control.look());  // somebody may still be writing
  BOOST_TEST(control.look());
  BOOST_TEST(control.reload() == "");
  BOOST_TEST(!control.look());
  home.write("conf/acl/new.yml", "no YAML: [");
  BOOST_TEST(!control.look());
  BOOST_TEST(control.look());
  BOOST_TEST(control.reload() != "");
  BOOST_TEST(!control.look());  // again only after the next change
}

BOOST_AUTO_TEST_CASE(a_start_without_accounts_is_refused) {
  const AccessHome home;
  BOOST_TEST(refusal_of([&home] { AccessControl(home.files(), AccessOptions()); }) != "");
}

BOOST_AUTO_TEST_CASE(requests_are_counted_by_reason) {
  const AccessHome home;
  home.write("conf/plain_acl.yml", file_of("  topicPerms: [T=PUB]\n"));
  AccessControl control(home.files(), AccessOptions());
  (void)allows_send(control);
  (void)allows_send(control, "wrong-secret");
  (void)control.check(request_of(10, {}), peer());
  const AccessStats stats = control.stats();
  BOOST_TEST(stats.requests[static_cast<std::size_t>(Reason::allowed)] == 1u);
  BOOST_TEST(stats.requests[static_cast<std::size_t>(Reason::bad_signature)] == 1u);
  BOOST_TEST(stats.requests[static_cast<std::size_t>(Reason::no_access_key)] == 1u);
  BOOST_TEST(stats.accounts == 1u);
}

// Both states of the file allow the topic by another rule: a request that saw half of each would
// be refused.
BOOST_AUTO_TEST_CASE(requests_meet_whole_states) {
  const AccessHome home;
  home.write("conf/plain_acl.yml", file_of("  topicPerms: [T=PUB]\n"));
  AccessControl control(home.files(), AccessOptions());
  std::atomic<bool> is_done{false};
  std::atomic<int> refused{0};
  const auto ask = [&] {
    while (!is_done) {
      if (!allows_send(control)) ++refused;
    }
  };
  std::thread first(ask);
  std::thread second(ask);
  for (int i = 0; i < 50; ++i) {
    home.write("conf/plain_acl.yml.new", i % 2 == 0 ? file_of("  defaultTopicPerm: PUB\n")
                                                    : file_of("  topicPerms: [T=PUB]\n"));
    std::filesystem::rename(home.path + "/conf/plain_acl.yml.new",
                            home.path + "/conf/plain_acl.yml");
    BOOST_TEST(control.reload() == "");
  }
  is_done = true;
  first.join();
  second.join();
  BOOST_TEST(refused == 0);
}

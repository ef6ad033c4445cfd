// plain_acl.yml: what is read as Apache's broker reads it, and what is refused with its line.
#include "comet/access/plain_files.hpp"

#include <boost/test/unit_test.hpp>

#include "access_files.hpp"
#include "yaml_events.hpp"

using namespace comet;
using namespace comet::access;
using namespace comet::test;

namespace {

// A file with one account, one of whose lines is the given one; it is the third.
std::string account_with(std::string_view line) {
  return "accounts:\n- accessKey: team-seven\n  " + std::string(line) +
         "\n  secretKey: 'orbit-secret'\n";
}
std::string secret_is(std::string_view written) {
  return "accounts:\n- accessKey: team-seven\n  secretKey: " + std::string(written) + "\n";
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_file_as_teams_have_it) {
  const AccountTable table = read_text(R"(# comment
globalWhiteRemoteAddresses: [10.1.2.3]
accounts:
- accessKey: team-seven
  secretKey: 'orbit-secret'
  whiteRemoteAddress: ''
  admin: false
  defaultTopicPerm: DENY
  defaultGroupPerm: SUB
  topicPerms: [Comets=PUB|SUB, Tails=SUB]
  groupPerms: [TailGroup=SUB, Nobody=DENY]
- accessKey: operator
  secretKey: "another-secret"
  admin: true
dataVersion: [{counter: 1, timestamp: 1700000000000}]
)");
  BOOST_TEST(table.accounts().size() == 2u);
  BOOST_TEST(table.white_addresses().match(peer("10.1.2.3")));
  BOOST_TEST(!table.white_addresses().match(peer("10.1.2.4")));
  const Account* account = table.find("team-seven");
  BOOST_REQUIRE(account != nullptr);
  BOOST_TEST(account->secret_key == "orbit-secret");
  BOOST_TEST(!account->is_admin);
  BOOST_TEST(account->line == 4u);
  BOOST_TEST(may(*account, Permission::pub, false, "Comets"));
  BOOST_TEST(may(*account, Permission::sub, false, "Comets"));
  BOOST_TEST(!may(*account, Permission::pub, false, "Tails"));
  BOOST_TEST(!may(*account, Permission::sub, false, "Others"));
  BOOST_TEST(may(*account, Permission::sub, true, "AnyGroup"));
  BOOST_TEST(!may(*account, Permission::sub, true, "Nobody"));
  BOOST_TEST(may(*account, Permission::sub, false, "%RETRY%TailGroup"));
  const Account* admin = table.find("operator");
  BOOST_REQUIRE(admin != nullptr);
  BOOST_TEST(may(*admin, Permission::pub, false, "Everything"));
  BOOST_TEST(table.find("nobody-known") == nullptr);
}

BOOST_AUTO_TEST_CASE(names_in_any_case_and_words_of_truth) {
  for (const char* word : {"true", "yes", "on", "1", "'true'", "TRUE", "Yes"}) {
    const AccountTable table = read_text(account_with("ADMIN: " + std::string(word)));
    BOOST_TEST(table.find("team-seven")->is_admin, word);
  }
  for (const char* word : {"false", "no", "off", "0", "", "~", "'false'"}) {
    const AccountTable table = read_text(account_with("Admin: " + std::string(word)));
    BOOST_TEST(!table.find("team-seven")->is_admin, word);
  }
  BOOST_TEST(refusal_of_text(account_with("admin: perhaps")) ==
             "F:3: admin is neither true nor false");
}

BOOST_AUTO_TEST_CASE(an_administrator_with_permissions_is_bound_by_them) {
  const AccountTable table = read_text(account_with("admin: true\n  topicPerms: [T=PUB]"));
  const Account& account = *table.find("team-seven");
  BOOST_TEST(account.is_admin);
  BOOST_TEST(may(account, Permission::pub, false, "T"));
  BOOST_TEST(!may(account, Permission::pub, false, "Other"));
  const AccountTable empty = read_text(account_with("admin: true\n  topicPerms: []"));
  BOOST_TEST(may(*empty.find("team-seven"), Permission::pub, false, "Other"));
}

BOOST_AUTO_TEST_CASE(secrets_that_yaml_changes_are_refused_and_not_shown) {
  for (const char* written : {"0123456701", "0x1234567", "1_234_567", "12345678.0", "2024-01-01",
                              "+12345678", "1234:56:07", "1.2345678e7", "12345678e5", "0b10101010",
                              "2024-01-01T10:00:00Z", "-.inf123: x"}) {
    const std::string said = refusal_of_text(secret_is(written));
    BOOST_TEST(said.starts_with("F:3: "), written << " " << said);
    BOOST_TEST(said.find(written) == std::string::npos, said);
  }
  for (const char* kept : {"12345678", "08912345", "'0123456701'", "\"2024-01-01\"", "orbit-secret",
                           "!!str 0123456701", "-1234567", "1.2.3.4.5", "123456789012345678901"}) {
    BOOST_TEST(refusal_of_text(secret_is(kept)).empty(), kept);
  }
}

BOOST_AUTO_TEST_CASE(what_yaml_changes) {
  for (const char* changed : {"", "~", "null", "yes", "Off", "TRUE", "0", "<<", "1e5", ".5", "1.",
                              ".inf", "-0", "007", "190:20:30"}) {
    const bool is_zero = std::string_view(changed) == "0";
    BOOST_TEST(is_changed_by_yaml(changed) == !is_zero, changed);
  }
  for (const char* kept : {"yEs", "a1", "1a", "0x", "08", "09.1.2", "--1", "1-2-3", "2024-1-1x"}) {
    BOOST_TEST(!is_changed_by_yaml(kept), kept);
  }
}

BOOST_AUTO_TEST_CASE(faults_are_refused_with_their_line) {
  const std::pair<std::string, const char*> cases[] = {
      {"", "F:1: there is nothing in it"},
      {"# only a comment\n", "F:1: there is nothing in it"},
      {"just text\n", "F:1: has no names (accounts:, globalWhiteRemoteAddresses:)"},
      {"Accounts: []\n",
       "F:1: \"Accounts\" is none of accounts, globalWhiteRemoteAddresses, dataVersion"},
      {"accounts: {}\n", "F:1: accounts is no list"},
      {"accounts:\n- text\n", "F:2: an account has names (accessKey:)"},
      {"accounts: []\naccounts: []\n", "F:2: accounts is there twice"},
      {"accounts: []\n---\naccounts: []\n", "F:2: a second document (---) in one file"},
      {account_with("accesskey: team-eight"), "F:3: accesskey is there twice"},
      {account_with("<<: {admin: true}"), "F:3: a merge (<<); write out what it brings"},
      {account_with("topicPerms: *a"), "F:3: an alias (*name); write out what it stands for"},
      {account_with("topicPerms: T=PUB"), "F:3: topicPerms is no list"},
      {account_with("topicPerms: [T]"), "F:3: topicPerms: \"T\" is no name=permission"},
      {account_with("topicPerms: ['=PUB']"), "F:3: topicPerms: \"=PUB\" is no name=permission"},
      {account_with("topicPerms:\n  - T=PUB\n  - U=pub"),
       "F:5: topicPerms: \"U=pub\" ends with none of DENY, PUB, SUB, PUB|SUB; Apache's broker "
       "takes "
       "it for DENY"},
      {account_with("defaultTopicPerm: ANY"),
       "F:3: defaultTopicPerm: \"ANY\" is none of DENY, PUB, SUB, PUB|SUB"},
      {account_with("defaultGroupPerm: PUB | SUB"),
       "F:3: defaultGroupPerm: \"PUB | SUB\" is none of DENY, PUB, SUB, PUB|SUB"},
      {"accounts:\n- accessKey: short\n  secretKey: orbit-secret\n",
       "F:2: accessKey is missing or has fewer than 7 characters"},
      {"accounts:\n- accessKey: team-seven\n  secretKey: short\n",
       "F:2: secretKey is missing or has fewer than 7 characters"},
      {"globalWhiteRemoteAddresses:\n- 10.1.2.3\n- broker.example\naccounts: []\n",
       "F:3: globalWhiteRemoteAddresses: \"broker.example\" is no address, range (10.1.2.1-5), "
       "pattern (10.1.*.*), list (10.1.2.{4,6}) or network (10.1.0.0/16)"},
      {account_with("whiteRemoteAddress: '10.1.2.3, 10.1.2.4'"),
       "F:3: whiteRemoteAddress: \"10.1.2.3, 10.1.2.4\" has a space in it"},
      {account_with("admin: !!bool true"), "F:3: a tag; write the text in quotes"},
  };
  for (const auto& [text, said] : cases) BOOST_TEST(refusal_of_text(text) == said);
  BOOST_TEST(refusal_of_text("accounts: [\n").starts_with("F:2: no YAML: "));
  BOOST_TEST(
      refusal_of_text(account_with("secret: x")).starts_with("F:3: \"secret\" is no name of"));
}

BOOST_AUTO_TEST_CASE(files_count_in_their_order) {
  const AccessHome home;
  home.write("conf/plain_acl.yml",
             "accounts:\n- {accessKey: team-seven, secretKey: from-plain}\n"
             "- {accessKey: operator, secretKey: from-plain}\n");
  home.write("conf/acl/b.yaml",
             "accounts:\n- {accessKey: team-seven, secretKey: from-b-yaml}\n"
             "globalWhiteRemoteAddresses: [10.1.2.4]\n");
  home.write("conf/acl/deep/a.yml", "globalWhiteRemoteAddresses: [10.1.2.3]\n");
  home.write("conf/acl/b.yaml~", "no YAML: [");
  const AccountTable table = read_plain_files(home.files());
  BOOST_TEST(table.files().size() == 3u);
  BOOST_TEST(table.files().back() == home.path + "/conf/plain_acl.yml");
  BOOST_TEST(table.find("team-seven")->secret_key == "from-b-yaml");
  BOOST_TEST(table.find("operator")->secret_key == "from-plain");
  BOOST_TEST(table.white_addresses().match(peer("10.1.2.3")));
  BOOST_TEST(table.white_addresses().match(peer("10.1.2.4")));
  BOOST_REQUIRE(table.remarks().size() == 1u);
  BOOST_TEST(table.remarks().front() ==
             home.path + "/conf/plain_acl.yml:2: team-seven is an account already, at " +
                 home.path + "/conf/acl/b.yaml:2, and that one counts");
}

BOOST_AUTO_TEST_CASE(without_a_file_or_an_account_nothing_is_read) {
  const AccessHome home;
  const auto said = [&home] {
    return refusal_of([&home] { (void)read_plain_files(home.files()); });
  };
  const std::string file = home.path + "/conf/plain_acl.yml";
  BOOST_TEST(said() == file + ": there is no such file, and none in " + home.path + "/conf/acl");
  home.write("conf/plain_acl.yml", "globalWhiteRemoteAddresses: ['*']\n");
  BOOST_TEST(said() == file + ": there is no account in it");
  home.write("conf/plain_acl.yml", "");
  BOOST_TEST(said() == file + ":1: there is nothing in it");
}

BOOST_AUTO_TEST_CASE(white_addresses_are_apaches_patterns_and_networks) {
  class Case {
   public:
    const char* text;
    const char* in;
    const char* out;
  };
  const Case cases[] = {
      {"*", "1.2.3.4", ""},
      {"*.*.*.*", "1.2.3.4", "::2"},
      {"10.1.2.3", "10.1.2.3", "10.1.2.4"},
      {"10.1.2.3", "::ffff:10.1.2.3", "::ffff:10.1.2.4"},
      {"10.1.2.3,10.1.2.5", "10.1.2.5", "10.1.2.4"},
      {"10.1.2.{4,6}", "10.1.2.6", "10.1.2.5"},
      {"10.1.2.1-5", "10.1.2.5", "10.1.2.6"},
      {"10.1.*.*", "10.1.9.9", "10.2.9.9"},
      {"10.1.1-3.*", "10.1.2.200", "10.1.4.1"},
      {"10.0.0.0/8", "10.255.0.1", "11.0.0.1"},
      {"10.1.2.0/23", "10.1.3.9", "10.1.4.0"},
      {"0.0.0.0/0", "9.9.9.9", "::1"},
      {"1050:0:0:0:5:600:300c:326b", "1050::5:600:300c:326b", "1050::5:600:300c:326c"},
      {"1050:0:0:0:5:600:300c:*", "1050::5:600:300c:1", "1050::5:600:300d:1"},
      {"1050:0:0:0:5:600:300c:1-20", "1050::5:600:300c:20", "1050::5:600:300c:21"},
      {"1050::/16", "1050:1::1", "1051::1"},
  };
  for (const Case& c : cases) {
    AddressRules rules;
    BOOST_TEST(rules.add(c.text).empty(), c.text);
    BOOST_TEST(rules.match(peer(c.in)), c.text);
    if (*c.out != '\0') BOOST_TEST(!rules.match(peer(c.out)), c.text << " " << c.out);
  }
  for (const char* wrong :
       {"host", "10.1.2", "10.1.2.256", "10.1.2.5-1", "10.1.2.3/33", "10.1.2.{4", "10.{1,2}.3.4",
        "10.1.2.3,", "1.2.3.4.5", "10.1.2.x", "*.*", "10.1.2.3:80", "{1,2}", "10.1.2.-", "a:b:*"}) {
    AddressRules rules;
    BOOST_TEST(!rules.add(wrong).empty(), wrong);
    BOOST_TEST(rules.empty(), wrong);
  }
}

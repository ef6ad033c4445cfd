// Files of accounts: the input is one. What is read is asked about; what is refused says where, and
// an address pattern that is taken matches something or nothing without harm.
#include <cstdint>
#include <string_view>

#include "comet/access/check.hpp"
#include "comet/access/plain_files.hpp"
#include "comet/base/error.hpp"

using namespace comet;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const IpEndpoint peer = *IpEndpoint::parse_ip("10.1.2.3", 1);
  access::AddressRules rules;
  if (rules.add(text).empty()) (void)rules.match(peer);
  access::AccountTable table;
  try {
    access::read_plain_text("F", text, table);
  } catch (const Error& error) {
    if (!error.context().starts_with("F:")) __builtin_trap();
    return 0;
  }
  (void)table.white_addresses().match(peer);
  for (const access::Account& account : table.accounts()) {
    if (table.find(account.access_key) != &account) __builtin_trap();
    account.topics.for_each([&account](std::string_view name, access::Permission permission) {
      const access::Permission* found = account.topics.find(name);
      if (found == nullptr || *found != permission) __builtin_trap();
    });
    (void)may(account, access::Permission::sub, true, "G");
  }
  return 0;
}

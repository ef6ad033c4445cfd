#pragma once
// Files of accounts below a directory of their own, and signed requests.

#include <sys/stat.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "comet/access/access_control.hpp"
#include "comet/base/error.hpp"
#include "comet/remoting/acl.hpp"
#include "temp_directory.hpp"

namespace comet::inline v0_1::test {

class AccessHome {
 public:
  void write(std::string_view name, std::string_view text) const {
    const std::filesystem::path file = std::filesystem::path(path) / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
  }
  void remove(std::string_view name) const {
    std::filesystem::remove(std::filesystem::path(path) / name);
  }
  [[nodiscard]] access::PlainFiles files() const { return access::PlainFiles(path); }

 private:
  TempDirectory directory_;

 public:
  const std::string path = directory_.path();
};

// The error's words; empty when there was none.
template <class F>
std::string refusal_of(F f) {
  try {
    f();
  } catch (const Error& error) {
    return error.context();
  }
  return {};
}

inline access::AccountTable read_text(std::string_view text) {
  access::AccountTable table;
  access::read_plain_text("F", text, table);
  return table;
}
inline std::string refusal_of_text(std::string_view text) {
  return refusal_of([text] { (void)read_text(text); });
}

inline const std::string kAccess = "team-seven";
inline const std::string kSecret = "orbit-secret";

inline remoting::RemotingCommand signed_by(const std::string& key, const std::string& secret,
                                           remoting::RemotingCommand request) {
  remoting::AclSigner(remoting::Credentials(key, secret))
      .before_request(Address("broker", 10911), request);
  return request;
}

// With fields in pairs.
inline remoting::RemotingCommand request_of(std::int32_t code,
                                            std::vector<std::pair<std::string, std::string>> fields,
                                            std::string body = {}) {
  auto request = remoting::RemotingCommand::request(static_cast<remoting::RequestCode>(code),
                                                    Body(std::move(body)));
  for (const auto& [name, value] : fields) request.fields.add(name, value);
  return request;
}

inline IpEndpoint peer(std::string_view ip = "10.1.2.3") { return *IpEndpoint::parse_ip(ip, 4711); }

}  // namespace comet::inline v0_1::test

#include "comet/base/shared_network.hpp"

#include <list>
#include <mutex>
#include <utility>

#include "comet/base/tcp_network.hpp"
#include "comet/base/tls_network.hpp"

namespace comet::inline v0_1 {

Network& shared_network(const std::optional<TlsClientConfig>& tls) {
  static TcpNetwork& tcp = *new TcpNetwork();
  if (!tls) return tcp;
  using Entry = std::pair<TlsClientConfig, TlsNetwork>;
  static std::mutex mutex;
  static std::list<Entry>& networks = *new std::list<Entry>();
  const std::lock_guard lock(mutex);
  for (auto& [config, network] : networks) {
    if (config != *tls) continue;
    network.reload();  // the files may have been replaced since then
    return network;
  }
  TlsConfig config;
  config.client = tls;
  networks.emplace_back(std::piecewise_construct, std::forward_as_tuple(*tls),
                        std::forward_as_tuple(tcp, config));
  return networks.back().second;
}

}  // namespace comet::inline v0_1

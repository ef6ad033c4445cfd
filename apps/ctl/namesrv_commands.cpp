// Name servers.

#include "comet/remoting/errors.hpp"
#include "context.hpp"

namespace comet::inline v0_1::ctl {
namespace {

constexpr std::string_view kGroup = "Name servers";

// --- getNamesrvConfig, updateNamesrvConfig

Report describe_configs(const std::vector<std::pair<std::string, Properties>>& configs) {
  Table table("config", {{"SERVER", "address"}, {"KEY", "key"}, {"VALUE", "value"}});
  for (const auto& [address, config] : configs) {
    for (const auto& [key, value] : config.values()) table.row({address, key, value});
  }
  Report report;
  report.table(std::move(table));
  return report;
}

asio::awaitable<int> get_namesrv_config(Context& context) {
  if (context.admin.name_servers().empty())
    throw Error(ClientErrc::no_name_server, "no name server is configured");
  std::vector<std::pair<std::string, Properties>> configs;
  for (const Address& server : context.admin.name_servers()) {
    Properties config = co_await context.admin.name_server_config(server);
    configs.emplace_back(server.to_string(), std::move(config));
  }
  context.out.print(describe_configs(configs));
  co_return kOk;
}

constexpr Option kKeyValue[] = {{"key", 'k', "KEY", "the key", true},
                                {"value", 'v', "VALUE", "its value", true}};

asio::awaitable<int> update_namesrv_config(Context& context) {
  const std::string& key = context.arguments.text("key");
  const std::string& value = context.arguments.text("value");
  std::map<std::string, std::string> values;
  values[key] = value;
  const std::vector<admin::Outcome> outcomes =
      co_await context.admin.update_name_server_config(values);
  Report report;
  report.field(key, "value", value);
  co_return print_outcomes(context, outcomes, std::move(report));
}

// --- updateKvConfig, deleteKvConfig

constexpr Option kUpdateKvOptions[] = {{"namespace", 's', "NAME", "the namespace", true},
                                       {"key", 'k', "KEY", "the key", true},
                                       {"value", 'v', "VALUE", "its value", true}};
constexpr Option kDeleteKvOptions[] = {{"namespace", 's', "NAME", "the namespace", true},
                                       {"key", 'k', "KEY", "the key", true}};

Report describe_key(const Arguments& arguments) {
  Report report;
  report.field("Namespace", "namespace", arguments.text("namespace"));
  report.field("Key", "key", arguments.text("key"));
  if (arguments.has("value")) report.field("Value", "value", arguments.text("value"));
  return report;
}

asio::awaitable<int> update_kv_config(Context& context) {
  const Arguments& arguments = context.arguments;
  const std::vector<admin::Outcome> outcomes = co_await context.admin.put_kv_config(
      arguments.text("namespace"), arguments.text("key"), arguments.text("value"));
  co_return print_outcomes(context, outcomes, describe_key(arguments));
}

asio::awaitable<int> delete_kv_config(Context& context) {
  const Arguments& arguments = context.arguments;
  const std::vector<admin::Outcome> outcomes =
      co_await context.admin.delete_kv_config(arguments.text("namespace"), arguments.text("key"));
  co_return print_outcomes(context, outcomes, describe_key(arguments));
}

// --- wipeWritePerm, addWritePerm

constexpr Option kBrokerName[] = {{"brokerName", 'b', "NAME", "the broker's name", true}};

using Counts = std::vector<std::pair<Address, std::int32_t>>;

Report describe_counts(const Counts& counts) {
  Table table("servers", {{"SERVER", "address"}, {"TOPICS", "topics"}});
  for (const auto& [address, count] : counts) table.row({address.to_string(), count});
  Report report;
  report.table(std::move(table));
  return report;
}

// Name servers count the topics of a broker that they do not know as 0.
int found_any(const Counts& counts) {
  for (const auto& [address, count] : counts) {
    if (count > 0) return kOk;
  }
  return kRefused;
}

asio::awaitable<int> wipe_write_perm(Context& context) {
  const Counts counts =
      co_await context.admin.wipe_write_perm(context.arguments.text("brokerName"));
  context.out.print(describe_counts(counts));
  co_return found_any(counts);
}

asio::awaitable<int> add_write_perm(Context& context) {
  const Counts counts = co_await context.admin.add_write_perm(context.arguments.text("brokerName"));
  context.out.print(describe_counts(counts));
  co_return found_any(counts);
}

constexpr Subcommand kSubcommands[] = {
    {"getNamesrvConfig", kGroup, "The settings of the name servers.", {}, get_namesrv_config},
    {"updateNamesrvConfig", kGroup, "Changes a setting of the name servers.", kKeyValue,
     update_namesrv_config},
    {"updateKvConfig", kGroup, "Sets a key of the name servers' store.", kUpdateKvOptions,
     update_kv_config},
    {"deleteKvConfig", kGroup, "Deletes a key of the name servers' store.", kDeleteKvOptions,
     delete_kv_config},
    {"wipeWritePerm", kGroup, "Keeps producers away from a broker.", kBrokerName, wipe_write_perm},
    {"addWritePerm", kGroup, "Lets producers come back to a broker.", kBrokerName, add_write_perm},
};

}  // namespace

std::span<const Subcommand> namesrv_subcommands() noexcept { return kSubcommands; }

}  // namespace comet::inline v0_1::ctl

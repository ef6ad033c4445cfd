#include "daemon_options.hpp"

#include <iostream>

#include "comet/base/log.hpp"

namespace comet::inline v0_1::daemon {

program::Options daemon_options(const std::string& usual_name) {
  program::Options description("Options");
  const auto word = [] { return boost::program_options::value<std::string>(); };
  const std::string file = "properties file (" + usual_name + ")";
  auto option = description.add_options();
  option("help,h", "this text, and the keys of the configuration file");
  option("configFile,c", word(), file.c_str());
  option("test,t",
         "say what is wrong with the configuration, with the line, and end: 0 nothing, 1");
  option("printConfigItem,p", "print the effective configuration and end");
  option("logLevel", word(), "debug, info, warn or error, instead of the configuration's");
  option("version", "print the version and end");
  return description;
}

void print_settings(const Config& settings) {
  for (const std::string& warning : settings.warnings()) log::warn("{}", warning);
  std::cout << settings.print();
}

}  // namespace comet::inline v0_1::daemon

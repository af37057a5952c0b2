// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/host/resolv_conf.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <sstream>

#include "collector/cli/host/output_file.h"

namespace weir::cli {
namespace {

constexpr std::size_t kMaxServers = 8;
constexpr std::size_t kMaxSearch = 32;
constexpr std::size_t kMaxFileBytes = 65'536;

bool IsAddress(const std::string& text) {
  std::array<unsigned char, 16> address{};
  return inet_pton(AF_INET, text.c_str(), address.data()) == 1 ||
         inet_pton(AF_INET6, text.c_str(), address.data()) == 1;
}

bool Contains(const std::vector<std::string>& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

std::vector<std::string> Words(std::istringstream& line) {
  std::vector<std::string> words;
  for (std::string word; line >> word && words.size() < kMaxSearch;) words.push_back(word);
  return words;
}

}  // namespace

ResolverSetup ParseResolvConf(std::string_view text) {
  ResolverSetup setup;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string keyword;
    words >> keyword;
    if (keyword == "nameserver") {
      std::string address;
      words >> address;
      address = address.substr(0, address.find('%'));
      const bool wanted = IsAddress(address) && !Contains(setup.servers, address);
      if (wanted && setup.servers.size() < kMaxServers) setup.servers.push_back(address);
    } else if (keyword == "search" || keyword == "domain") {
      setup.search = Words(words);
    }
  }
  if (setup.servers.empty()) setup.servers.emplace_back("127.0.0.1");
  return setup;
}

ResolverSetup ReadResolverSetup() {
  ResolverSetup setup = ParseResolvConf(ReadWholeFile("/etc/resolv.conf", kMaxFileBytes).value_or(""));
  // Behind systemd-resolved's stub stand others, which its tools and NSS modules ask directly.
  if (Contains(setup.servers, "127.0.0.53")) {
    const auto upstreams = ReadWholeFile("/run/systemd/resolve/resolv.conf", kMaxFileBytes);
    for (const auto& server : ParseResolvConf(upstreams.value_or("nameserver 127.0.0.53")).servers) {
      if (!Contains(setup.servers, server) && setup.servers.size() < kMaxServers) setup.servers.push_back(server);
    }
  }
  if (const char* local = std::getenv("LOCALDOMAIN"); local != nullptr) {
    std::istringstream words{std::string(local)};
    setup.search = Words(words);
  }
  return setup;
}

}  // namespace weir::cli

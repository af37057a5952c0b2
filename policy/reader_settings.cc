// SPDX-License-Identifier: Apache-2.0
// `dns:` and `guard:`.
#include <algorithm>
#include <array>
#include <filesystem>

#include "policy/address.h"
#include "policy/guard.h"
#include "policy/reader.h"
#include "policy/text.h"

namespace weir::policy {
namespace {

constexpr std::size_t kMaxResolvers = 16;    // weir_resolvers has room for that many a scope
constexpr std::size_t kMaxSocketPath = 107;  // sun_path without its NUL, unix(7)
constexpr std::size_t kMaxSockets = 64;
constexpr std::uint64_t kMaxAgeSeconds = 30ull * 24 * 3600;

}  // namespace

void Reader::ReadDns(const YamlNode& value) {
  const std::array<Key, 2> keys = {{{"resolvers", [&](auto& k, auto& v) { ReadResolvers(k, v); }},
                                    {"max_age", [&](auto& k, auto& v) { ReadMaxAge(k, v); }}}};
  ReadMap(value, "`dns`", keys);
}

void Reader::ReadResolvers(const YamlNode& key, const YamlNode& value) {
  if (value.faulty) return;
  constexpr std::string_view kRemedy = "write `resolvers: [system]`, addresses such as `192.0.2.53`, or both";
  if (value.kind != YamlNode::Kind::kList || value.items.empty()) {
    faults_->Error(
        At(value),
        "`resolvers` must be a list, not " + (value.kind == YamlNode::Kind::kList ? "an empty list" : Describe(value)),
        std::string(kRemedy));
    return;
  }
  Dns& dns = policy_->dns;
  dns.system_resolvers = false;
  for (const YamlNode& item : value.items) {
    const std::string* text = Scalar(key, item, "[system]");
    if (text == nullptr) continue;
    if (*text == "system") {
      dns.system_resolvers = true;
      continue;
    }
    const auto address = ParseAddress(*text);
    if (!address) {
      faults_->Error(At(item), "`" + Printable(*text) + "` is not the address of a resolver",
                     std::string(kRemedy) + "; only port 53 is understood, so no port is written");
    } else if (std::find(dns.resolvers.begin(), dns.resolvers.end(), *address) != dns.resolvers.end()) {
      faults_->Warn(At(item), "the resolver " + *text + " is listed twice", "remove one");
    } else if (dns.resolvers.size() == kMaxResolvers) {
      faults_->Error(At(item), "more than " + std::to_string(kMaxResolvers) + " resolvers", "list fewer");
    } else {
      dns.resolvers.push_back(*address);
    }
  }
}

void Reader::ReadMaxAge(const YamlNode& key, const YamlNode& value) {
  const std::string* text = Scalar(key, value, "1h");
  if (text == nullptr || *text == "job") return;
  const std::string_view all = *text;
  const char unit = all.back();
  const std::uint64_t seconds = unit == 's' ? 1 : unit == 'm' ? 60 : unit == 'h' ? 3600 : unit == 'd' ? 86400 : 0;
  const auto count = seconds == 0 ? std::nullopt : ParseNumber(all.substr(0, all.size() - 1), kMaxAgeSeconds / seconds);
  if (count && *count > 0) {
    policy_->dns.max_age_seconds = *count * seconds;
    return;
  }
  faults_->Error(At(value), "`" + Printable(all) + "` is not a time that learned addresses can live",
                 "write `max_age: job`, or a number with s, m, h or d, such as `30m`, up to 30d");
}

void Reader::ReadGuard(const YamlNode&, const YamlNode& value, std::map<std::string, std::string>* guard) {
  std::vector<Key> keys;
  for (const GuardClass& known : GuardClasses()) {
    keys.push_back({known.name, [this, known, guard](const YamlNode& key, const YamlNode& action) {
                      const std::string* text = Scalar(key, action, "deny");
                      if (text == nullptr) return;
                      const bool kind = known.kind != 0;
                      if (*text == "deny" || *text == "allow" || (*text == "report" && !kind)) {
                        (*guard)[key.value] = *text;
                        return;
                      }
                      faults_->Error(
                          At(action),
                          *text == "report" ? "`report` has no meaning for a kind of socket: it is admitted or refused"
                                            : "`" + Printable(*text) + "` is not a value of a guard class",
                          kind ? "write `deny` (refused and reported) or `allow` (admitted, its packets are judged)"
                               : "write `deny`, `report` or `allow`");
                    }});
  }
  ReadMap(value, "`guard`", keys);
}

void Reader::ReadSockets(const YamlNode& value, std::map<std::string, std::string>* sockets) {
  if (value.faulty) return;
  constexpr const char* kRemedy = "write paths and what holds for them, such as `/run/docker.sock: allow`";
  if (value.kind != YamlNode::Kind::kMap) {
    faults_->Error(At(value), "`sockets` must be a map, not " + Describe(value), kRemedy);
    return;
  }
  std::map<std::string_view, int> seen;
  for (std::size_t i = 0; i + 1 < value.items.size(); i += 2) {
    const YamlNode &key = value.items[i], &action = value.items[i + 1];
    if (key.faulty || action.faulty) continue;
    const std::string path = key.kind == YamlNode::Kind::kScalar ? key.value : std::string();
    if (!path.starts_with('/') || path.size() > kMaxSocketPath || path.ends_with('/') ||
        path != std::filesystem::path(path).lexically_normal().string()) {
      faults_->Error(At(key), "`" + Printable(path) + "` is not the path of a unix socket",
                     "write an absolute path of at most 107 bytes without `..`, such as `/run/docker.sock`");
      continue;
    }
    if (const auto [first, fresh] = seen.emplace(key.value, key.line); !fresh) {
      faults_->Error(At(key),
                     "`" + Printable(path) + "` stands twice (first in line " + std::to_string(first->second) + ")",
                     "remove one");
      continue;
    }
    if (sockets->size() == kMaxSockets) {
      faults_->Error(At(key), "more than " + std::to_string(kMaxSockets) + " sockets", "list fewer");
      return;
    }
    const std::string* text = Scalar(key, action, "allow");
    if (text == nullptr) continue;
    if (*text != "allow" && *text != "deny") {
      faults_->Error(At(action), "`" + Printable(*text) + "` is not what can hold for a socket",
                     "write `allow` or `deny`");
      continue;
    }
    (*sockets)[path] = *text;
  }
}

}  // namespace weir::policy

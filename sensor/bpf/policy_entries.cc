// SPDX-License-Identifier: Apache-2.0
#include "sensor/bpf/policy_entries.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "bpf/name.h"

namespace weir::sensor_bpf {
namespace {

constexpr std::uint8_t kHostBits = 128;

Result<> AddAddress(std::uint32_t scope_id, const policy::AddressRule& rule, PolicyEntries& entries) {
  if (rule.prefix_bits > kHostBits || (rule.protocol == 0 && rule.port != 0)) {
    return Fail(Code::kInternal, "rule " + std::to_string(rule.rule_id) + " has a form that no lookup would find");
  }
  weir_addr_key key{};
  key.scope_id = scope_id;
  key.table = rule.deny ? WEIR_TABLE_DENY : WEIR_TABLE_ALLOW;
  key.proto = rule.protocol;
  key.port = htons(rule.port);
  std::memcpy(key.addr, rule.address.data(), sizeof(key.addr));
  weir_rule value{};
  value.proc_mask = rule.processes;
  value.rule_id = rule.rule_id;

  if (rule.processes != WEIR_PROC_ANY) entries.flags |= WEIR_S_PROCESS;
  if (rule.port == 0) entries.flags |= WEIR_S_ANY_PORT;
  if (rule.prefix_bits == kHostBits) {
    if (rule.deny) entries.flags |= WEIR_S_DENY_EXACT;
    entries.exact.Add(key, value);
    return {};
  }
  entries.flags |= rule.deny ? WEIR_S_DENY_CIDR : WEIR_S_ALLOW_CIDR;
  weir_cidr_key prefix{};
  prefix.prefixlen = WEIR_CIDR_FIXED_BITS + rule.prefix_bits;
  prefix.rule = key;
  entries.cidr.Add(prefix, value);
  return {};
}

bool IsWireName(const std::string& wire) {
  return !wire.empty() && wire.size() < WEIR_NAME_BYTES && wire.back() == '\0';
}

Result<> AddName(std::uint32_t scope_id, const policy::NameRule& rule, std::uint64_t seed, PolicyEntries& entries) {
  if (!IsWireName(rule.wire) || rule.ports.size() > WEIR_NAME_PORTS) {
    return Fail(Code::kInternal, "rule " + std::to_string(rule.rule_id) + " does not fit the kernel's table of names");
  }
  weir_name value{};
  value.rule_id = rule.rule_id;
  value.flags = rule.deny ? WEIR_N_DENY : 0;
  for (const policy::NamePort& port : rule.ports) {
    weir_name_port& slot = value.ports[value.n_ports++];
    slot.proc_mask = port.processes;
    slot.rule_id = port.rule_id;
    slot.port = htons(port.port);
    slot.proto = port.protocol;
    if (port.processes != WEIR_PROC_ANY) entries.flags |= WEIR_S_PROCESS;
  }
  std::memcpy(value.name, rule.wire.data(), rule.wire.size());
  entries.names.Add(NameKey(scope_id, rule.wire, rule.wildcard ? WEIR_NAME_BELOW : WEIR_NAME_EXACT, seed), value);
  return {};
}

Result<> AddSearch(std::uint32_t scope_id, const std::string& wire, std::uint64_t seed, PolicyEntries& entries) {
  if (!IsWireName(wire)) return Fail(Code::kInternal, "a search suffix is not a name in wire form");
  if (wire.size() == 1) return {};  // the root: `search .` adds nothing to a name
  weir_name value{};
  std::memcpy(value.name, wire.data(), wire.size());
  entries.names.Add(NameKey(scope_id, wire, WEIR_NAME_SEARCH, seed), value);
  return {};
}

Result<> AddProcesses(std::uint32_t scope_id, const policy::CompiledPolicy& policy, const FindExecutable& find,
                      PolicyEntries& entries) {
  // One executable may be on several lists: gather masks first.
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint64_t> files;
  std::map<std::string, std::uint64_t> names;
  if (policy.process_sets.size() > 63)
    return Fail(Code::kInternal, "more process lists than the kernel's mask has bits");
  for (std::size_t set = 0; set < policy.process_sets.size(); ++set) {
    const std::uint64_t bit = std::uint64_t{1} << set;
    for (const std::string& path : policy.process_sets[set].paths) {
      if (const auto file = find(path)) {
        files[{file->device, file->inode}] |= bit;
      } else {
        entries.not_found.push_back(path);
      }
    }
    for (const std::string& name : policy.process_sets[set].names) names[name] |= bit;
  }
  for (const auto& [file, mask] : files) {
    weir_proc_key key{};
    key.dev = file.first;
    key.inode = file.second;
    key.scope_id = scope_id;
    entries.executables.Add(key, mask);
  }
  for (const auto& [name, mask] : names) {
    weir_proc_name_key key{};
    key.scope_id = scope_id;
    if (name.empty() || name.size() >= WEIR_PROC_NAME_BYTES) {
      return Fail(Code::kInternal, "executable name '" + name + "' does not fit the kernel's table");
    }
    std::memcpy(key.name, name.data(), name.size());
    entries.executable_names.Add(key, mask);
  }
  return {};
}

}  // namespace

weir_name_key NameKey(std::uint32_t scope_id, const std::string& wire, std::uint8_t kind, std::uint64_t name_seed) {
  weir_name_key key{};
  key.hash = weir_name_hash(name_seed, reinterpret_cast<const __u8*>(wire.data()), wire.size());
  key.scope_id = scope_id;
  key.len = static_cast<__u16>(wire.size());
  key.kind = kind;
  return key;
}

Result<PolicyEntries> ToEntries(std::uint32_t scope_id, const policy::CompiledPolicy& policy,
                                std::span<const std::string> search, std::uint64_t name_seed,
                                const FindExecutable& find_executable) {
  PolicyEntries entries;
  if (!policy.loopback) entries.flags |= WEIR_S_NO_LOOPBACK;
  for (const auto& rule : policy.addresses) WEIR_TRY(AddAddress(scope_id, rule, entries));
  for (const auto& rule : policy.names) WEIR_TRY(AddName(scope_id, rule, name_seed, entries));
  for (const auto& suffix : search) WEIR_TRY(AddSearch(scope_id, suffix, name_seed, entries));
  WEIR_TRY(AddProcesses(scope_id, policy, find_executable, entries));
  std::sort(entries.not_found.begin(), entries.not_found.end());
  entries.not_found.erase(std::unique(entries.not_found.begin(), entries.not_found.end()), entries.not_found.end());
  return entries;
}

}  // namespace weir::sensor_bpf

// SPDX-License-Identifier: Apache-2.0
// What the forwarder's answers teach, by the rules of bpf/dns_learn.bpf.h. Not counted in weir_usage: user space cannot
// add to it atomically. The forwarder's own limits bound what it brings.
#include <arpa/inet.h>

#include <cerrno>
#include <cstring>

#include "bpf/dns.h"
#include "sensor/bpf/policy_maps.h"

namespace weir::sensor_bpf {
namespace {

bool IsBarred(const policy::Address& address) {
  __u32 words[4];
  std::memcpy(words, address.data(), sizeof(words));
  return weir_dns_addr_is_barred(words) != 0;
}

// The entry that results when `fresh` meets `old`. Permissions add up while the older entry lives; an unbound rule
// replaces bound ones. A race with the kernel's own merge may lose one of two permissions, which denies.
weir_learned Merged(const weir_learned& old, const weir_learned& fresh) {
  if (old.expiry_ns != 0 && old.expiry_ns < fresh.learned_ns) return fresh;
  const std::uint64_t mask = old.proc_mask | fresh.proc_mask;
  if (mask != old.proc_mask && fresh.proc_mask == WEIR_PROC_ANY) return fresh;
  weir_learned merged = old;
  merged.proc_mask = mask;
  merged.learned_ns = fresh.learned_ns;
  merged.expiry_ns = fresh.expiry_ns;
  return merged;
}

Result<> Enter(const Map<weir_learned_key, weir_learned>& map, const weir_learned_key& key, const weir_learned& fresh) {
  auto put = map.Put(key, fresh, BPF_NOEXIST);
  if (put || put.error().sys_errno != EEXIST) return put;
  auto old = map.Get(key);
  if (!old) return tl::unexpected<Error>(std::move(old).error());
  // The entry that only names keeps the latest name.
  return map.Put(key, *old && key.proto != 0 ? Merged(**old, fresh) : fresh);
}

}  // namespace

Result<> PolicyMaps::Learn(const Lesson& lesson) const {
  if (lesson.wire.empty() || lesson.wire.size() >= WEIR_NAME_BYTES) {
    return Fail(Code::kInvalid, "a name to learn is not in wire form");
  }
  weir_learned value{};
  value.learned_ns = lesson.now_ns;
  value.expiry_ns = lesson.learned_max_ns != 0 ? lesson.now_ns + lesson.learned_max_ns : 0;
  std::memcpy(value.name, lesson.wire.data(), lesson.wire.size());
  for (const policy::Address& address : lesson.addresses) {
    weir_learned_key key{};
    key.scope_id = lesson.scope_id;
    std::memcpy(key.addr, address.data(), sizeof(key.addr));
    if (!IsBarred(address)) {
      for (const policy::NamePort& port : lesson.ports) {
        if (port.protocol == 0) continue;  // would be the entry that only names
        key.port = htons(port.port);
        key.proto = port.protocol;
        value.proc_mask = port.processes;
        value.rule_id = port.rule_id;
        value.flags = port.port == 0 ? WEIR_L_ANY_PORT : 0;
        WEIR_TRY(Enter(learned_, key, value));
      }
    }
    key.port = 0;
    key.proto = 0;
    value.proc_mask = 0;
    value.rule_id = WEIR_RULE_NONE;
    value.flags = WEIR_L_NAME_ONLY;
    WEIR_TRY(Enter(learned_, key, value));
  }
  return {};
}

}  // namespace weir::sensor_bpf

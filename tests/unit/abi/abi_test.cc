// SPDX-License-Identifier: Apache-2.0
// bpf/abi.h is read by two compilers. Every struct must lie in memory for user space as it does for the programs:
// sizes, offsets and field sizes are compared with the BTF that the BPF compiler wrote.
#include "bpf/abi.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <fstream>
#include <map>
#include <memory>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "egress.skel.h"
#include "guard.skel.h"
#include "process.skel.h"

namespace {

struct Field {
  std::string name;
  std::size_t offset;
  std::size_t size;
};

struct Struct {
  std::string name;
  std::size_t size;
  std::vector<Field> fields;
};

#define FIELD(type, field) \
  Field { #field, offsetof(struct type, field), sizeof(static_cast <struct type*>(nullptr)->field) }
#define STRUCT(type, ...)                       \
  Struct {                                      \
#type, sizeof(struct type), { __VA_ARGS__ } \
  }

const std::vector<Struct>& Structs() {
  // clang-format off
  static const std::vector<Struct> all = {
    STRUCT(weir_counts, FIELD(weir_counts, n)),
    STRUCT(weir_usage, FIELD(weir_usage, flows), FIELD(weir_usage, learned), FIELD(weir_usage, pending), FIELD(weir_usage, tasks), FIELD(weir_usage, rings)),
    STRUCT(weir_ring_use, FIELD(weir_ring_use, mark), FIELD(weir_ring_use, before), FIELD(weir_ring_use, since)),
    STRUCT(weir_scope, FIELD(weir_scope, cgroup_id), FIELD(weir_scope, learned_max_ns), FIELD(weir_scope, forwarder_ns), FIELD(weir_scope, generation), FIELD(weir_scope, mode), FIELD(weir_scope, flags), FIELD(weir_scope, kinds), FIELD(weir_scope, forwarder_port4), FIELD(weir_scope, forwarder_port6), FIELD(weir_scope, reserved)),
    STRUCT(weir_task, FIELD(weir_task, exec_id), FIELD(weir_task, parent_exec_id), FIELD(weir_task, start_ns), FIELD(weir_task, proc_mask), FIELD(weir_task, scope_id), FIELD(weir_task, ppid), FIELD(weir_task, flags), FIELD(weir_task, step)),
    STRUCT(weir_step_key, FIELD(weir_step_key, scope_id), FIELD(weir_step_key, step)),
    STRUCT(weir_step, FIELD(weir_step, start_ns), FIELD(weir_step, tgid), FIELD(weir_step, begun), FIELD(weir_step, lost), FIELD(weir_step, reserved)),
    STRUCT(weir_canary, FIELD(weir_canary, boot_ns), FIELD(weir_canary, netns_cookie), FIELD(weir_canary, generation), FIELD(weir_canary, verdict), FIELD(weir_canary, why), FIELD(weir_canary, reserved)),
    STRUCT(weir_births, FIELD(weir_births, cgroup_id), FIELD(weir_births, level), FIELD(weir_births, places)),
    STRUCT(weir_netns_key, FIELD(weir_netns_key, cookie), FIELD(weir_netns_key, scope_id), FIELD(weir_netns_key, reserved)),
    STRUCT(weir_resolver_key, FIELD(weir_resolver_key, scope_id), FIELD(weir_resolver_key, addr)),
    STRUCT(weir_fwd_key, FIELD(weir_fwd_key, netns_cookie), FIELD(weir_fwd_key, port), FIELD(weir_fwd_key, reserved)),
    STRUCT(weir_fwd_gone_key, FIELD(weir_fwd_gone_key, scope_id), FIELD(weir_fwd_gone_key, port), FIELD(weir_fwd_gone_key, v6), FIELD(weir_fwd_gone_key, reserved)),
    STRUCT(weir_fwd_gone, FIELD(weir_fwd_gone, exec_id), FIELD(weir_fwd_gone, tgid), FIELD(weir_fwd_gone, step)),
    STRUCT(weir_addr_key, FIELD(weir_addr_key, scope_id), FIELD(weir_addr_key, table), FIELD(weir_addr_key, proto), FIELD(weir_addr_key, port), FIELD(weir_addr_key, addr)),
    STRUCT(weir_cidr_key, FIELD(weir_cidr_key, prefixlen), FIELD(weir_cidr_key, rule)),
    STRUCT(weir_rule, FIELD(weir_rule, proc_mask), FIELD(weir_rule, rule_id), FIELD(weir_rule, reserved)),
    STRUCT(weir_name_key, FIELD(weir_name_key, hash), FIELD(weir_name_key, scope_id), FIELD(weir_name_key, len), FIELD(weir_name_key, kind), FIELD(weir_name_key, reserved)),
    STRUCT(weir_name_port, FIELD(weir_name_port, proc_mask), FIELD(weir_name_port, rule_id), FIELD(weir_name_port, port), FIELD(weir_name_port, proto), FIELD(weir_name_port, reserved)),
    STRUCT(weir_name, FIELD(weir_name, ports), FIELD(weir_name, n_ports), FIELD(weir_name, flags), FIELD(weir_name, rule_id), FIELD(weir_name, reserved), FIELD(weir_name, name)),
    STRUCT(weir_learned_key, FIELD(weir_learned_key, scope_id), FIELD(weir_learned_key, port), FIELD(weir_learned_key, proto), FIELD(weir_learned_key, reserved), FIELD(weir_learned_key, addr)),
    STRUCT(weir_learned, FIELD(weir_learned, learned_ns), FIELD(weir_learned, expiry_ns), FIELD(weir_learned, proc_mask), FIELD(weir_learned, rule_id), FIELD(weir_learned, flags), FIELD(weir_learned, name)),
    STRUCT(weir_proc_key, FIELD(weir_proc_key, dev), FIELD(weir_proc_key, inode), FIELD(weir_proc_key, scope_id), FIELD(weir_proc_key, reserved)),
    STRUCT(weir_proc_name_key, FIELD(weir_proc_name_key, scope_id), FIELD(weir_proc_name_key, name)),
    STRUCT(weir_sock, FIELD(weir_sock, exec_id), FIELD(weir_sock, netns_cookie), FIELD(weir_sock, bytes_out), FIELD(weir_sock, bytes_in), FIELD(weir_sock, packets_out), FIELD(weir_sock, packets_in), FIELD(weir_sock, scope_id), FIELD(weir_sock, generation), FIELD(weir_sock, rule_id), FIELD(weir_sock, tgid), FIELD(weir_sock, step), FIELD(weir_sock, flags), FIELD(weir_sock, port), FIELD(weir_sock, proto), FIELD(weir_sock, verdict), FIELD(weir_sock, why), FIELD(weir_sock, hook), FIELD(weir_sock, dns_port), FIELD(weir_sock, seen_port), FIELD(weir_sock, reserved), FIELD(weir_sock, addr), FIELD(weir_sock, seen_addr), FIELD(weir_sock, dns_addr)),
    STRUCT(weir_guard_scope, FIELD(weir_guard_scope, denied), FIELD(weir_guard_scope, reported), FIELD(weir_guard_scope, deny), FIELD(weir_guard_scope, report), FIELD(weir_guard_scope, kill), FIELD(weir_guard_scope, services)),
    STRUCT(weir_protected, FIELD(weir_protected, start_ns), FIELD(weir_protected, who), FIELD(weir_protected, reserved)),
    STRUCT(weir_guarded_key, FIELD(weir_guarded_key, dev), FIELD(weir_guarded_key, inode)),
    STRUCT(weir_guarded, FIELD(weir_guarded, guard_class), FIELD(weir_guarded, flags)),
    STRUCT(weir_socket_key, FIELD(weir_socket_key, dev), FIELD(weir_socket_key, inode), FIELD(weir_socket_key, scope_id), FIELD(weir_socket_key, reserved)),
    STRUCT(weir_host, FIELD(weir_host, pins_dev), FIELD(weir_host, netns_inode), FIELD(weir_host, mntns_inode)),
    STRUCT(weir_own_path, FIELD(weir_own_path, guard_class), FIELD(weir_own_path, len), FIELD(weir_own_path, path)),
    STRUCT(weir_stuck, FIELD(weir_stuck, scope_id), FIELD(weir_stuck, netns_inode), FIELD(weir_stuck, proto), FIELD(weir_stuck, reserved)),
    STRUCT(weir_flow_key, FIELD(weir_flow_key, exec_id), FIELD(weir_flow_key, scope_id), FIELD(weir_flow_key, step), FIELD(weir_flow_key, port), FIELD(weir_flow_key, proto), FIELD(weir_flow_key, verdict), FIELD(weir_flow_key, hook), FIELD(weir_flow_key, why), FIELD(weir_flow_key, reserved), FIELD(weir_flow_key, addr)),
    STRUCT(weir_flow, FIELD(weir_flow, first_ns), FIELD(weir_flow, last_ns), FIELD(weir_flow, count), FIELD(weir_flow, bytes_out), FIELD(weir_flow, bytes_in), FIELD(weir_flow, packets_out), FIELD(weir_flow, packets_in), FIELD(weir_flow, rule_id), FIELD(weir_flow, tgid)),
    STRUCT(weir_event, FIELD(weir_event, boot_ns), FIELD(weir_event, exec_id), FIELD(weir_event, scope_id), FIELD(weir_event, tgid), FIELD(weir_event, step), FIELD(weir_event, kind), FIELD(weir_event, reserved)),
    STRUCT(weir_exec_event, FIELD(weir_exec_event, event), FIELD(weir_exec_event, parent_exec_id), FIELD(weir_exec_event, start_ns), FIELD(weir_exec_event, dev), FIELD(weir_exec_event, inode), FIELD(weir_exec_event, cgroup_id), FIELD(weir_exec_event, ppid), FIELD(weir_exec_event, uid), FIELD(weir_exec_event, gid), FIELD(weir_exec_event, flags), FIELD(weir_exec_event, args_len), FIELD(weir_exec_event, path_len), FIELD(weir_exec_event, cwd_len), FIELD(weir_exec_event, args_full_len), FIELD(weir_exec_event, step_len), FIELD(weir_exec_event, reserved), FIELD(weir_exec_event, comm)),
    STRUCT(weir_fork_event, FIELD(weir_fork_event, event), FIELD(weir_fork_event, start_ns), FIELD(weir_fork_event, ppid), FIELD(weir_fork_event, reserved)),
    STRUCT(weir_exit_event, FIELD(weir_exit_event, event), FIELD(weir_exit_event, code), FIELD(weir_exit_event, reserved)),
    STRUCT(weir_flow_event, FIELD(weir_flow_event, event), FIELD(weir_flow_event, rule_id), FIELD(weir_flow_event, generation), FIELD(weir_flow_event, port), FIELD(weir_flow_event, source_port), FIELD(weir_flow_event, proto), FIELD(weir_flow_event, verdict), FIELD(weir_flow_event, hook), FIELD(weir_flow_event, why), FIELD(weir_flow_event, socket_kind), FIELD(weir_flow_event, reserved), FIELD(weir_flow_event, addr), FIELD(weir_flow_event, comm), FIELD(weir_flow_event, name)),
    STRUCT(weir_dns_event, FIELD(weir_dns_event, event), FIELD(weir_dns_event, rule_id), FIELD(weir_dns_event, ttl), FIELD(weir_dns_event, qtype), FIELD(weir_dns_event, n_addrs), FIELD(weir_dns_event, verdict), FIELD(weir_dns_event, why), FIELD(weir_dns_event, hook), FIELD(weir_dns_event, reserved), FIELD(weir_dns_event, server), FIELD(weir_dns_event, comm), FIELD(weir_dns_event, name), FIELD(weir_dns_event, addrs)),
    STRUCT(weir_finding_event, FIELD(weir_finding_event, event), FIELD(weir_finding_event, value), FIELD(weir_finding_event, finding), FIELD(weir_finding_event, guard_class), FIELD(weir_finding_event, verdict), FIELD(weir_finding_event, reserved), FIELD(weir_finding_event, comm)),
  };
  // clang-format on
  return all;
}

struct ObjectClose {
  void operator()(bpf_object* object) const { bpf_object__close(object); }
};
using Object = std::unique_ptr<bpf_object, ObjectClose>;

Object Open(const void* elf, std::size_t size) { return Object(bpf_object__open_mem(elf, size, nullptr)); }

std::vector<Object> Objects() {
  std::vector<Object> objects;
  std::size_t size = 0;
  const void* elf = weir_egress__elf_bytes(&size);
  objects.push_back(Open(elf, size));
  elf = weir_process__elf_bytes(&size);
  objects.push_back(Open(elf, size));
  elf = weir_guard__elf_bytes(&size);
  objects.push_back(Open(elf, size));
  return objects;
}

void ExpectSameLayout(const btf* types, const btf_type* type, const Struct& ours) {
  EXPECT_EQ(type->size, ours.size) << ours.name;
  std::map<std::string, std::pair<std::size_t, std::size_t>> theirs;
  for (int i = 0; i < btf_vlen(type); i++) {
    const btf_member& member = btf_members(type)[i];
    theirs[btf__name_by_offset(types, member.name_off)] = {
        btf_member_bit_offset(type, static_cast<__u32>(i)) / 8,
        static_cast<std::size_t>(btf__resolve_size(types, member.type))};
  }
  EXPECT_EQ(theirs.size(), ours.fields.size()) << ours.name << ": a field is missing from this test's table";
  for (const Field& field : ours.fields) {
    ASSERT_TRUE(theirs.count(field.name)) << ours.name << "." << field.name;
    EXPECT_EQ(theirs[field.name].first, field.offset) << "offset of " << ours.name << "." << field.name;
    EXPECT_EQ(theirs[field.name].second, field.size) << "size of " << ours.name << "." << field.name;
  }
}

TEST(Abi, LiesInMemoryAsTheProgramsSeeIt) {
  std::set<std::string> seen;
  for (const Object& object : Objects()) {
    ASSERT_TRUE(object);
    const btf* types = bpf_object__btf(object.get());
    ASSERT_NE(types, nullptr);
    for (const Struct& ours : Structs()) {
      const int id = btf__find_by_name_kind(types, ours.name.c_str(), BTF_KIND_STRUCT);
      if (id < 0) continue;
      seen.insert(ours.name);
      ExpectSameLayout(types, btf__type_by_id(types, static_cast<__u32>(id)), ours);
    }
  }
  for (const Struct& ours : Structs()) EXPECT_TRUE(seen.count(ours.name)) << ours.name << " is in no program's BTF";
}

TEST(Abi, TableNamesEveryStructOfTheHeader) {
  std::ifstream file(WEIR_ABI_HEADER);
  ASSERT_TRUE(file);
  std::stringstream text;
  text << file.rdbuf();
  const std::string header = text.str();
  const std::regex definition(R"(\nstruct (weir_\w+) \{)");
  std::set<std::string> listed;
  for (const Struct& ours : Structs()) listed.insert(ours.name);
  std::size_t found = 0;
  for (std::sregex_iterator it(header.begin(), header.end(), definition), end; it != end; ++it, ++found)
    EXPECT_TRUE(listed.count((*it)[1])) << (*it)[1];
  EXPECT_EQ(found, listed.size());
}

}  // namespace

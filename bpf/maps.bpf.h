/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * Every map that programs share. Definitions are weak, so that each object that includes this file brings the same
 * ones and the linker keeps one. All are pinned by name: that is how the two skeletons, and a restarted sensor, meet.
 */
#ifndef WEIR_MAPS_BPF_H
#define WEIR_MAPS_BPF_H

#include "abi.h"
#include "kernel.bpf.h"

#define WEIR_MAP(name) name SEC(".maps") __weak

/* scope_id -> what the sensor says about it. A miss: the scope is gone, and its traffic is denied. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, WEIR_MAX_SCOPES);
    __type(key, __u32);
    __type(value, struct weir_scope);
    __uint(pinning, LIBBPF_PIN_BY_NAME);
} WEIR_MAP(weir_scopes);

/* cgroup id -> scope_id; written by the sensor. A miss: look at the parent. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, WEIR_MAX_SCOPES * 8);
    __type(key, __u64);
    __type(value, __u32);
    __uint(pinning, LIBBPF_PIN_BY_NAME);
} WEIR_MAP(weir_cgroups);

/* Where scopes' cgroups lie; written by the process programs. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct weir_births);
    __uint(pinning, LIBBPF_PIN_BY_NAME);
} WEIR_MAP(weir_births);

/* tgid -> identity; written by the process programs. A miss: outside every scope. Preallocated, because tracepoints
 * must not allocate. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, WEIR_MAX_TASKS);
    __type(key, __u32);
    __type(value, struct weir_task);
    __uint(pinning, LIBBPF_PIN_BY_NAME);
} WEIR_MAP(weir_tasks);

/* How many tasks weir_tasks had no room for; written by the process programs. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64);
    __uint(pinning, LIBBPF_PIN_BY_NAME);
} WEIR_MAP(weir_untracked);

/* scope_id -> who an untracked task of the scope is taken for; written by the process programs when the first one
 * appears. A miss: the scope has none. Preallocated, because tracepoints must not allocate. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, WEIR_MAX_SCOPES);
    __type(key, __u32);
    __type(value, struct weir_task);
    __uint(pinning, LIBBPF_PIN_BY_NAME);
} WEIR_MAP(weir_stand_ins);

/* Steps of jobs that a Runner.Worker runs (abi.h); step 0 written by the sensor, the others by the process programs. A miss
 * of step 0: no steps. A full table: new steps have no number. Preallocated, because tracepoints must not allocate. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, WEIR_MAX_SCOPES * 2 * WEIR_STEPS_KEPT);
    __type(key, struct weir_step_key);
    __type(value, struct weir_step);
    __uint(pinning, LIBBPF_PIN_BY_NAME);
} WEIR_MAP(weir_steps);

/* Last exec_id that each CPU gave out; pinned, because exec ids are unique until reboot. */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64);
    __uint(pinning, LIBBPF_PIN_BY_NAME);
} WEIR_MAP(weir_exec_ids);

/* A socket's scope and kept verdict. A miss: no task of a scope has touched it. */
struct {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
    __type(key, int);
    __type(value, struct weir_sock);
    __uint(pinning, LIBBPF_PIN_BY_NAME);
} WEIR_MAP(weir_socks);

/* Streams that hold refused bytes; written by the packet program, emptied by the sensor. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, WEIR_MAX_STUCK);
    __type(key, __u64);
    __type(value, struct weir_stuck);
    __uint(pinning, LIBBPF_PIN_BY_NAME);
} WEIR_MAP(weir_stuck);

/* scope_id -> counters, created by the sensor with the scope. */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_HASH);
    __uint(max_entries, WEIR_MAX_SCOPES);
    __type(key, __u32);
    __type(value, struct weir_counts);
    __uint(pinning, LIBBPF_PIN_BY_NAME);
} WEIR_MAP(weir_counts);

/* scope_id -> use of shared tables, created by the sensor with the scope. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, WEIR_MAX_SCOPES);
    __type(key, __u32);
    __type(value, struct weir_usage);
    __uint(pinning, LIBBPF_PIN_BY_NAME);
} WEIR_MAP(weir_usage);

/* scope_id -> last verdict on the sensor's probe. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, WEIR_MAX_SCOPES);
    __type(key, __u32);
    __type(value, struct weir_canary);
    __uint(pinning, LIBBPF_PIN_BY_NAME);
} WEIR_MAP(weir_canary);

/* Network namespaces whose answers may teach; written by the sensor. A miss: teach nothing. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, WEIR_MAX_SCOPES * 8);
    __type(key, struct weir_netns_key);
    __type(value, __u32);
    __uint(pinning, LIBBPF_PIN_BY_NAME);
} WEIR_MAP(weir_netns);

/* Trusted resolvers of a scope; written by the sensor. A miss: port 53 is a port like any other. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, WEIR_MAX_SCOPES * 16);
    __type(key, struct weir_resolver_key);
    __type(value, __u32);
    __uint(pinning, LIBBPF_PIN_BY_NAME);
} WEIR_MAP(weir_resolvers);

/* Loopback ports of the sensor's DNS forwarders -> scope served; written by the sensor. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, WEIR_MAX_SCOPES * 4);
    __type(key, struct weir_fwd_key);
    __type(value, __u32);
    __uint(pinning, LIBBPF_PIN_BY_NAME);
} WEIR_MAP(weir_fwd_ports);

/* Closed connections to forwarders -> who made them; written at the socket's release, read by the sensor within the
 * forwarder's next turn. The least recently used goes first. A miss: the query has no process. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 8192);
    __type(key, struct weir_fwd_gone_key);
    __type(value, struct weir_fwd_gone);
    __uint(pinning, LIBBPF_PIN_BY_NAME);
} WEIR_MAP(weir_fwd_gone);

/* Address rules: single hosts, and prefixes. Written by the sensor. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, WEIR_MAX_RULES);
    __type(key, struct weir_addr_key);
    __type(value, struct weir_rule);
    __uint(pinning, LIBBPF_PIN_BY_NAME);
} WEIR_MAP(weir_exact);

struct {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, WEIR_MAX_RULES);
    __type(key, struct weir_cidr_key);
    __type(value, struct weir_rule);
    __uint(pinning, LIBBPF_PIN_BY_NAME);
} WEIR_MAP(weir_cidr);

/* Name rules and search suffixes; written by the sensor. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, WEIR_MAX_RULES);
    __type(key, struct weir_name_key);
    __type(value, struct weir_name);
    __uint(pinning, LIBBPF_PIN_BY_NAME);
} WEIR_MAP(weir_names);

/* What DNS answers taught; written by the ingress program and the forwarder. A miss: not learned, so not allowed. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, WEIR_MAX_LEARNED);
    __type(key, struct weir_learned_key);
    __type(value, struct weir_learned);
    __uint(pinning, LIBBPF_PIN_BY_NAME);
} WEIR_MAP(weir_learned);

/* Executables on `process:` lists, by identity and by file name; written by the sensor. Preallocated: read and written
 * beside tracepoints. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 16384);
    __type(key, struct weir_proc_key);
    __type(value, __u64);
    __uint(pinning, LIBBPF_PIN_BY_NAME);
} WEIR_MAP(weir_procs);

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 16384);
    __type(key, struct weir_proc_name_key);
    __type(value, __u64);
    __uint(pinning, LIBBPF_PIN_BY_NAME);
} WEIR_MAP(weir_pnames);

/* Flows: deduplicate events and carry sums; read by the sensor. A full table costs sums, never a verdict. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, WEIR_MAX_FLOWS);
    __type(key, struct weir_flow_key);
    __type(value, struct weir_flow);
    __uint(pinning, LIBBPF_PIN_BY_NAME);
} WEIR_MAP(weir_flows);

/* Records to the sensor. Two rings, so that a flood of allowed traffic cannot push out a denial. Sizes are set again
 * at load (--ring-bytes). */
struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 8 << 20);
    __uint(pinning, LIBBPF_PIN_BY_NAME);
} WEIR_MAP(weir_events);

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 2 << 20);
    __uint(pinning, LIBBPF_PIN_BY_NAME);
} WEIR_MAP(weir_denials);

#endif /* WEIR_MAPS_BPF_H */

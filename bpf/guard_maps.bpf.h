/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/* The guard's maps: what they hold stands in abi.h. All are written by the sensor (the counts in weir_guards by the programs),
 * and preallocated, because the hooks may not allocate everywhere. */
#ifndef WEIR_GUARD_MAPS_BPF_H
#define WEIR_GUARD_MAPS_BPF_H

#include "maps.bpf.h"

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, WEIR_MAX_SCOPES);
    __type(key, __u32);
    __type(value, struct weir_guard_scope);
    __uint(pinning, LIBBPF_PIN_BY_NAME);
} WEIR_MAP(weir_guards);

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 1024);
    __type(key, __u32);
    __type(value, struct weir_protected);
    __uint(pinning, LIBBPF_PIN_BY_NAME);
} WEIR_MAP(weir_protected);

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 4096);
    __type(key, struct weir_guarded_key);
    __type(value, struct weir_guarded);
    __uint(pinning, LIBBPF_PIN_BY_NAME);
} WEIR_MAP(weir_guarded);

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 4096);
    __type(key, struct weir_socket_key);
    __type(value, __u32);
    __uint(pinning, LIBBPF_PIN_BY_NAME);
} WEIR_MAP(weir_sockets);

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct weir_host);
    __uint(pinning, LIBBPF_PIN_BY_NAME);
} WEIR_MAP(weir_host);

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 64);
    __type(key, __u32);
    __type(value, __u32);
    __uint(pinning, LIBBPF_PIN_BY_NAME);
} WEIR_MAP(weir_genl);

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, WEIR_OWN_PATHS);
    __type(key, __u32);
    __type(value, struct weir_own_path);
    __uint(pinning, LIBBPF_PIN_BY_NAME);
} WEIR_MAP(weir_own_paths);

#endif /* WEIR_GUARD_MAPS_BPF_H */

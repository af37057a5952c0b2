/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/* The end of a DNS socket: its queries are forgotten. */
#ifndef WEIR_DNS_FORGET_BPF_H
#define WEIR_DNS_FORGET_BPF_H

#include "dns_maps.bpf.h"

/* For cgroup/sock_release. Nobody else uses the socket any more, so no lock is needed. */
static __always_inline void weir_dns_forget(struct bpf_sock *sk) {
    struct weir_dnssock *dns = bpf_sk_storage_get(&weir_dnssocks, sk, 0, 0);
    struct weir_pending_key key = {};
    struct weir_usage *usage;
    __u64 forgotten = 0;
    __u32 scope_id;
    __u64 used;

    if (!dns) return;
    key.cookie = dns->cookie;
    scope_id = dns->scope_id;
    used = dns->used;
    dns->used = 0;
    for (__u32 slot = 0; slot < WEIR_SOCK_PENDING; slot++) {
        if (!(used >> slot)) break;
        key.slot = slot;
        if (used >> slot & 1) forgotten += bpf_map_delete_elem(&weir_pending, &key) == 0;
    }
    usage = bpf_map_lookup_elem(&weir_usage, &scope_id);
    if (usage) __sync_fetch_and_add(&usage->pending, -forgotten);
}

#endif /* WEIR_DNS_FORGET_BPF_H */

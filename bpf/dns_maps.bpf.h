/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * Queries on their way, and the two calls by which the packet programs have DNS messages read (dns.bpf.c).
 *
 *     int slot = weir_slot_take();
 *     struct weir_dns_state *state = weir_dns_state_of(slot);
 *     if (state) { fill state->in; weir_dns_query(skb, slot); read state->out, .asked, .addrs }
 *     weir_slot_give(slot);
 */
#ifndef WEIR_DNS_MAPS_BPF_H
#define WEIR_DNS_MAPS_BPF_H

#include "dns_state.h"
#include "maps.bpf.h"
#include "scratch.bpf.h"

/* Older queries teach nothing, and to push one out is no loss. Above the longest waits of resolver clients (RES_MAXRETRANS of
 * glibc: 30 s). */
#define WEIR_DNS_PATIENCE_NS 60000000000ull

/* A socket's queries in flight. The ids are searched without the lock: what is found is then compared as a whole. */
struct weir_dnssock {
    struct bpf_spin_lock lock; /* of next, used and ids, against senders on other CPUs */
    __u32 next;                /* round robin: the oldest goes first */
    __u32 scope_id;
    __u32 reserved;
    __u64 cookie;
    __u64 used; /* bit n: slot n holds a query */
    __u16 ids[WEIR_SOCK_PENDING];
};

/* Scratch slot -> parser's state, of this CPU. Only between weir_slot_take() and weir_slot_give(). */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, WEIR_SCRATCH_SLOTS);
    __type(key, __u32);
    __type(value, struct weir_dns_state);
} WEIR_MAP(weir_dns_state);

/* A DNS socket's queries in flight. A miss: it has sent none. Not cloned: no listener asks. */
struct {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, struct weir_dnssock);
    __uint(pinning, LIBBPF_PIN_BY_NAME);
} WEIR_MAP(weir_dnssocks);

/* (socket, slot) -> the query. Written at egress; gone with a used answer or with its socket. A miss: a stray answer,
 * which teaches nothing. Size: WEIR_MAX_SCOPE_PENDING a scope; a full table costs what the answer would have taught. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, WEIR_MAX_PENDING);
    __type(key, struct weir_pending_key);
    __type(value, struct weir_pending);
    __uint(pinning, LIBBPF_PIN_BY_NAME);
} WEIR_MAP(weir_pending);

static __always_inline struct weir_dns_state *weir_dns_state_of(__u32 slot) {
    return bpf_map_lookup_elem(&weir_dns_state, &slot);
}

/*
 * Egress. Reads state.in; fills state.out (why, rule_id, qtype, code, name_hash) and state.asked. Returns out.why: below 32
 * the query may leave. The caller judges by the mode, counts and records. Counts WEIR_C_PENDING_FULL itself.
 */
int weir_dns_query(struct __sk_buff *skb, __u32 slot);

#define WEIR_ANSWER_USED 0    /* read; out.n_new tells whether it taught anything */
#define WEIR_ANSWER_STRAY 1   /* to no question of this socket */
#define WEIR_ANSWER_REFUSED 2 /* teaches nothing, out.code says why */

/*
 * Ingress. Reads state.in (cookie, payload, scope_id, server, server_port); fills state.out, .asked (the query) and .addrs.
 * Returns WEIR_ANSWER_*. Counts WEIR_C_ANSWER_* and WEIR_C_LEARNED_FULL itself; findings are the caller's.
 */
int weir_dns_answer(struct __sk_buff *skb, __u32 slot);

#endif /* WEIR_DNS_MAPS_BPF_H */

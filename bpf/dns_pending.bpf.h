/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * Remembering queries, and finding the one that an answer is to. A query that is not remembered, or is pushed out by 64 newer
 * ones, costs what its answer would have taught: the connect is denied, and WEIR_C_PENDING_FULL says why.
 */
#ifndef WEIR_DNS_PENDING_BPF_H
#define WEIR_DNS_PENDING_BPF_H

#include "dns_match.bpf.h"
#include "identity.bpf.h"

static __always_inline struct weir_dnssock *weir_dnssock_of(struct __sk_buff *skb, __u64 flags) {
    struct bpf_sock *sk = skb->sk;

    if (!sk) return 0;
    sk = bpf_sk_fullsock(sk);
    if (!sk) return 0;
    return bpf_sk_storage_get(&weir_dnssocks, sk, 0, flags);
}

/* Takes one of the scope's share of weir_pending. Approximate: CPUs may overshoot by one each. */
static __always_inline int weir_pending_share(__u32 scope_id) {
    struct weir_usage *usage = bpf_map_lookup_elem(&weir_usage, &scope_id);

    if (!usage || usage->pending >= WEIR_MAX_SCOPE_PENDING) return 0;
    __sync_fetch_and_add(&usage->pending, 1);
    return 1;
}

static __always_inline void weir_pending_unshare(__u32 scope_id) {
    struct weir_usage *usage = bpf_map_lookup_elem(&weir_usage, &scope_id);

    if (usage) __sync_fetch_and_add(&usage->pending, -1);
}

/* The next place in the socket's ring of queries. */
static __always_inline __u32 weir_dnssock_next(struct weir_dnssock *dns, __u16 id) {
    __u64 place;

    bpf_spin_lock(&dns->lock);
    place = dns->next;
    WEIR_BOUND(place, WEIR_SOCK_PENDING - 1);
    dns->next = (__u32)place + 1;
    dns->used |= 1ull << place;
    dns->ids[place] = id;
    bpf_spin_unlock(&dns->lock);
    return (__u32)place;
}

/* Enters s->asked. Returns 1 when the answer will be known. */
__attribute__((noinline)) int weir_dns_remember(struct __sk_buff *skb, __u32 slot) {
    struct weir_dns_state *s = weir_dns_state_of(slot);
    struct weir_dnssock *dns = weir_dnssock_of(skb, BPF_SK_STORAGE_GET_F_CREATE);
    struct weir_pending_key key = {};
    const struct weir_pending *old;
    int shared;

    if (!s) return 0;
    if (!dns) goto full;
    dns->cookie = s->in.cookie;
    dns->scope_id = s->in.scope_id;
    key.cookie = s->in.cookie;
    key.slot = weir_dnssock_next(dns, s->asked.id);
    s->asked.asked_ns = weir_now();
    old = bpf_map_lookup_elem(&weir_pending, &key);
    if (old) {
        if (s->asked.asked_ns - old->asked_ns < WEIR_DNS_PATIENCE_NS) weir_count(s->in.scope_id, WEIR_C_PENDING_FULL);
        return bpf_map_update_elem(&weir_pending, &key, &s->asked, BPF_ANY) == 0;
    }
    shared = weir_pending_share(s->in.scope_id);
    if (!shared) goto full;
    if (bpf_map_update_elem(&weir_pending, &key, &s->asked, BPF_ANY) == 0) return 1;
    weir_pending_unshare(s->in.scope_id);
full:
    weir_count(s->in.scope_id, WEIR_C_PENDING_FULL);
    return 0;
}

/* The socket's first place from `from` on that holds a query of this id; WEIR_SOCK_PENDING: none. */
__attribute__((noinline)) int weir_dns_next_pending(struct __sk_buff *skb, __u32 id, __u32 from) {
    const struct weir_dnssock *dns = weir_dnssock_of(skb, 0);
    __u64 used;

    if (!dns) return WEIR_SOCK_PENDING;
    if (from >= WEIR_SOCK_PENDING) return WEIR_SOCK_PENDING;
    used = dns->used & ~0ull << from;
    for (__u32 i = 0; i < WEIR_SOCK_PENDING; i++) {
        if (!(used >> i)) break;
        if ((used >> i & 1) && dns->ids[i] == id) return (int)i;
    }
    return WEIR_SOCK_PENDING;
}

/* Copies the query at `place` to s->asked. Returns 1 when the message, whose head was read, answers it. */
__attribute__((noinline)) int weir_dns_is_answer_to(__u32 slot, __u32 place) {
    struct weir_dns_state *s = weir_dns_state_of(slot);
    struct weir_pending_key key = {.slot = place};
    const struct weir_pending *query;

    if (!s) return 0;
    key.cookie = s->in.cookie;
    query = bpf_map_lookup_elem(&weir_pending, &key);
    if (!query) return 0;
    __builtin_memcpy(&s->asked, query, sizeof(s->asked));
    if (weir_now() - s->asked.asked_ns > WEIR_DNS_PATIENCE_NS) return 0;
    if (s->asked.scope_id != s->in.scope_id || s->asked.server_port != s->in.server_port) return 0;
    if (weir_load64(s->asked.server) != weir_load64(s->in.server)) return 0;
    if (weir_load64(s->asked.server + 8) != weir_load64(s->in.server + 8)) return 0;
    return weir_dns_is_asked(slot);
}

/* An answer was used: later ones to this query are strays. Refused answers do not come here: junk that somebody sends
 * ahead of the real answer must not make that one a stray. */
__attribute__((noinline)) int weir_dns_done(struct __sk_buff *skb, __u32 slot, __u32 place) {
    struct weir_dns_state *s = weir_dns_state_of(slot);
    struct weir_dnssock *dns = weir_dnssock_of(skb, 0);
    struct weir_pending_key key = {.slot = place};

    if (!s || !dns) return 0;
    key.cookie = s->in.cookie;
    bpf_spin_lock(&dns->lock);
    dns->used &= ~(1ull << (place & (WEIR_SOCK_PENDING - 1)));
    bpf_spin_unlock(&dns->lock);
    if (bpf_map_delete_elem(&weir_pending, &key) == 0) weir_pending_unshare(s->asked.scope_id);
    return 0;
}

#endif /* WEIR_DNS_PENDING_BPF_H */

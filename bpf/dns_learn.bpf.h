/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * Second phase of an answer: its addresses are entered, one entry for each port of the matched name and one that only names
 * the address. Runs before the datagram is queued to its socket, so the connect that follows cannot come too early.
 */
#ifndef WEIR_DNS_LEARN_BPF_H
#define WEIR_DNS_LEARN_BPF_H

#include "dns_pending.bpf.h"

#define WEIR_LEARN_NAME WEIR_NAME_PORTS /* in place of a port's number: the entry that only names */
#define WEIR_LEARN_LOCKS 64

struct weir_learn_lock {
    struct bpf_spin_lock lock;
    __u32 reserved;
};

/* Hash of address -> lock of "add to proc_mask" (Linux 5.10 has no atomic or). */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, WEIR_LEARN_LOCKS);
    __type(key, __u32);
    __type(value, struct weir_learn_lock);
} weir_dns_locks SEC(".maps") __weak;

static __always_inline int weir_learned_share(__u32 scope_id) {
    struct weir_usage *usage = bpf_map_lookup_elem(&weir_usage, &scope_id);

    if (!usage || usage->learned >= WEIR_MAX_SCOPE_LEARNED) return 0;
    __sync_fetch_and_add(&usage->learned, 1);
    return 1;
}

static __always_inline void weir_learned_unshare(__u32 scope_id) {
    struct weir_usage *usage = bpf_map_lookup_elem(&weir_usage, &scope_id);

    if (usage) __sync_fetch_and_add(&usage->learned, -1);
}

/*
 * The address is known already under this port. Permissions add up while the older one lives: several names may lead to one
 * address. They then share the later expiry, which lets an address live a little longer, never open to more than the rules of
 * the names that led to it. An unbound rule replaces bound ones, and so does any rule an expired entry.
 */
static __always_inline int weir_learned_merge(struct weir_dns_state *s, const struct weir_learned_key *key,
                                              struct weir_learned *old) {
    const struct weir_learned *fresh = &s->learned;
    __u32 which = key->addr[15] & (WEIR_LEARN_LOCKS - 1);
    struct weir_learn_lock *lock;
    __u64 mask = fresh->proc_mask;

    if (old->expiry_ns && old->expiry_ns < fresh->learned_ns)
        return bpf_map_update_elem(&weir_learned, key, fresh, BPF_ANY);
    if ((old->proc_mask | mask) != old->proc_mask) {
        if (mask == WEIR_PROC_ANY) return bpf_map_update_elem(&weir_learned, key, fresh, BPF_ANY);
        lock = bpf_map_lookup_elem(&weir_dns_locks, &which);
        if (!lock) return -1;
        bpf_spin_lock(&lock->lock);
        old->proc_mask |= mask;
        bpf_spin_unlock(&lock->lock);
    }
    old->learned_ns = fresh->learned_ns;
    old->expiry_ns = fresh->expiry_ns;
    return 0;
}

/* The address has a name already. The latest one stands; the entry is replaced whole, so that no reader sees half a name. */
static __always_inline int weir_learned_rename(struct weir_dns_state *s, const struct weir_learned_key *key,
                                               struct weir_learned *old) {
    __u64 differ = 0;

    for (__u32 i = 0; i < WEIR_NAME_BYTES; i += 8)
        differ |= weir_load64(&old->name[i]) ^ weir_load64(&s->learned.name[i]);
    if (differ) return bpf_map_update_elem(&weir_learned, key, &s->learned, BPF_ANY);
    old->learned_ns = s->learned.learned_ns;
    return 0;
}

/* Fills key and s->learned for one entry. Returns 0 when there is no such entry to make. */
static __always_inline int weir_learned_fill(struct weir_dns_state *s, struct weir_learned_key *key, __u32 addr,
                                             __u32 port) {
    __u64 which = addr, p = port;

    WEIR_BOUND(which, WEIR_ANSWER_ADDRS - 1);
    key->scope_id = s->asked.scope_id;
    __builtin_memcpy(key->addr, s->addrs[which], 16);
    if (port >= WEIR_LEARN_NAME) {
        s->learned.proc_mask = 0;
        s->learned.rule_id = WEIR_RULE_NONE;
        s->learned.flags = WEIR_L_NAME_ONLY;
        return 1;
    }
    WEIR_BOUND(p, WEIR_NAME_PORTS - 1);
    key->port = s->ports[p].port;
    key->proto = s->ports[p].proto;
    s->learned.proc_mask = s->ports[p].proc_mask;
    s->learned.rule_id = s->ports[p].rule_id;
    s->learned.flags = key->port ? 0 : WEIR_L_ANY_PORT;
    return key->proto != 0; /* port 0 of protocol 0 is the entry that only names */
}

__attribute__((noinline)) int weir_dns_learn_one(__u32 slot, __u32 addr, __u32 port) {
    struct weir_dns_state *s = weir_dns_state_of(slot);
    struct weir_learned_key key = {};
    struct weir_learned *old;
    int failed;

    if (!s || !weir_learned_fill(s, &key, addr, port)) return 0;
    old = bpf_map_lookup_elem(&weir_learned, &key);
    if (!old) {
        if (!weir_learned_share(key.scope_id)) goto lost;
        if (bpf_map_update_elem(&weir_learned, &key, &s->learned, BPF_NOEXIST) == 0) {
            s->out.n_new++;
            return 0;
        }
        weir_learned_unshare(key.scope_id);
        old = bpf_map_lookup_elem(&weir_learned, &key); /* another CPU was first, or the table is full */
        if (!old) goto lost;
    }
    failed = key.proto ? weir_learned_merge(s, &key, old) : weir_learned_rename(s, &key, old);
    if (!failed) return 0;
lost:
    s->out.n_lost++;
    weir_count(key.scope_id, WEIR_C_LEARNED_FULL);
    return 0;
}

__attribute__((noinline)) int weir_dns_learn_addr(__u32 slot, __u32 addr) {
    struct weir_dns_state *s = weir_dns_state_of(slot);
    __u64 which = addr;
    __u32 n_ports;

    if (!s) return 0;
    WEIR_BOUND(which, WEIR_ANSWER_ADDRS - 1);
    n_ports = s->n_ports;
    if (weir_dns_addr_is_barred((const __u32 *)s->addrs[which])) {
        s->out.n_barred++;
        n_ports = 0;
    }
    for (__u32 port = 0; port < WEIR_NAME_PORTS; port++) {
        if (port >= n_ports) break;
        weir_dns_learn_one(slot, addr, port);
    }
    return weir_dns_learn_one(slot, addr, WEIR_LEARN_NAME);
}

/* The ports come from the table as it is now: a rule that the sensor took away meanwhile teaches no more than the name. */
__attribute__((noinline)) int weir_dns_commit(__u32 slot) {
    struct weir_dns_state *s = weir_dns_state_of(slot);
    const struct weir_scope *scope;
    const struct weir_name *entry = 0;

    if (!s) return 0;
    scope = weir_scope_of(s->asked.scope_id);
    if (!scope) return 0;
    s->n_ports = 0;
    if (s->asked.teach == WEIR_TEACH_RULES) entry = bpf_map_lookup_elem(&weir_names, &s->asked.rule);
    if (entry && !(entry->flags & WEIR_N_DENY)) {
        __builtin_memcpy(s->ports, entry->ports, sizeof(s->ports));
        s->n_ports = entry->n_ports;
        s->out.rule_id = entry->rule_id;
    }
    s->learned.learned_ns = weir_now();
    s->learned.expiry_ns = scope->learned_max_ns ? s->learned.learned_ns + scope->learned_max_ns : 0;
    __builtin_memcpy(s->learned.name, s->asked.name, WEIR_NAME_BYTES);
    for (__u32 addr = 0; addr < WEIR_ANSWER_ADDRS; addr++) {
        if (addr >= s->n_addrs) break;
        weir_dns_learn_addr(slot, addr);
    }
    return 0;
}

#endif /* WEIR_DNS_LEARN_BPF_H */

/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * The decision: may this scope's task send to this destination? One function for both families and all hooks.
 *
 * Order (DESIGN 2.2): deny rules, address rules (exact, then longest prefix), names learned from DNS, default. The policy
 * compiler has folded wider rules into narrower ones, so the first match of each table decides alone.
 * Any lookup that misses falls towards "no rule", which block mode denies.
 */
#ifndef WEIR_DECIDE_BPF_H
#define WEIR_DECIDE_BPF_H

#include "address.h"
#include "identity.bpf.h"

/* One question and its answer. */
struct weir_judgement {
    __u64 proc_mask;    /* in: executable lists that the acting image is on */
    __u64 netns_cookie; /* in: of the socket; 0: not known */
    __u32 scope_id;     /* in */
    __u32 rule_id;      /* out: the rule that spoke, or that would have for another executable; 0: none */
};

static __always_inline void weir_addr_key_of(struct weir_addr_key *key, __u32 scope_id, __u8 table,
                                             const struct weir_dest *dest, int any_port, int any_proto) {
    key->scope_id = scope_id;
    key->table = table;
    key->proto = any_proto ? 0 : dest->proto;
    key->port = any_port ? 0 : dest->port;
    __builtin_memcpy(key->addr, dest->addr, 16);
}

static __always_inline const struct weir_rule *weir_match_exact(__u32 scope_id, __u8 table,
                                                                const struct weir_dest *dest, __u32 flags) {
    struct weir_addr_key key;
    const struct weir_rule *rule;

    weir_addr_key_of(&key, scope_id, table, dest, 0, 0);
    rule = bpf_map_lookup_elem(&weir_exact, &key);
    if (rule || !(flags & WEIR_S_ANY_PORT)) return rule;
    key.port = 0;
    rule = bpf_map_lookup_elem(&weir_exact, &key);
    if (rule) return rule;
    key.proto = 0;
    return bpf_map_lookup_elem(&weir_exact, &key);
}

static __always_inline const struct weir_rule *weir_match_cidr(__u32 scope_id, __u8 table, const struct weir_dest *dest,
                                                               __u32 flags) {
    struct weir_cidr_key key = {.prefixlen = WEIR_CIDR_FIXED_BITS + 128};
    const struct weir_rule *rule;

    weir_addr_key_of(&key.rule, scope_id, table, dest, 0, 0);
    rule = bpf_map_lookup_elem(&weir_cidr, &key);
    if (rule || !(flags & WEIR_S_ANY_PORT)) return rule;
    key.rule.port = 0;
    rule = bpf_map_lookup_elem(&weir_cidr, &key);
    if (rule) return rule;
    key.rule.proto = 0;
    return bpf_map_lookup_elem(&weir_cidr, &key);
}

static __always_inline struct weir_learned *weir_match_learned(__u32 scope_id, const struct weir_dest *dest) {
    struct weir_learned_key key = {.scope_id = scope_id, .port = dest->port, .proto = dest->proto};
    struct weir_learned *learned;

    __builtin_memcpy(key.addr, dest->addr, 16);
    learned = bpf_map_lookup_elem(&weir_learned, &key);
    if (learned) return learned;
    key.port = 0;
    return bpf_map_lookup_elem(&weir_learned, &key);
}

/* What the address is called, for the record only; null: no answer named it. */
static __always_inline const struct weir_learned *weir_name_of(__u32 scope_id, const struct weir_dest *dest) {
    struct weir_learned_key key = {.scope_id = scope_id};

    __builtin_memcpy(key.addr, dest->addr, 16);
    return bpf_map_lookup_elem(&weir_learned, &key);
}

static __always_inline int weir_is_resolver(__u32 scope_id, const __u32 addr[4]) {
    struct weir_resolver_key key = {.scope_id = scope_id};

    __builtin_memcpy(key.addr, addr, 16);
    return bpf_map_lookup_elem(&weir_resolvers, &key) != 0;
}

/* A forwarder serves one scope; another scope's names must not be asked there. */
static __always_inline int weir_is_others_forwarder(__u32 scope_id, const struct weir_dest *dest, __u64 netns_cookie) {
    struct weir_fwd_key key = {.netns_cookie = netns_cookie, .port = dest->port};
    const __u32 *served = bpf_map_lookup_elem(&weir_fwd_ports, &key);

    return served && *served != scope_id;
}

static __always_inline int weir_may(__u64 rule_mask, __u64 proc_mask) {
    return rule_mask == WEIR_PROC_ANY || (rule_mask & proc_mask);
}

/* Over, and what is left of the job is refused. */
static __always_inline int weir_has_ended(const struct weir_scope *scope) {
    return (scope->flags & WEIR_S_ENDED) && scope->mode == WEIR_MODE_BLOCK;
}

/* Returns WEIR_WHY_*. */
static __noinline int weir_decide(const struct weir_scope *scope, const struct weir_dest *dest,
                                  struct weir_judgement *judgement) {
    const struct weir_rule *rule;
    const struct weir_learned *learned;
    __u64 proc_mask = judgement->proc_mask;
    __u32 scope_id = judgement->scope_id;
    __u32 flags = scope->flags;
    int bound_to_others = 0;

    judgement->rule_id = WEIR_RULE_NONE;
    if (weir_has_ended(scope)) return WEIR_WHY_ENDED;

    if (flags & WEIR_S_DENY_EXACT) {
        rule = weir_match_exact(scope_id, WEIR_TABLE_DENY, dest, flags);
        if (rule && weir_may(rule->proc_mask, proc_mask)) goto deny_rule;
    }
    if (flags & WEIR_S_DENY_CIDR) {
        rule = weir_match_cidr(scope_id, WEIR_TABLE_DENY, dest, flags);
        if (rule && weir_may(rule->proc_mask, proc_mask)) goto deny_rule;
    }
    if (weir_addr_is_loopback(dest->addr) && !(flags & WEIR_S_NO_LOOPBACK)) {
        if (dest->proto == 6 && weir_is_others_forwarder(scope_id, dest, judgement->netns_cookie))
            return WEIR_WHY_FOREIGN;
        return WEIR_WHY_LOOPBACK;
    }
    rule = weir_match_exact(scope_id, WEIR_TABLE_ALLOW, dest, flags);
    if (rule) {
        judgement->rule_id = rule->rule_id;
        if (weir_may(rule->proc_mask, proc_mask)) return WEIR_WHY_RULE;
        bound_to_others = 1;
    }
    if (flags & WEIR_S_ALLOW_CIDR) {
        rule = weir_match_cidr(scope_id, WEIR_TABLE_ALLOW, dest, flags);
        if (rule) {
            judgement->rule_id = rule->rule_id;
            if (weir_may(rule->proc_mask, proc_mask))
                return rule->rule_id == WEIR_RULE_LOCAL ? WEIR_WHY_LOCAL : WEIR_WHY_CIDR;
            bound_to_others = 1;
        }
    }
    learned = weir_match_learned(scope_id, dest);
    if (learned) {
        judgement->rule_id = learned->rule_id;
        if (learned->expiry_ns && learned->expiry_ns < weir_now()) return WEIR_WHY_EXPIRED;
        if (weir_may(learned->proc_mask, proc_mask)) return WEIR_WHY_NAME;
        bound_to_others = 1;
    }
    if (bound_to_others) return WEIR_WHY_PROCESS;
    return WEIR_WHY_NO_RULE;

deny_rule:
    judgement->rule_id = rule->rule_id;
    return WEIR_WHY_DENY_RULE;
}

/* Reasons below 32 allow (abi.h); audit mode lets the others through and says so. */
static __always_inline __u8 weir_verdict(const struct weir_scope *scope, __u32 why) {
    if (why < 32) return WEIR_ALLOW;
    return scope->mode == WEIR_MODE_BLOCK ? WEIR_DENY : WEIR_WOULD_DENY;
}

#endif /* WEIR_DECIDE_BPF_H */

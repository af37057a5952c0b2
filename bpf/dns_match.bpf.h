/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/* Which name rule speaks about the question: the most specific one, and only that one (DESIGN 2.3.2). */
#ifndef WEIR_DNS_MATCH_BPF_H
#define WEIR_DNS_MATCH_BPF_H

#include "dns_maps.bpf.h"
/* after dns_maps.bpf.h: the parser's stages find their state through it */
#include "dns.h"

/* Set by the sensor before loading; must be the seed under which weir_names was filled. */
const volatile __u64 weir_name_seed = WEIR_NAME_SEED;

/* Is the stored name the suffix of `len` bytes that begins at `start`? Both are zero-padded, so whole words compare. */
static __always_inline int weir_dns_is_name(const struct weir_dns_state *s, const struct weir_name *entry, __u64 start,
                                            __u64 len) {
    WEIR_BOUND(start, 255);
    for (__u64 i = 0; i < WEIR_NAME_BYTES; i += 8) {
        if (i >= len) break;
        if (weir_load64(&entry->name[i]) != weir_load64(&s->names[start + i])) return 0;
    }
    return 1;
}

/* Fills the key of the suffix that begins at label `k`; returns where that is. */
static __always_inline __u64 weir_dns_suffix(const struct weir_dns_state *s, __u64 k, struct weir_name_key *key) {
    __u64 start;

    WEIR_BOUND(k, WEIR_DNS_LABELS - 1);
    start = s->starts[k];
    key->hash = s->hashes[k];
    key->len = (__u16)(s->name_len - start);
    return start;
}

/*
 * Exact name first, then wildcards from the longest suffix down. Returns 1 and sets s->match* when a rule speaks. Two names
 * of one hash (not seen yet) would end the search without a match: denied.
 */
__attribute__((noinline)) int weir_dns_find(__u32 slot, __u32 scope_id) {
    struct weir_dns_state *s = weir_dns_state_of(slot);
    struct weir_name_key key = {.scope_id = scope_id, .kind = WEIR_NAME_EXACT};
    const struct weir_name *entry = 0;
    __u64 start = 0;

    if (!s) return 0;
    for (__u64 k = 0; k < WEIR_DNS_LABELS - 1; k++) {
        if (k >= s->n_labels) break;
        start = weir_dns_suffix(s, k, &key);
        entry = bpf_map_lookup_elem(&weir_names, &key);
        if (entry) break;
        key.kind = WEIR_NAME_BELOW;
    }
    if (!entry || !weir_dns_is_name(s, entry, start, key.len)) return 0;
    s->match = key;
    s->match_flags = entry->flags;
    s->match_rule_id = entry->rule_id;
    return 1;
}

/* The first label from s->cut_at on at which a search suffix begins, and s->cut_at behind it; 0: none. */
__attribute__((noinline)) int weir_dns_next_search(__u32 slot, __u32 scope_id) {
    struct weir_dns_state *s = weir_dns_state_of(slot);
    struct weir_name_key key = {.scope_id = scope_id, .kind = WEIR_NAME_SEARCH};
    const struct weir_name *entry = 0;
    __u64 start = 0, k = 0;

    if (!s) return 0;
    for (int i = 0; i < (int)WEIR_DNS_LABELS; i++) {
        k = s->cut_at;
        if (k >= s->n_labels) break;
        s->cut_at = k + 1;
        start = weir_dns_suffix(s, k, &key);
        entry = bpf_map_lookup_elem(&weir_names, &key);
        if (entry) break;
    }
    if (!entry || !weir_dns_is_name(s, entry, start, key.len)) return 0;
    return (int)k;
}

__attribute__((noinline)) int weir_dns_find_cuts(__u32 slot, __u32 scope_id) {
    struct weir_dns_state *s = weir_dns_state_of(slot);

    if (!s) return 0;
    s->n_cuts = 0;
    s->cut_at = 1;
    for (__u64 i = 0; i < WEIR_DNS_CUTS; i++) {
        int k = weir_dns_next_search(slot, scope_id);

        if (k <= 0) break;
        s->cuts[i] = (__u8)k;
        s->n_cuts = (__u32)i + 1;
    }
    return 0;
}

/*
 * Leaves in names[0..] the question without its search suffix number `i`, and hashes that. The end is read from memory again
 * wherever it is used: each comparison in the loop would narrow a register, on Linux 5.10 to a range that cannot be, and with
 * that no pointer may be made.
 */
__attribute__((noinline)) int weir_dns_cut(__u32 slot, __u32 i) {
    struct weir_dns_state *s = weir_dns_state_of(slot);
    __u64 which = i, label, end;

    if (!s) return WEIR_DNS_E_STATE;
    WEIR_BOUND(which, WEIR_DNS_CUTS - 1);
    label = s->cuts[which];
    WEIR_BOUND(label, WEIR_DNS_LABELS - 1);
    s->n_labels = label;
    s->name_len = (__u64)s->starts[label] + 1;
    for (__u64 at = 0; at < WEIR_NAME_BYTES; at += 8) {
        end = *(volatile __u64 *)&s->name_len;
        weir_store64(&s->names[at], at < end ? weir_load64(&s->asked.name[at]) : 0);
    }
    end = *(volatile __u64 *)&s->name_len - 1;
    WEIR_BOUND(end, 255);
    weir_store64(&s->names[end], 0);
    return weir_dns_hash_name(slot, weir_name_seed);
}

/* Is the question an allowed name behind which the resolver put a search suffix? */
__attribute__((noinline)) int weir_dns_is_search(__u32 slot, __u32 scope_id) {
    struct weir_dns_state *s = weir_dns_state_of(slot);

    if (!s) return 0;
    weir_dns_find_cuts(slot, scope_id);
    for (__u32 i = 0; i < WEIR_DNS_CUTS; i++) {
        if (i >= s->n_cuts) break;
        if (weir_dns_cut(slot, i)) return 0;
        if (weir_dns_find(slot, scope_id) && !(s->match_flags & WEIR_N_DENY)) return 1;
    }
    return 0;
}

/* Judges the question in names[0..], which is hashed. Returns WEIR_WHY_*; s->match is valid when a rule spoke. */
__attribute__((noinline)) int weir_dns_match(__u32 slot, __u32 scope_id) {
    struct weir_dns_state *s = weir_dns_state_of(slot);
    int why = WEIR_WHY_NAME;

    if (!s) return WEIR_WHY_DNS_FORM;
    s->match_rule_id = WEIR_RULE_NONE;
    if (!weir_dns_find(slot, scope_id)) {
        s->match_rule_id = WEIR_RULE_NONE;
        if (!weir_dns_is_search(slot, scope_id)) {
            s->match_rule_id = WEIR_RULE_NONE;
            return WEIR_WHY_DNS_NAME;
        }
        why = WEIR_WHY_SEARCH;
    } else if (s->match_flags & WEIR_N_DENY) {
        return WEIR_WHY_DENY_RULE;
    }
    return weir_dns_type_is_known(s->qtype) ? why : WEIR_WHY_DNS_TYPE;
}

#endif /* WEIR_DNS_MATCH_BPF_H */

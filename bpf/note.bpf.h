/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/* What happens again and again is one event and a count: the table of flows, which also deduplicates findings. */
#ifndef WEIR_NOTE_BPF_H
#define WEIR_NOTE_BPF_H

#include "event.bpf.h"

/* Is there room in the table for one more flow of this scope? Approximate by design: CPUs may overshoot by one each. */
static __always_inline int weir_flow_share(__u32 scope_id) {
    struct weir_usage *usage = bpf_map_lookup_elem(&weir_usage, &scope_id);

    if (!usage || usage->flows >= WEIR_MAX_SCOPE_FLOWS) return 0;
    __sync_fetch_and_add(&usage->flows, 1);
    return 1;
}

static __always_inline void weir_flow_unshare(__u32 scope_id) {
    struct weir_usage *usage = bpf_map_lookup_elem(&weir_usage, &scope_id);

    if (usage) __sync_fetch_and_add(&usage->flows, -1);
}

/*
 * One more connect, send, query or refused packet of a flow. Returns 1 when it is the first of its kind, which makes it an
 * event. When the table is full each one is: a destination is never unseen only because there were many. What is lost then
 * is the deduplication, and the ring counts its own loss.
 */
static __noinline int weir_flow_note(const struct weir_flow_key *key, __u32 rule_id, __u32 tgid) {
    struct weir_flow *flow = bpf_map_lookup_elem(&weir_flows, key);
    __u64 now = weir_now();

    if (flow) {
        __sync_fetch_and_add(&flow->count, 1);
        flow->last_ns = now;
        return 0;
    }
    if (weir_flow_share(key->scope_id)) {
        struct weir_flow fresh = {.first_ns = now, .last_ns = now, .count = 1, .rule_id = rule_id, .tgid = tgid};

        if (!bpf_map_update_elem(&weir_flows, key, &fresh, BPF_NOEXIST)) return 1;
        /* Another CPU was first, or the table is full. */
        weir_flow_unshare(key->scope_id);
        flow = bpf_map_lookup_elem(&weir_flows, key);
        if (flow) {
            __sync_fetch_and_add(&flow->count, 1);
            return 0;
        }
    }
    weir_count(key->scope_id, WEIR_C_FLOWS_FULL);
    return 1;
}

/* The same finding of the same process image is one event, so that a loop cannot fill the ring. */
static __always_inline void weir_find_once(const struct weir_who *who, const struct weir_found *found) {
    struct weir_flow_key key = {.exec_id = who->exec_id,
                                .scope_id = who->scope_id,
                                .step = who->step,
                                .port = (__be16)found->guard_class,
                                .verdict = found->verdict,
                                .hook = WEIR_HOOK_FINDING,
                                .why = (__u8)found->finding};

    __builtin_memcpy(key.addr, &found->value, sizeof(found->value));
    if (weir_flow_note(&key, WEIR_RULE_NONE, who->tgid)) weir_find(who, found);
}

#endif /* WEIR_NOTE_BPF_H */

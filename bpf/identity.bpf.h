/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/* Who is acting: the current task's scope, a scope's settings, and its counters. */
#ifndef WEIR_IDENTITY_BPF_H
#define WEIR_IDENTITY_BPF_H

#include "maps.bpf.h"
#include "scope.bpf.h"

static __always_inline __u64 weir_now(void) {
    return bpf_ktime_get_boot_ns();
}

/* The tgid by CO-RE: bpf_get_current_pid_tgid() is not there for every cgroup hook of 5.10. */
static __always_inline __u32 weir_current_tgid(void) {
    struct task_struct *task = (void *)bpf_get_current_task();
    return (__u32)BPF_CORE_READ(task, tgid);
}

/* Null: the current task is outside every scope. Only for hooks in process context. */
static __always_inline struct weir_task *weir_current(__u32 *tgid) {
    struct weir_task *task;

    *tgid = weir_current_tgid();
    task = bpf_map_lookup_elem(&weir_tasks, tgid);
    if (task || !weir_any_untracked()) return task;
    return weir_stand_in((void *)bpf_get_current_task());
}

/*
 * The same value, of which the verifier knows nothing: two 4-byte stores, one 8-byte load. Without this it walks the rest of a
 * program once for every constant that a decision can return; with it the paths join. Loading the programs is most of what the
 * start of a sensor costs.
 */
static __always_inline __u32 weir_opaque(__u32 value) {
    volatile __u32 pair[2] __attribute__((aligned(8)));

    pair[0] = value;
    pair[1] = value;
    return (__u32) * (volatile __u64 *)pair;
}

/* The same for an address, whatever form it had. */
static __always_inline void weir_forget(__u32 words[4]) {
    words[0] = weir_opaque(words[0]);
    words[1] = weir_opaque(words[1]);
    words[2] = weir_opaque(words[2]);
    words[3] = weir_opaque(words[3]);
}

static __always_inline const struct weir_scope *weir_scope_of(__u32 scope_id) {
    return bpf_map_lookup_elem(&weir_scopes, &scope_id);
}

static __always_inline void weir_count(__u32 scope_id, __u32 counter) {
    struct weir_counts *counts = bpf_map_lookup_elem(&weir_counts, &scope_id);
    /* Atomic although per CPU: a softirq or a tracepoint can interrupt a hook between its load and its store. */
    if (counts && counter < WEIR_COUNTERS) __sync_fetch_and_add(&counts->n[counter], 1);
}

static __always_inline void weir_count_verdict(__u32 scope_id, __u32 hook, __u32 verdict) {
    weir_count(scope_id, WEIR_C_VERDICT + (hook & 7) * 4 + (verdict & 3));
}

#endif /* WEIR_IDENTITY_BPF_H */

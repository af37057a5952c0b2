/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * Which step of a workflow a process is of (abi.h, weir_steps). Nothing that a job does gives it another number: what counts
 * is who forked, and that is the kernel's to say.
 */
#ifndef WEIR_STEP_BPF_H
#define WEIR_STEP_BPF_H

#include "image.bpf.h"

/* Is it the process that the sensor means? A tgid can be another's later, so its start is compared. */
static __always_inline int weir_step_is_worker(const struct weir_step *steps, __u32 tgid, __u64 start_ns) {
    return steps->tgid == tgid && steps->start_ns / WEIR_TICK_NS == start_ns / WEIR_TICK_NS;
}

/* A process comes into the scope by its cgroup, or (a service of a host that is a job's) into the job's own: a container's, or
 * one that somebody moves. */
static __always_inline void weir_step_join(struct weir_task *entry, __u32 tgid) {
    struct weir_step_key key = {.scope_id = entry->scope_id};
    const struct weir_step *steps = bpf_map_lookup_elem(&weir_steps, &key);

    if (!steps) return;
    if (weir_step_is_worker(steps, tgid, entry->start_ns)) entry->flags |= WEIR_T_WORKER;
    if (!entry->step && !steps->lost) entry->step = steps->begun;
}

/* A number for the step whose first process this is, of which the Worker's threads may start several at once; 0: the table has
 * no room for it. Numbers have no holes: a claim is always of the first that is free. */
__weak __noinline __u32 weir_step_begin(__u32 scope_id, __u32 tgid) {
    struct weir_step_key key = {.scope_id = scope_id};
    struct weir_step claim = {.start_ns = weir_now(), .tgid = tgid};
    struct weir_step *steps = bpf_map_lookup_elem(&weir_steps, &key);
    __u32 step = 0;

    if (!steps) return 0;
    key.step = steps->begun;
    for (__u32 i = 0; i < WEIR_STEPS_KEPT && !step; i++) {
        key.step++;
        if (!bpf_map_update_elem(&weir_steps, &key, &claim, BPF_NOEXIST)) step = key.step;
    }
    if (!step) return 0;
    __sync_fetch_and_add(&steps->begun, 1);
    weir_count(scope_id, WEIR_C_STEPS);
    if (step <= WEIR_STEPS_KEPT) return step;
    key.step = step - WEIR_STEPS_KEPT;
    bpf_map_delete_elem(&weir_steps, &key);
    return step;
}

#endif /* WEIR_STEP_BPF_H */

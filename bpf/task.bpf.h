/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * The table of tasks: adding and removing under each scope's share.
 *
 * Failure direction: a task that finds no room is counted, and from then on tasks that are not in the table are judged
 * by their cgroup (scope.bpf.h). What is lost is the task's own record and its stickiness, not the verdict.
 */
#ifndef WEIR_TASK_BPF_H
#define WEIR_TASK_BPF_H

#include "event.bpf.h"

/* exec_id = CPU << WEIR_EXEC_CPU_SHIFT | counter of that CPU. */
#define WEIR_EXEC_CPU_SHIFT 48
#define WEIR_EXEC_COUNTER_MASK ((1ull << WEIR_EXEC_CPU_SHIFT) - 1)

/* Unique until reboot. The counter begins at the boot time in units of 1,024 ns, which no CPU can exec faster than, so
 * that ids stay unique even when the map that holds it was lost and made anew. */
static __always_inline __u64 weir_exec_id_new(void) {
    __u32 zero = 0;
    __u64 *last = bpf_map_lookup_elem(&weir_exec_ids, &zero);

    if (!last) return 0;
    if (!*last) *last = weir_now() >> 10;
    ++*last;
    return (__u64)bpf_get_smp_processor_id() << WEIR_EXEC_CPU_SHIFT | (*last & WEIR_EXEC_COUNTER_MASK);
}

static __always_inline void weir_usage_tasks(__u32 scope_id, __s64 change) {
    struct weir_usage *usage = bpf_map_lookup_elem(&weir_usage, &scope_id);

    if (usage) __sync_fetch_and_add(&usage->tasks, change);
}

/* Approximate by design: CPUs may overshoot by one each. */
static __always_inline int weir_task_share(__u32 scope_id) {
    const struct weir_usage *usage = bpf_map_lookup_elem(&weir_usage, &scope_id);

    return !usage || usage->tasks < WEIR_MAX_SCOPE_TASKS;
}

/* 1: removed; 0: it was not there. Of several callers one gets 1. */
static __always_inline int weir_task_remove(__u32 tgid, __u32 scope_id) {
    if (bpf_map_delete_elem(&weir_tasks, &tgid)) return 0;
    weir_usage_tasks(scope_id, -1);
    return 1;
}

/* The entry of a process; null: it has none. An entry that another process of the same number left behind, which takes a
 * death that no program saw, goes. One without a scope is a canary's that waits to be moved. */
static __always_inline struct weir_task *weir_task_of(struct task_struct *task, __u32 tgid) {
    struct weir_task *entry = bpf_map_lookup_elem(&weir_tasks, &tgid);

    if (!entry || !entry->scope_id || entry->start_ns == BPF_CORE_READ(task, group_leader, start_boottime))
        return entry;
    weir_task_remove(tgid, entry->scope_id);
    return 0;
}

static __always_inline void weir_task_untracked(__u32 scope_id) {
    struct weir_task stand_in = {.scope_id = scope_id};
    struct weir_step_key of_scope = {.scope_id = scope_id};
    struct weir_step *steps = bpf_map_lookup_elem(&weir_steps, &of_scope);
    __u32 zero = 0;
    __u64 *untracked = bpf_map_lookup_elem(&weir_untracked, &zero);

    weir_count(scope_id, WEIR_C_TASKS_FULL);
    if (steps) steps->lost = 1;
    /* First who it is judged as, then that anybody needs to ask. */
    bpf_map_update_elem(&weir_stand_ins, &scope_id, &stand_in, BPF_NOEXIST);
    if (untracked) __sync_fetch_and_add(untracked, 1);
}

/* Puts `fresh` in the place of whatever had this tgid before. 0: tracked. */
static __always_inline int weir_task_add(__u32 tgid, const struct weir_task *fresh) {
    const struct weir_task *stale = bpf_map_lookup_elem(&weir_tasks, &tgid);

    if (stale) weir_task_remove(tgid, stale->scope_id);
    if (!weir_task_share(fresh->scope_id) || bpf_map_update_elem(&weir_tasks, &tgid, fresh, BPF_ANY)) {
        weir_task_untracked(fresh->scope_id);
        return -1;
    }
    weir_usage_tasks(fresh->scope_id, 1);
    return 0;
}

#endif /* WEIR_TASK_BPF_H */

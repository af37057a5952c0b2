/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * Which scope a cgroup belongs to. Asked when a task enters a cgroup; and, while weir_tasks has no room for some task,
 * for every task that is not in it, so that an overflow ends in a verdict and not in a way out.
 */
#ifndef WEIR_SCOPE_BPF_H
#define WEIR_SCOPE_BPF_H

#include "maps.bpf.h"

/* A job's cgroup is two levels below the attach root and container engines add about four. A task that enters deeper
 * than this below every listed cgroup stays outside; tasks of a job are not affected, they inherit their scope. */
#define WEIR_CGROUP_DEPTH 64

static __always_inline struct cgroup *weir_parent_cgroup(struct cgroup *cgroup) {
    struct cgroup_subsys_state *parent = BPF_CORE_READ(cgroup, self.parent);

    return parent ? (void *)parent - bpf_core_field_offset(struct cgroup, self) : 0;
}

/* Somebody enters a scope whose cgroup this is. Whoever is first says where; a second place ends it for all. The level is
 * written last and counts only when it is there. */
static __always_inline void weir_births_note(struct cgroup *of_scope) {
    struct cgroup *parent = weir_parent_cgroup(of_scope);
    __u32 zero = 0;
    struct weir_births *births = bpf_map_lookup_elem(&weir_births, &zero);
    __u64 id;

    if (!births || births->places > 1) return;
    if (!parent) {
        births->places = 2; /* the root itself is a scope's: no place tells who is outside */
        return;
    }
    id = BPF_CORE_READ(parent, kn, id);
    if (births->cgroup_id == id) return;
    __sync_fetch_and_add(&births->places, 1);
    if (births->places != 1) return;
    births->cgroup_id = id;
    births->level = BPF_CORE_READ(parent, level);
}

/*
 * scope_id of the nearest listed cgroup at or above `cgroup` (a struct cgroup * of the default hierarchy); 0: none.
 * A global function, because it is then verified once and not at each call; such functions take only scalars on 5.10.
 */
__weak __noinline __u32 weir_scope_of_cgroup(__u64 cgroup) {
    struct cgroup *at = (void *)cgroup;

    for (int depth = 0; depth < WEIR_CGROUP_DEPTH; depth++) {
        __u64 id = BPF_CORE_READ(at, kn, id);
        const __u32 *scope_id = bpf_map_lookup_elem(&weir_cgroups, &id);

        if (scope_id) {
            weir_births_note(at);
            return *scope_id;
        }
        at = weir_parent_cgroup(at);
        if (!at) return 0;
    }
    return 0;
}

static __always_inline __u64 weir_cgroup_of(struct task_struct *task) {
    return (__u64)BPF_CORE_READ(task, cgroups, dfl_cgrp);
}

/* Has weir_tasks ever been too small? One array read, which is what tasks outside every scope pay for it. */
static __always_inline int weir_any_untracked(void) {
    __u32 zero = 0;
    const __u64 *untracked = bpf_map_lookup_elem(&weir_untracked, &zero);

    return !untracked || *untracked;
}

#define WEIR_PF_KTHREAD 0x00200000 /* include/linux/sched.h; cleared by exec */

static __always_inline int weir_is_kernel_thread(struct task_struct *task) {
    return !!(BPF_CORE_READ(task, flags) & WEIR_PF_KTHREAD);
}

/* Who a task that is not in weir_tasks is taken for; null: it is outside every scope. Kernel threads are in the root's cgroup,
 * which may be a scope's, and belong to nobody. */
static __always_inline struct weir_task *weir_stand_in(struct task_struct *task) {
    __u32 scope_id;

    if (weir_is_kernel_thread(task)) return 0;
    scope_id = weir_scope_of_cgroup(weir_cgroup_of(task));

    return scope_id ? bpf_map_lookup_elem(&weir_stand_ins, &scope_id) : 0;
}

#endif /* WEIR_SCOPE_BPF_H */

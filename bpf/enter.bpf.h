/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/* A process comes into a scope other than by birth, or moves away from its cgroup. */
#ifndef WEIR_ENTER_BPF_H
#define WEIR_ENTER_BPF_H

#include "step.bpf.h"

/* Has the last thread begun to exit? Then the exit record is written, or about to be. */
static __always_inline int weir_task_gone(struct task_struct *task) {
    return BPF_CORE_READ(task, signal, live.counter) == 0;
}

/* The canary is put into weir_tasks by the sensor before it is moved, with scope 0: what is tested is that the move
 * brings it into the scope. It leaves no record. */
static __always_inline int weir_enter_canary(__u32 tgid, __u32 scope_id, __u64 start_ns) {
    struct weir_task *entry = bpf_map_lookup_elem(&weir_tasks, &tgid);

    if (!entry || !(entry->flags & WEIR_T_CANARY) || entry->scope_id) return 0;
    entry->exec_id = weir_exec_id_new();
    entry->start_ns = start_ns;
    entry->scope_id = scope_id;
    weir_usage_tasks(scope_id, 1);
    return 1;
}

/* Is the cgroup (a struct cgroup *) at or below the one with this id? */
__weak __noinline int weir_is_below(__u64 cgroup, __u64 id) {
    struct cgroup *at = (void *)cgroup;

    for (int depth = 0; depth < WEIR_CGROUP_DEPTH; depth++) {
        if (BPF_CORE_READ(at, kn, id) == id) return 1;
        at = weir_parent_cgroup(at);
        if (!at) return 0;
    }
    return 0;
}

/* WEIR_T_SERVICE for a task that is the scope's only because the host is. */
static __always_inline __u32 weir_service_flag(__u32 scope_id, __u64 cgroup) {
    const struct weir_scope *scope = weir_scope_of(scope_id);

    return scope && scope->flags & WEIR_S_HOST && !weir_is_below(cgroup, scope->cgroup_id) ? WEIR_T_SERVICE : 0;
}

/* Gives the process of `task_address` an identity in the scope and records what it runs, so that the tree of its
 * descendants has a root. `readable`: see weir_image_args. */
__weak __noinline int weir_enter(__u64 task_address, __u32 scope_id, __u32 readable) {
    struct task_struct *task = (void *)task_address;
    __u32 tgid = BPF_CORE_READ(task, tgid);
    __u32 ppid = BPF_CORE_READ(task, group_leader, real_parent, tgid);
    const struct weir_task *parent = bpf_map_lookup_elem(&weir_tasks, &ppid);
    struct weir_task fresh = {.scope_id = scope_id, .ppid = ppid};

    fresh.start_ns = BPF_CORE_READ(task, group_leader, start_boottime);
    if (weir_enter_canary(tgid, scope_id, fresh.start_ns)) return 0;
    fresh.flags = weir_service_flag(scope_id, weir_cgroup_of(task));
    fresh.exec_id = weir_exec_id_new();
    weir_step_join(&fresh, tgid);
    if (parent && parent->scope_id == scope_id) fresh.parent_exec_id = parent->exec_id;
    if (!weir_image_identify(task_address)) fresh.proc_mask = weir_image_mask(scope_id);
    if (weir_task_add(tgid, &fresh)) return -1;
    weir_image_send(task_address, tgid, WEIR_IMAGE_ENTERED | (readable ? WEIR_IMAGE_READABLE : 0));
    /* It may have died between the caller's look and the entry; nobody else would remove that. */
    if (weir_task_gone(task)) weir_task_remove(tgid, scope_id);
    return 0;
}

/* A task of a scope is in another cgroup now. Its identity stays; that it moved is a finding, once. A service of the host that
 * comes into the job's own cgroup is the job's from now on. */
static __always_inline void weir_check_left(__u32 tgid, struct weir_task *entry, __u64 cgroup) {
    struct cgroup *at = (void *)cgroup;
    struct weir_who who;

    if (entry->flags & WEIR_T_SERVICE && !weir_service_flag(entry->scope_id, cgroup)) {
        entry->flags &= ~WEIR_T_SERVICE;
        weir_step_join(entry, tgid);
    }
    if (entry->flags & (WEIR_T_LEFT | WEIR_T_CANARY) || weir_scope_of_cgroup(cgroup) == entry->scope_id) return;
    entry->flags |= WEIR_T_LEFT;
    who = weir_who_task(entry, tgid);
    weir_finding(&who, WEIR_F_LEFT_CGROUP, BPF_CORE_READ(at, kn, id));
}

#endif /* WEIR_ENTER_BPF_H */

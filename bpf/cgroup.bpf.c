// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// Copyright the Weir authors
// Tasks that are moved between cgroups: into a scope, and out of its cgroups.
#include "enter.bpf.h"

/* TP_PROTO(struct cgroup *dst_cgrp, const char *path, struct task_struct *task, bool threadgroup), include/trace/events/
 * cgroup.h. Runs after the move. With threadgroup unset, `task` is a single thread: its whole process enters. Also runs
 * for a move to the cgroup that the task is in already, which is how the sensor takes in tasks that were there first. */
SEC("raw_tp/cgroup_attach_task")
int weir_attach(struct bpf_raw_tracepoint_args *ctx) {
    struct cgroup *cgroup = (void *)ctx->args[0];
    struct task_struct *task = (void *)ctx->args[2];
    struct task_struct *current = (void *)bpf_get_current_task();
    __u32 tgid = BPF_CORE_READ(task, tgid);
    struct weir_task *entry;
    __u32 scope_id;

    /* A version 1 hierarchy: its cgroups make no scope, and its ids would be mistaken for ones that do. */
    if (BPF_CORE_READ(cgroup, root, hierarchy_id)) return 0;
    entry = weir_task_of(task, tgid);
    if (entry && entry->scope_id) {
        weir_check_left(tgid, entry, (__u64)cgroup);
        return 0;
    }
    scope_id = weir_scope_of_cgroup((__u64)cgroup);
    if (!scope_id || weir_task_gone(task)) return 0;
    weir_enter((__u64)task, scope_id, BPF_CORE_READ(task, mm) == BPF_CORE_READ(current, mm));
    return 0;
}

// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// Copyright the Weir authors
// Birth, exec and death of processes. Identity is kept even when the ring refuses the record of it.
#include "enter.bpf.h"

#define WEIR_CLONE_INTO_CGROUP 0x200000000ull /* include/uapi/linux/sched.h; since 5.7 */
#define WEIR_SIGNAL_GROUP_EXIT 0x00000004     /* include/linux/sched/signal.h */

static __always_inline void weir_fork_record(__u32 tgid, const struct weir_task *child) {
    struct weir_fork_event record = {.start_ns = child->start_ns, .ppid = child->ppid};
    const struct weir_who who = weir_who_task(child, tgid);

    weir_event_begin(&record.event, WEIR_E_FORK, &who);
    weir_count(child->scope_id, WEIR_C_FORKS);
    weir_event_output(child->scope_id, &record, sizeof(record), WEIR_C_LOST_FORK);
}

/* The child of a scope's task is the scope's, whatever cgroup it starts in, and its parent's step's, unless the parent is the
 * Runner.Worker, of whose children each is a step's first process. Who forked is the current task: clone(CLONE_PARENT) makes no
 * process the Worker's child that the Worker did not fork. */
static __always_inline void weir_fork_inherit(struct task_struct *task, __u32 tgid, const struct weir_task *parent,
                                              __u64 clone_flags) {
    struct weir_task child = *parent;
    struct weir_task *entry;

    child.flags &= WEIR_T_LEFT | WEIR_T_CANARY | WEIR_T_SERVICE;
    child.ppid = BPF_CORE_READ(task, real_parent, tgid);
    child.start_ns = BPF_CORE_READ(task, start_boottime);
    if (parent->flags & WEIR_T_WORKER) {
        child.flags |= WEIR_T_BEGINS;
        child.step = weir_step_begin(child.scope_id, tgid);
    }
    if (weir_task_add(tgid, &child)) return;
    if (!(child.flags & WEIR_T_CANARY)) weir_fork_record(tgid, &child);
    if (!(clone_flags & WEIR_CLONE_INTO_CGROUP)) return;
    entry = bpf_map_lookup_elem(&weir_tasks, &tgid);
    if (entry) weir_check_left(tgid, entry, weir_cgroup_of(task));
}

/* The child of a stranger: in a scope only if it was put into one's cgroup at birth, if weir_tasks has no room for its parent,
 * or if the host is one's and the parent is not (a kernel thread that starts a helper). Asking for its entry removes a stale one, so that no hook takes it for the process that had its number. */
static __always_inline void weir_fork_stranger(struct task_struct *task, __u32 tgid, __u64 clone_flags) {
    __u32 scope_id;

    weir_task_of(task, tgid);
    if (!(clone_flags & WEIR_CLONE_INTO_CGROUP) && !weir_any_untracked()) return;
    if (weir_is_kernel_thread(task)) return;
    scope_id = weir_scope_of_cgroup(weir_cgroup_of(task));
    /* The parent's memory still holds what the child's does. */
    if (scope_id) weir_enter((__u64)task, scope_id, 1);
}

/* TP_PROTO(struct task_struct *task, u64 clone_flags), include/trace/events/task.h. The child is in its cgroup and has not
 * run yet. */
SEC("raw_tp/task_newtask")
int weir_fork(struct bpf_raw_tracepoint_args *ctx) {
    struct task_struct *task = (void *)ctx->args[0];
    __u32 tgid = BPF_CORE_READ(task, tgid);
    __u32 parent_tgid = weir_current_tgid();
    const struct weir_task *parent;

    if (tgid != (__u32)BPF_CORE_READ(task, pid)) return 0; /* a thread: its process is known */
    parent = weir_task_of((void *)bpf_get_current_task(), parent_tgid);
    if (parent && parent->scope_id)
        weir_fork_inherit(task, tgid, parent, ctx->args[1]);
    else
        weir_fork_stranger(task, tgid, ctx->args[1]);
    return 0;
}

/* TP_PROTO(struct task_struct *p, pid_t old_pid, struct linux_binprm *bprm), include/trace/events/sched.h. The new image
 * is in place and has not run; other threads are gone, so nobody acts under the old identity. */
SEC("raw_tp/sched_process_exec")
int weir_exec(struct bpf_raw_tracepoint_args *ctx) {
    struct task_struct *task = (void *)ctx->args[0];
    __u32 tgid = BPF_CORE_READ(task, tgid);
    struct weir_task *entry = weir_task_of(task, tgid);
    __u32 scope_id, how = WEIR_IMAGE_READABLE;

    if (!entry || !entry->scope_id) {
        /* A task that found no room may find some now. */
        if (!weir_any_untracked()) return 0;
        scope_id = weir_scope_of_cgroup(weir_cgroup_of(task));
        if (scope_id) weir_enter((__u64)task, scope_id, 1);
        return 0;
    }
    if (entry->flags & WEIR_T_CANARY) return 0;
    entry->parent_exec_id = entry->exec_id;
    entry->exec_id = weir_exec_id_new();
    entry->ppid = BPF_CORE_READ(task, real_parent, tgid);
    entry->proc_mask = weir_image_identify((__u64)task) ? 0 : weir_image_mask(entry->scope_id);
    if (entry->flags & WEIR_T_BEGINS) {
        entry->flags &= ~WEIR_T_BEGINS;
        how |= WEIR_IMAGE_STEP;
    }
    weir_image_send((__u64)task, tgid, how);
    return 0;
}

/* What wait(2) will say of the process (kernel/exit.c, wait_task_zombie). */
static __always_inline __u32 weir_wait_status(struct task_struct *task) {
    if (BPF_CORE_READ(task, signal, flags) & WEIR_SIGNAL_GROUP_EXIT)
        return BPF_CORE_READ(task, signal, group_exit_code);
    return BPF_CORE_READ(task, group_leader, exit_code);
}

/* TP_PROTO(struct task_struct *p, …), include/trace/events/sched.h. Runs for each thread; the last one ends the process.
 * Several may find live == 0 at once: the one that removes the entry records it. */
SEC("raw_tp/sched_process_exit")
int weir_exit(struct bpf_raw_tracepoint_args *ctx) {
    struct task_struct *task = (void *)ctx->args[0];
    __u32 tgid = BPF_CORE_READ(task, tgid);
    const struct weir_task *entry = weir_task_of(task, tgid);
    struct weir_exit_event record = {};
    struct weir_who who;
    __u32 scope_id, flags;

    if (!entry || !weir_task_gone(task)) return 0;
    scope_id = entry->scope_id;
    flags = entry->flags;
    who = weir_who_task(entry, tgid);
    weir_event_begin(&record.event, WEIR_E_EXIT, &who);
    record.code = weir_wait_status(task);
    if (!weir_task_remove(tgid, scope_id) || flags & WEIR_T_CANARY) return 0;
    weir_count(scope_id, WEIR_C_EXITS);
    weir_event_output(scope_id, &record, sizeof(record), WEIR_C_LOST_EXIT);
    return 0;
}

/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * The guard's judgement: what a task of a scope must not do to its guard, to the runner, or past every cgroup hook. Each
 * hook finds out which class of attempt it sees and asks here. Tasks outside every scope pay one lookup.
 *
 * Who acts is the current task. Kernel threads that work for a task (io_uring's, since 5.10.162 and 5.12) are of its thread
 * group. Programs that the kernel starts on its own account (/sbin/modprobe, /sbin/request-key) are not, even when a job asked
 * for what they do: whoever may write those files has a deputy. The sensor must list them as guarded, and their directory's
 * entries that do not exist cannot be.
 */
#ifndef WEIR_GUARD_BPF_H
#define WEIR_GUARD_BPF_H

#include "guard_maps.bpf.h"
#include "note.bpf.h"
/* after linux/types.h */
#include <bpf/bpf_tracing.h>

#define WEIR_EPERM 1
/* include/uapi/linux/stat.h */
#define WEIR_S_IFMT 0170000
#define WEIR_S_IFSOCK 0140000

/* The fallback (fallback.bpf.c) defines this as 1 and shares the rest: it cannot refuse, so it ends who tries. */
#ifndef WEIR_GUARD_KILLS
#define WEIR_GUARD_KILLS 0
#endif
#define WEIR_SIGKILL 9

/* The acting task, when the guard has anything to say about it; null: outside every scope. Canaries are judged, too: one of
 * them proves the guard. */
static __always_inline const struct weir_task *weir_guarded_task(__u32 *tgid) {
    const struct weir_task *task = weir_current(tgid);

    return task && task->scope_id ? task : 0;
}

/* The acting task's scope; 0: outside every scope. Asked before anything but arguments is read. */
static __always_inline __u32 weir_guarded_scope(void) {
    __u32 tgid;
    const struct weir_task *task = weir_guarded_task(&tgid);

    return task ? task->scope_id : 0;
}

/* A hook's argument as a number: the verifier passes no typed pointer to a global function, and 5.10 no other kind. */
static __always_inline void *weir_plain(const void *pointer) {
    void *value = 0;

    bpf_probe_read_kernel(&value, sizeof(value), &pointer);
    return value;
}

/* Is the attempt denied? Counts it. `spare`: the fallback ends nobody for it. */
static __always_inline int weir_guard_denies(struct weir_guard_scope *guard, __u32 guard_class, int spare) {
    __u32 bit = 1u << guard_class;

    if (!(guard->deny & bit)) return 0;
#if WEIR_GUARD_KILLS
    /* Refused by the kernel for its first process, and for one that is ending anyway: then it is only reported. */
    if (spare || !(guard->kill & bit) || bpf_send_signal(WEIR_SIGKILL)) return 0;
#endif
    __sync_fetch_and_add(&guard->denied[guard_class], 1);
    return 1;
}

/* Services of a host that is a job's do what services do. */
static __always_inline int weir_guard_spares(const struct weir_task *task, const struct weir_guard_scope *guard,
                                             __u32 guard_class) {
    return task->flags & WEIR_T_SERVICE && !(guard->services & (1u << guard_class));
}

/*
 * Judges an attempt of the current task. Returns 0 (go on) or -EPERM. Recorded once for each process image, class, verdict
 * and value; counted always. A global function, so that the verifier walks it once.
 */
__weak __noinline int weir_guard_judge_spare(__u32 guard_class, __u64 value, __u32 spare) {
    struct weir_who who =
        {}; /* its members serve as keys, too: the stack is short under the fallback's longest calls */
    const struct weir_task *task = weir_guarded_task(&who.tgid);
    struct weir_found found = {.value = value, .finding = WEIR_F_GUARD, .guard_class = (__u16)guard_class};
    struct weir_guard_scope *guard;

    if (!task || guard_class >= WEIR_GUARD_CLASSES) return 0;
    who = weir_who_task(task, who.tgid);
    guard = bpf_map_lookup_elem(&weir_guards, &who.scope_id);
    if (!guard) return -WEIR_EPERM;
    /* The compiler knows already, and tells the verifier nothing. */
    asm volatile("%0 &= 31" : "+r"(guard_class));
    if (weir_guard_spares(task, guard, guard_class)) return 0;
    if (weir_guard_denies(guard, guard_class, (int)spare)) {
        found.verdict = WEIR_DENY;
    } else if ((guard->report | guard->deny) & (1u << guard_class)) {
        __sync_fetch_and_add(&guard->reported[guard_class], 1);
        found.verdict = WEIR_WOULD_DENY;
    } else {
        return 0;
    }
    if (!(task->flags & WEIR_T_CANARY)) weir_find_once(&who, &found);
    return found.verdict == WEIR_DENY ? -WEIR_EPERM : 0;
}

static __always_inline int weir_guard_judge(__u32 guard_class, __u64 value) {
    return weir_guard_judge_spare(guard_class, value, 0);
}

/* The same without a count and a record: for what the kernel asks on its own while it answers something harmless. */
static __always_inline int weir_guard_hide(__u32 scope_id, __u32 guard_class) {
    const struct weir_guard_scope *guard = bpf_map_lookup_elem(&weir_guards, &scope_id);

    return !guard || guard->deny & (1u << guard_class) ? -WEIR_EPERM : 0;
}

static __always_inline const struct weir_host *weir_host_entry(void) {
    __u32 zero = 0;
    return bpf_map_lookup_elem(&weir_host, &zero);
}

/* Is this the network namespace in which the sensor runs? Not known: every one counts as it. */
static __always_inline int weir_is_host_net(struct net *net) {
    const struct weir_host *host = weir_host_entry();

    return !host || !host->netns_inode || BPF_CORE_READ(net, ns.inum) == host->netns_inode;
}

/* Whose process is it, WEIR_P_*? 0: nobody's whom the guard protects. */
static __always_inline __u32 weir_protects_anywhere(struct task_struct *task) {
    __u32 tgid = BPF_CORE_READ(task, tgid);
    const struct weir_protected *entry = bpf_map_lookup_elem(&weir_protected, &tgid);
    __u64 start_ns;

    if (!entry) return 0;
    start_ns = BPF_CORE_READ(task, group_leader, start_boottime);
    return !entry->start_ns || entry->start_ns / WEIR_TICK_NS == start_ns / WEIR_TICK_NS ? entry->who : 0;
}

/* The same for what the current task does. Nobody is protected from itself: Runner.Worker is in its job's scope, and its runtime
 * stops its own threads by signals. */
static __always_inline __u32 weir_protects(struct task_struct *task) {
    __u32 tgid = BPF_CORE_READ(task, tgid);

    if (tgid == (__u32)(bpf_get_current_pid_tgid() >> 32)) return 0;
    return weir_protects_anywhere(task);
}

/* Does another task belong to this scope? */
static __always_inline int weir_is_member(struct task_struct *task, __u32 scope_id) {
    __u32 tgid = BPF_CORE_READ(task, tgid);
    const struct weir_task *entry = bpf_map_lookup_elem(&weir_tasks, &tgid);

    if (entry)
        return entry->scope_id == scope_id && entry->start_ns == BPF_CORE_READ(task, group_leader, start_boottime);
    return weir_any_untracked() && weir_scope_of_cgroup(weir_cgroup_of(task)) == scope_id;
}

#endif /* WEIR_GUARD_BPF_H */

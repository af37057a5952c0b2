/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * The guard's judgement: what a task of a scope must not do to its guard, to the runner, or past every cgroup hook. Each
 * hook finds out which class of attempt it sees and asks here. Tasks outside every scope pay one lookup.
 */
#ifndef WEIR_GUARD_BPF_H
#define WEIR_GUARD_BPF_H

#include "guard_maps.bpf.h"
#include "note.bpf.h"
/* after linux/types.h */
#include <bpf/bpf_tracing.h>

#define WEIR_EPERM 1

/* The acting task, when the guard has anything to say about it; null: outside every scope. */
static __always_inline const struct weir_task *weir_guarded_task(__u32 *tgid) {
    const struct weir_task *task = weir_current(tgid);

    return task && task->scope_id && !(task->flags & WEIR_T_CANARY) ? task : 0;
}

/*
 * Judges an attempt of the current task. Returns 0 (go on) or -EPERM. Recorded once for each process image, class, verdict
 * and value; counted always. A global function, so that the verifier walks it once.
 */
__noinline int weir_guard_judge(__u32 guard_class, __u64 value) {
    __u32 tgid;
    const struct weir_task *task = weir_guarded_task(&tgid);
    struct weir_found found = {.value = value, .finding = WEIR_F_GUARD, .guard_class = (__u16)guard_class};
    struct weir_guard_scope *guard;
    __u32 scope_id;

    if (!task || guard_class >= WEIR_GUARD_CLASSES) return 0;
    scope_id = task->scope_id;
    guard = bpf_map_lookup_elem(&weir_guards, &scope_id);
    if (!guard) return -WEIR_EPERM;
    /* The compiler knows already, and tells the verifier nothing. */
    asm volatile("%0 &= 31" : "+r"(guard_class));
    if (guard->deny & (1u << guard_class)) {
        __sync_fetch_and_add(&guard->denied[guard_class], 1);
        found.verdict = WEIR_DENY;
    } else if (guard->report & (1u << guard_class)) {
        __sync_fetch_and_add(&guard->reported[guard_class], 1);
        found.verdict = WEIR_WOULD_DENY;
    } else {
        return 0;
    }
    weir_find_once(scope_id, task->exec_id, tgid, &found);
    return found.verdict == WEIR_DENY ? -WEIR_EPERM : 0;
}

#endif /* WEIR_GUARD_BPF_H */

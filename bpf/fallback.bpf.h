/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * The guard where the kernel lets no program on its functions refuse anything: tracepoints see what a job does and end it
 * (decision 0012). The judgement is the guard's own; only what follows from it differs.
 *
 * A signal does not stop a system call that has begun. So everything that yields a descriptor is judged when the call returns,
 * on the very object that it yielded: the process never executes another instruction. Calls whose effect is the call itself are
 * judged when they return with success, and their effect stays; the few that look for a fatal signal on the way are judged
 * before. What failed is no attempt.
 *
 * Failure direction: what cannot be read or recognised goes on. A build is killed only for what is certain.
 */
#ifndef WEIR_FALLBACK_BPF_H
#define WEIR_FALLBACK_BPF_H

#define WEIR_GUARD_KILLS 1

#include "guard.bpf.h"

/* Whose process has this number, as the current task counts? WEIR_P_*, 0: nobody's whom the guard protects. Within a process
 * namespace of its own a job cannot name them. The start of the process is out of reach here, so a number that a job's own
 * process has is not believed to be another's still. */
static __always_inline __u32 weir_protects_pid(__u32 pid) {
    struct task_struct *current = (void *)bpf_get_current_task();
    const struct weir_protected *entry;

    if (BPF_CORE_READ(current, thread_pid, level) || bpf_map_lookup_elem(&weir_tasks, &pid)) return 0;
    entry = bpf_map_lookup_elem(&weir_protected, &pid);
    return entry ? entry->who : 0;
}

static __always_inline int weir_judge_access(__u32 who, __u32 tgid) {
    if (!who) return 0;
    return weir_guard_judge(who == WEIR_P_RUNNER ? WEIR_G_RUNNER_MEMORY : WEIR_G_PTRACE, tgid);
}

/* Has the current task this capability, which counts for the whole host? */
static __always_inline int weir_is_capable(__u32 capability) {
    struct task_struct *current = (void *)bpf_get_current_task();
    const struct cred *cred = BPF_CORE_READ(current, cred);
    __u64 effective = 0;

    if (BPF_CORE_READ(cred, user_ns, level)) return 0;
    bpf_probe_read_kernel(&effective, sizeof(effective),
                          (void *)cred + bpf_core_field_offset(struct cred, cap_effective));
    return effective >> capability & 1;
}

#endif /* WEIR_FALLBACK_BPF_H */

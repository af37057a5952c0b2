/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * What a job does to other processes: signals, limits, priorities, memory. Programs on the kernel's security_* functions
 * (fmod_ret); they work without `bpf` in lsm=, and the first one that returns an error decides.
 */
#include "guard.bpf.h"

/* include/linux/ptrace.h */
#define WEIR_PTRACE_ATTACH 0x02
#define WEIR_PTRACE_NOAUDIT 0x04

/* A signal to a protected process, or its like. */
static __always_inline int weir_judge_signal(struct task_struct *target) {
    if (!weir_guarded_scope() || !weir_protects(target)) return 0;
    return weir_guard_judge(WEIR_G_SIGNAL, BPF_CORE_READ(target, tgid));
}

/* Signal 0 only asks whether somebody is there. */
SEC("fmod_ret/security_task_kill")
int BPF_PROG(weir_g_kill, struct task_struct *target, void *info, int sig, const struct cred *cred, int ret) {
    return ret || !sig ? ret : weir_judge_signal(target);
}

/*
 * Signals that a descriptor sends to its owner (F_SETOWN, F_SETSIG: any signal, SIGKILL too). They are sent by whoever makes
 * the descriptor ready, an interrupt included, so the current task says nothing about who meant it: protected processes get
 * none, and use none. Recorded when it was a job's task.
 */
SEC("fmod_ret/security_file_send_sigiotask")
int BPF_PROG(weir_g_sigio, struct task_struct *target, void *fown, int sig, int ret) {
    if (ret || !weir_protects_anywhere(target)) return ret;
    return weir_guarded_scope() ? weir_guard_judge(WEIR_G_SIGNAL, BPF_CORE_READ(target, tgid)) : -WEIR_EPERM;
}

SEC("fmod_ret/security_task_setrlimit")
int BPF_PROG(weir_g_rlimit, struct task_struct *target, unsigned int resource, void *limit, int ret) {
    return ret ? ret : weir_judge_signal(target);
}

SEC("fmod_ret/security_task_setscheduler")
int BPF_PROG(weir_g_sched, struct task_struct *target, int ret) {
    return ret ? ret : weir_judge_signal(target);
}

SEC("fmod_ret/security_task_setnice")
int BPF_PROG(weir_g_nice, struct task_struct *target, int nice, int ret) {
    return ret ? ret : weir_judge_signal(target);
}

SEC("fmod_ret/security_task_setioprio")
int BPF_PROG(weir_g_ioprio, struct task_struct *target, int ioprio, int ret) {
    return ret ? ret : weir_judge_signal(target);
}

/* move_pages, migrate_pages */
SEC("fmod_ret/security_task_movememory")
int BPF_PROG(weir_g_movemem, struct task_struct *target, int ret) {
    return ret ? ret : weir_judge_signal(target);
}

/*
 * ptrace, process_vm_readv, pidfd_getfd, /proc/PID/{mem,maps,environ,fd,exe,…}, perf, kcmp: one question for all of them. Of a
 * protected process nothing may be read; of another outside the scope nothing may be written. Without a record where the
 * kernel asks for no audit either: ps(1) reads /proc/PID/stat of everybody.
 */
SEC("fmod_ret/security_ptrace_access_check")
int BPF_PROG(weir_g_ptrace, struct task_struct *child, unsigned int mode, int ret) {
    __u32 scope_id = ret ? 0 : weir_guarded_scope();
    __u32 guard_class = WEIR_G_PTRACE;
    __u32 who;

    if (!scope_id) return ret;
    who = weir_protects(child);
    if (who == WEIR_P_RUNNER) guard_class = WEIR_G_RUNNER_MEMORY;
    if (!who && (!(mode & WEIR_PTRACE_ATTACH) || weir_is_member(child, scope_id))) return 0;
    if (mode & WEIR_PTRACE_NOAUDIT) return weir_guard_hide(scope_id, guard_class);
    return weir_guard_judge(guard_class, BPF_CORE_READ(child, tgid));
}

SEC("fmod_ret/security_ptrace_traceme")
int BPF_PROG(weir_g_traceme, struct task_struct *parent, int ret) {
    __u32 scope_id = ret ? 0 : weir_guarded_scope();

    if (!scope_id || weir_is_member(parent, scope_id)) return ret;
    return weir_guard_judge(WEIR_G_PTRACE, BPF_CORE_READ(parent, tgid));
}

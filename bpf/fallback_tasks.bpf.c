/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * Before a system call: the few that a fatal signal stops on their way (reading another's memory), that end with the caller
 * (setns), or after which nothing is as it was (modules, and keys whose maker the kernel starts). And signals, at the place where the kernel sends them: whatever
 * system call, group or descriptor they came by, the target is exact.
 */
#include "fallback.bpf.h"
/* after fallback.bpf.h: it says what a judgement does */
#include "fallback_calls.bpf.h"
#include "guard_netns.bpf.h"

/* include/uapi/linux/capability.h, include/linux/kernel_read_file.h */
#define WEIR_CAP_SYS_MODULE 16
#define WEIR_CAP_SYS_BOOT 22
#define WEIR_READING_MODULE 2
#define WEIR_READING_KEXEC_IMAGE 3

/* TP_PROTO(struct pt_regs *regs, long id), include/trace/events/syscalls.h */
SEC("raw_tp/sys_enter")
int weir_fb_enter(struct bpf_raw_tracepoint_args *ctx) {
    struct weir_call call = {};

    switch (weir_call_read((void *)ctx->args[0], ctx->args[1], &call)) {
        case WEIR_CALL_READ_MEMORY:
            weir_judge_access(weir_protects_pid((__u32)call.arg[0]), (__u32)call.arg[0]);
            break;
        case WEIR_CALL_SETNS:
            weir_judge_setns((__u32)call.arg[0], (__u32)call.arg[1]);
            break;
        case WEIR_CALL_MODULE:
            if (weir_is_capable(WEIR_CAP_SYS_MODULE)) weir_guard_judge(WEIR_G_MODULES, WEIR_READING_MODULE);
            break;
        case WEIR_CALL_KEXEC:
            if (weir_is_capable(WEIR_CAP_SYS_BOOT)) weir_guard_judge(WEIR_G_MODULES, WEIR_READING_KEXEC_IMAGE);
            break;
        case WEIR_CALL_REQUEST_KEY:
            if (call.arg[2]) weir_guard_judge(WEIR_G_HELPERS, WEIR_HELPER_KEY);
            break;
        default:
            break;
    }
    return 0;
}

/* include/linux/sched/signal.h: two signals without a siginfo; 1 is the kernel's own (a stop for a tracer, a terminal's). */
#define WEIR_SEND_SIG_PRIV 1ull

/* TP_PROTO(int sig, struct kernel_siginfo *info, struct task_struct *task, int group, int result),
 * include/trace/events/signal.h. The signal has been sent. Those with a code above 0 come from the kernel: the death of a
 * job's process is told to the runner like that. */
SEC("raw_tp/signal_generate")
int weir_fb_signal(struct bpf_raw_tracepoint_args *ctx) {
    struct kernel_siginfo *info = (void *)ctx->args[1];
    struct task_struct *target = (void *)ctx->args[2];

    if ((__u64)info == WEIR_SEND_SIG_PRIV || (info && BPF_CORE_READ(info, si_code) > 0)) return 0;
    if (!weir_guarded_scope() || !weir_protects(target)) return 0;
    weir_guard_judge(WEIR_G_SIGNAL, BPF_CORE_READ(target, tgid));
    return 0;
}

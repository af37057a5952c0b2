/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * Going to the host's network namespace. No security function is about setns(2), but one is asked on the way whether the task
 * has CAP_SYS_ADMIN (netns_install), and by then the system call's registers say which descriptor is meant. x86-64 only.
 *
 * Left open: the descriptor is looked up again here. A thread that shares the table of descriptors can put another in its
 * place in between; what it gains is a task in the host's namespace, where every other hook still sees it.
 * Where it is only reported, each of the kernel's two questions counts.
 */
#include "guard_call.bpf.h"
#include "guard_netns.bpf.h"

#define WEIR_CAP_SYS_ADMIN 21
/* arch/x86/entry/syscalls */
#define WEIR_SETNS_64 308
#define WEIR_SETNS_32 346

SEC("fmod_ret/security_capable")
int BPF_PROG(weir_g_setns, const struct cred *cred, void *user_ns, int cap, unsigned int options, int ret) {
    struct pt_regs___x86 *regs;
    __u64 call;

    if (ret || cap != WEIR_CAP_SYS_ADMIN || !weir_guarded_scope()) return ret;
    regs = weir_entry_registers();
    call = BPF_CORE_READ(regs, orig_ax);
    if (call == WEIR_SETNS_64) return weir_judge_setns((__u32)BPF_CORE_READ(regs, di), (__u32)BPF_CORE_READ(regs, si));
    if (call == WEIR_SETNS_32) return weir_judge_setns((__u32)BPF_CORE_READ(regs, bx), (__u32)BPF_CORE_READ(regs, cx));
    return 0;
}

/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/* Which system call is the current task in? x86-64 only: arch/x86/entry/syscalls has the numbers. */
#ifndef WEIR_GUARD_CALL_BPF_H
#define WEIR_GUARD_CALL_BPF_H

#include "guard.bpf.h"

#define WEIR_STACK_BYTES 16384 /* THREAD_SIZE of x86-64 */

/* What it was entered with. 5.10 has no helper for it, but a stack whose top is at a known place. */
static __always_inline struct pt_regs___x86 *weir_entry_registers(void) {
    struct task_struct *task;

    if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
        return weir_plain((void *)bpf_task_pt_regs(bpf_get_current_task_btf()));
    task = (void *)bpf_get_current_task();
    return BPF_CORE_READ(task, stack) + WEIR_STACK_BYTES - bpf_core_type_size(struct pt_regs___x86);
}

#endif /* WEIR_GUARD_CALL_BPF_H */

/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * Ways to change the kernel itself, or to look through it: bpf(2), modules, kexec, perf. Programs on the kernel's security_*
 * functions (fmod_ret). They work without `bpf` in lsm=, and the first one that returns an error decides.
 */
#include "guard_devices.bpf.h"

/* `attr` is the kernel's own copy (__sys_bpf, kernel/bpf/syscall.c): nobody changes it afterwards. */
SEC("fmod_ret/security_bpf")
int BPF_PROG(weir_guard_bpf, int cmd, union bpf_attr *attr, unsigned int size, int ret) {
    __u32 scope_id = ret ? 0 : weir_guarded_scope();
    struct weir_attr head = {};

    if (!scope_id) return ret;
    bpf_probe_read_kernel(&head, sizeof(head), weir_plain(attr));
    if (cmd == BPF_PROG_LOAD && head.word[WEIR_ATTR_PROG_TYPE] == BPF_PROG_TYPE_CGROUP_DEVICE) return 0;
    if (weir_is_device_rule((__u32)cmd, &head, scope_id)) return 0;
    return weir_guard_judge(WEIR_G_BPF, (__u64)cmd);
}

/* finit_module, kexec_file_load, policies. Firmware is read by drivers, in the context of whoever opens the device. */
SEC("fmod_ret/security_kernel_read_file")
int BPF_PROG(weir_g_readfile, struct file *file, int id, int contents, int ret) {
    if (ret || id == (int)bpf_core_enum_value(enum kernel_read_file_id, READING_FIRMWARE)) return ret;
    return weir_guard_judge(WEIR_G_MODULES, (__u64)id);
}

/* init_module, kexec_load */
SEC("fmod_ret/security_kernel_load_data")
int BPF_PROG(weir_g_loaddata, int id, int contents, int ret) {
    if (ret || id == (int)bpf_core_enum_value(enum kernel_load_data_id, LOADING_FIRMWARE)) return ret;
    return weir_guard_judge(WEIR_G_MODULES, (__u64)id);
}

/* include/linux/perf_event.h: events of a CPU, whoever runs there. Samples carry registers and pieces of the stack, the runner's
 * too. Events of the job's own tasks are free; of others' the guard is asked as for ptrace. */
#define WEIR_PERF_SECURITY_CPU 1

static __always_inline int weir_judge_perf(int type) {
    return type == WEIR_PERF_SECURITY_CPU ? weir_guard_judge(WEIR_G_MEMORY, 0) : 0;
}

/* The function has lost its first argument since. User space loads the one whose number of arguments, which ends its name, is
 * the kernel's. */
SEC("fmod_ret/security_perf_event_open")
int BPF_PROG(weir_g_perf_2, void *attr, int type, int ret) {
    return ret ? ret : weir_judge_perf(type);
}

SEC("fmod_ret/security_perf_event_open")
int BPF_PROG(weir_g_perf_1, int type, int ret) {
    return ret ? ret : weir_judge_perf(type);
}

/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * Ways to change the kernel itself: bpf(2), modules, kexec. Programs on the kernel's security_* functions (fmod_ret). They work
 * without `bpf` in lsm=, and the first one that returns an error decides.
 */
#include "guard.bpf.h"

SEC("fmod_ret/security_bpf")
int BPF_PROG(weir_guard_bpf, int cmd, union bpf_attr *attr, unsigned int size, int ret) {
    return ret ? ret : weir_guard_judge(WEIR_G_BPF, (__u64)cmd);
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

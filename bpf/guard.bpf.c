/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * The guard's programs on the kernel's security_* functions (fmod_ret). They work without `bpf` in lsm=, and the first one that
 * returns an error decides.
 */
#include "guard.bpf.h"

SEC("fmod_ret/security_bpf")
int BPF_PROG(weir_guard_bpf, int cmd, union bpf_attr *attr, unsigned int size, int ret) {
    return ret ? ret : weir_guard_judge(WEIR_G_BPF, (__u64)cmd);
}

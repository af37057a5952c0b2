/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * The kernel types that our programs read, with only the fields that they read. libbpf relocates every access to the
 * running kernel's layout (CO-RE), so neither order nor size matters here. UAPI types come from <linux/…>.
 */
#ifndef WEIR_KERNEL_BPF_H
#define WEIR_KERNEL_BPF_H

#include <linux/bpf.h>
#include <linux/types.h>
/* after linux/bpf.h */
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* Weak: every object brings it, the linker keeps one. */
char LICENSE[] SEC("license") __weak = "Dual BSD/GPL";

#define WEIR_AF_INET 2
#define WEIR_AF_INET6 10
#define WEIR_SOCK_STREAM 1
#define WEIR_SOCK_DGRAM 2
#define WEIR_SOCK_RAW 3

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct task_struct {
    int pid;
    int tgid;
    char comm[16];
};

#pragma clang attribute pop

#endif /* WEIR_KERNEL_BPF_H */

/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/* Opening files. */
#include "guard_open.bpf.h"

/* Every way to open: open, openat2, by handle, by /proc/PID/fd, io_uring, exec. */
SEC("fmod_ret/security_file_open")
int BPF_PROG(weir_g_open, struct file *file, int ret) {
    return ret || !weir_guarded_scope() ? ret : weir_guard_open((__u64)weir_plain(file));
}

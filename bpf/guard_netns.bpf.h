/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/* Which network namespace does a descriptor of the current task stand for? */
#ifndef WEIR_GUARD_NETNS_BPF_H
#define WEIR_GUARD_NETNS_BPF_H

#include "guard.bpf.h"

/* include/uapi/linux/magic.h; pidfs since 6.9 */
#define WEIR_NSFS_MAGIC 0x6e736673
#define WEIR_PIDFS_MAGIC 0x50494446

/* struct file of a descriptor of the current task; null: none. */
static __always_inline struct file *weir_file_of(__u32 fd) {
    struct task_struct *task = (void *)bpf_get_current_task();
    struct fdtable *table = BPF_CORE_READ(task, files, fdt);
    struct file **files, *file = 0;

    if (fd >= BPF_CORE_READ(table, max_fds)) return 0;
    files = BPF_CORE_READ(table, fd);
    bpf_probe_read_kernel(&file, sizeof(file), files + fd);
    return file;
}

/* Number of the namespace, of whatever kind, that a file stands for; 0: for none. */
static __always_inline __u32 weir_ns_of_file(struct file *file) {
    return BPF_CORE_READ(file, f_inode, i_sb, s_magic) == WEIR_NSFS_MAGIC ? BPF_CORE_READ(file, f_inode, i_ino) : 0;
}

/* Number of the network namespace in which the process of a pidfd is; 0: it is gone. */
static __always_inline __u32 weir_net_of_pidfd(struct file *file) {
    struct pid *pid = BPF_CORE_READ(file, f_inode, i_sb, s_magic) == WEIR_PIDFS_MAGIC
                          ? BPF_CORE_READ(file, f_inode, i_private)
                          : BPF_CORE_READ(file, private_data);
    struct hlist_node *first = BPF_CORE_READ(pid, tasks[0].first);
    struct task_struct *task;

    if (!first) return 0;
    task = (void *)first - bpf_core_field_offset(struct task_struct, pid_links);
    return BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
}

#endif /* WEIR_GUARD_NETNS_BPF_H */

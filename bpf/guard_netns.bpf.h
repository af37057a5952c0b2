/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/* Which network namespace does a descriptor of the current task stand for, and what it means to go there. */
#ifndef WEIR_GUARD_NETNS_BPF_H
#define WEIR_GUARD_NETNS_BPF_H

#include "guard.bpf.h"

/* include/uapi/linux/magic.h; pidfs since 6.9 */
#define WEIR_NSFS_MAGIC 0x6e736673
#define WEIR_PIDFS_MAGIC 0x50494446
#define WEIR_CLONE_NEWNET 0x40000000 /* include/uapi/linux/sched.h */

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

/* The process that a pidfd stands for; null: it is gone. */
static __always_inline struct task_struct *weir_task_of_pidfd(struct file *file) {
    struct pid *pid = BPF_CORE_READ(file, f_inode, i_sb, s_magic) == WEIR_PIDFS_MAGIC
                          ? BPF_CORE_READ(file, f_inode, i_private)
                          : BPF_CORE_READ(file, private_data);
    struct hlist_node *first = BPF_CORE_READ(pid, tasks[0].first);

    return first ? (void *)first - bpf_core_field_offset(struct task_struct, pid_links) : 0;
}

/* Number of the network namespace in which the process of a pidfd is; 0: it is gone. */
static __always_inline __u32 weir_net_of_pidfd(struct file *file) {
    struct task_struct *task = weir_task_of_pidfd(file);

    return task ? BPF_CORE_READ(task, nsproxy, net_ns, ns.inum) : 0;
}

/* Does setns(2) with these arguments lead from elsewhere to the host's network namespace? 0 or -EPERM. */
__weak __noinline int weir_judge_setns(__u32 fd, __u32 type) {
    struct task_struct *current = (void *)bpf_get_current_task();
    const struct weir_host *host = weir_host_entry();
    struct file *file;
    __u32 inum;

    if (!host || !host->netns_inode) return 0;
    if (BPF_CORE_READ(current, nsproxy, net_ns, ns.inum) == host->netns_inode) return 0;
    file = weir_file_of(fd);
    if (!file) return 0;
    inum = weir_ns_of_file(file);
    if (!inum && type & WEIR_CLONE_NEWNET) inum = weir_net_of_pidfd(file);
    return inum == host->netns_inode ? weir_guard_judge(WEIR_G_NETNS, inum) : 0;
}

#endif /* WEIR_GUARD_NETNS_BPF_H */

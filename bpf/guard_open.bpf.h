/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/* Judging a file that is, or has just been, opened: guarded ones, and the kernel's own switches in proc, sysfs, tracefs,
 * securityfs and binfmt_misc. */
#ifndef WEIR_GUARD_OPEN_BPF_H
#define WEIR_GUARD_OPEN_BPF_H

#include "guard_files.bpf.h"

/* include/linux/fs.h, include/uapi/asm-generic/fcntl.h, include/uapi/linux/magic.h */
#define WEIR_FMODE_WRITE 0x2
#define WEIR_O_TRUNC 01000
#define WEIR_PROC_MAGIC 0x9fa0
#define WEIR_SYSFS_MAGIC 0x62656572
#define WEIR_TRACEFS_MAGIC 0x74726163
#define WEIR_SECURITYFS_MAGIC 0x73636673
#define WEIR_BINFMT_MAGIC 0x42494e4d

#define WEIR_NONE WEIR_GUARD_CLASSES

/* A file's name, zero-padded; longer ones are cut and match nothing. */
struct weir_leaf {
    char name[24];
};

static __always_inline int weir_leaf_is(const struct weir_leaf *leaf, const char *name, __u32 size) {
    for (__u32 i = 0; i < size; i++) {
        if (leaf->name[i] != name[i]) return 0;
    }
    return 1;
}
#define WEIR_LEAF_IS(leaf, name) weir_leaf_is(leaf, name, sizeof(name))

/* The task that a file of /proc/PID is about; null: none, or it is gone. */
static __always_inline struct task_struct *weir_task_of_proc(struct inode *inode) {
    struct proc_inode *proc = (void *)inode - bpf_core_field_offset(struct proc_inode, vfs_inode);
    struct pid *pid = BPF_CORE_READ(proc, pid);
    struct hlist_node *first = pid ? BPF_CORE_READ(pid, tasks[0].first) : 0;

    return first ? (void *)first - bpf_core_field_offset(struct task_struct, pid_links) : 0;
}

/* /proc/PID/… of a protected process: a file in which others can be set, such as oom_score_adj. Its tgid, or 0. */
static __always_inline __u32 weir_proc_protected(struct inode *inode) {
    struct task_struct *task = weir_task_of_proc(inode);

    return task && weir_protects(task) ? BPF_CORE_READ(task, tgid) : 0;
}

/* Class of a file by which the kernel takes orders, WEIR_NONE for all others. */
static __always_inline __u32 weir_switch_class(struct dentry *dentry, __u64 magic, __u32 writing) {
    struct weir_leaf leaf = {};

    bpf_probe_read_kernel_str(&leaf, sizeof(leaf), BPF_CORE_READ(dentry, d_name.name));
    if (magic == WEIR_PROC_MAGIC) {
        if (BPF_CORE_READ(dentry, d_parent) != BPF_CORE_READ(dentry, d_sb, s_root)) return WEIR_NONE;
        if (WEIR_LEAF_IS(&leaf, "kcore")) return WEIR_G_MEMORY;
        return writing && WEIR_LEAF_IS(&leaf, "sysrq-trigger") ? WEIR_G_SYSRQ : WEIR_NONE;
    }
    if (!writing) return WEIR_NONE;
    /* Starts a program of the writer's choice, outside every scope, for each device event. */
    if (magic == WEIR_SYSFS_MAGIC) return WEIR_LEAF_IS(&leaf, "uevent_helper") ? WEIR_G_SYSCTL : WEIR_NONE;
    /* Once raised it never comes down, and a restarted sensor's programs could not read the kernel. */
    if (magic == WEIR_SECURITYFS_MAGIC) return WEIR_LEAF_IS(&leaf, "lockdown") ? WEIR_G_SYSCTL : WEIR_NONE;
    /* Which program runs others, everybody's on this host. */
    if (magic == WEIR_BINFMT_MAGIC) return WEIR_G_HELPERS;
    /* Probes can fetch memory of the kernel, and of every process that runs into them. */
    return WEIR_LEAF_IS(&leaf, "kprobe_events") || WEIR_LEAF_IS(&leaf, "uprobe_events") ||
                   WEIR_LEAF_IS(&leaf, "dynamic_events")
               ? WEIR_G_MEMORY
               : WEIR_NONE;
}

/* Some file systems open a file in their own name, with the dentry of a layer above: overlayfs does. Then any name that the
 * file itself has; its file system is the one that counts. */
static __always_inline struct dentry *weir_own_dentry(struct file *file, struct inode *inode) {
    struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);
    struct hlist_node *alias;

    if (BPF_CORE_READ(dentry, d_inode) == inode) return dentry;
    alias = BPF_CORE_READ(inode, i_dentry.first);
    return alias ? (void *)alias - bpf_core_field_offset(struct dentry, d_u.d_alias) : dentry;
}

__weak __noinline int weir_guard_open(__u64 file_of) {
    struct file *file = (void *)file_of;
    struct inode *inode = BPF_CORE_READ(file, f_inode);
    struct dentry *dentry = weir_own_dentry(file, inode);
    __u64 magic = BPF_CORE_READ(inode, i_sb, s_magic);
    /* A file can be emptied by opening it for reading. */
    __u32 writing = BPF_CORE_READ(file, f_mode) & WEIR_FMODE_WRITE || BPF_CORE_READ(file, f_flags) & WEIR_O_TRUNC;

    if (magic == WEIR_PROC_MAGIC || magic == WEIR_SYSFS_MAGIC || magic == WEIR_TRACEFS_MAGIC ||
        magic == WEIR_SECURITYFS_MAGIC || magic == WEIR_BINFMT_MAGIC) {
        __u32 guard_class = weir_switch_class(dentry, magic, writing);

        if (guard_class != WEIR_NONE) return weir_guard_judge(guard_class, 0);
        if (magic == WEIR_PROC_MAGIC && writing) {
            __u32 tgid = weir_proc_protected(inode);

            return tgid ? weir_guard_judge(WEIR_G_SIGNAL, tgid) : 0;
        }
        return 0;
    }
    return weir_guard_path((__u64)dentry, writing);
}

#endif /* WEIR_GUARD_OPEN_BPF_H */

/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * The image that a process runs: which file, on which `process:` lists, and the record of it. weir_image_identify comes
 * first and fills the buffer; the other two read it within the same run of a program.
 *
 * Functions that others call are global and take a struct task_struct * as a scalar: see weir_scope_of_cgroup.
 */
#ifndef WEIR_IMAGE_BPF_H
#define WEIR_IMAGE_BPF_H

#include "environ.bpf.h"

/* include/uapi/linux/magic.h */
#define WEIR_TMPFS_MAGIC 0x01021994
#define WEIR_HUGETLBFS_MAGIC 0x958458f6

/* d_unlinked() of the kernel: the name is gone; or every name of the file is. */
static __always_inline int weir_file_deleted(struct dentry *dentry, struct inode *inode) {
    return !BPF_CORE_READ(inode, i_nlink) || !BPF_CORE_READ(dentry, d_hash.pprev);
}

static __always_inline __u32 weir_file_flags(struct file *file, struct dentry *dentry, struct inode *inode) {
    unsigned long magic = BPF_CORE_READ(inode, i_sb, s_magic);
    int in_memory = magic == WEIR_TMPFS_MAGIC || magic == WEIR_HUGETLBFS_MAGIC;

    /* A memfd is told by what a job cannot imitate: a file in memory whose dentry never had a directory. */
    if (in_memory && BPF_CORE_READ(dentry, d_parent) == dentry && BPF_CORE_READ(file, f_path.mnt, mnt_root) != dentry)
        return WEIR_X_MEMFD;
    return (weir_file_deleted(dentry, inode) ? WEIR_X_DELETED : 0) | (in_memory ? WEIR_X_TMPFS : 0);
}

/* Which file the task runs, by mm->exe_file: the interpreter of a script, the loader when ld.so was run by name, never a
 * path that the job chose. 0: identified. */
__weak __noinline int weir_image_identify(__u64 task_address) {
    struct task_struct *task = (void *)task_address;
    struct weir_image *image = weir_image_buffer();
    struct file *file = BPF_CORE_READ(task, mm, exe_file);
    struct inode *inode = BPF_CORE_READ(file, f_inode);
    struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);

    if (!image) return -1;
    __builtin_memset(&image->event, 0, sizeof(image->event));
    __builtin_memset(&image->name, 0, sizeof(image->name));
    if (!inode) return -1;
    image->event.dev = BPF_CORE_READ(inode, i_sb, s_dev);
    image->event.inode = BPF_CORE_READ(inode, i_ino);
    image->event.flags = weir_file_flags(file, dentry, inode);
    /* A longer name is on no list; cut, it could pass for one that is. */
    if (BPF_CORE_READ(dentry, d_name.len) < WEIR_PROC_NAME_BYTES)
        bpf_probe_read_kernel_str(image->name.name, WEIR_PROC_NAME_BYTES, BPF_CORE_READ(dentry, d_name.name));
    return 0;
}

/* Executable lists that the identified image is on. 0 when it is on none, or the scope has no such rules. */
static __always_inline __u64 weir_image_mask(__u32 scope_id) {
    const struct weir_scope *scope = weir_scope_of(scope_id);
    struct weir_image *image = weir_image_buffer();
    struct weir_proc_key key = {.scope_id = scope_id};
    const __u64 *by_file, *by_name = 0;

    if (!image || !scope || !(scope->flags & WEIR_S_PROCESS)) return 0;
    key.dev = image->event.dev;
    key.inode = image->event.inode;
    by_file = bpf_map_lookup_elem(&weir_procs, &key);
    image->name.scope_id = scope_id;
    if (image->name.name[0]) by_name = bpf_map_lookup_elem(&weir_pnames, &image->name);
    return (by_file ? *by_file : 0) | (by_name ? *by_name : 0);
}

/* argv as the kernel laid it out. `readable`: the current task's memory holds it. */
static __always_inline void weir_image_args(struct weir_image *image, struct task_struct *task, int readable) {
    unsigned long start = BPF_CORE_READ(task, mm, arg_start);
    unsigned long end = BPF_CORE_READ(task, mm, arg_end);
    __u64 full = end > start ? end - start : 0;
    __u32 length = full < WEIR_ARGS_BYTES ? full : WEIR_ARGS_BYTES;

    image->event.args_full_len = full;
    if (!readable || length > WEIR_ARGS_BYTES || bpf_probe_read_user(image->data, length, (void *)start)) length = 0;
    if (length < full) image->event.flags |= WEIR_X_ARGS_CUT;
    image->event.args_len = length;
    image->used = length;
}

static __always_inline void weir_image_paths(struct weir_image *image, struct task_struct *task) {
    __u32 begin = image->used;

    if (weir_walk_path((__u64)BPF_CORE_READ(task, mm, exe_file, f_path.dentry),
                       (__u64)BPF_CORE_READ(task, mm, exe_file, f_path.mnt)))
        image->event.flags |= WEIR_X_PATH_CUT;
    image->event.path_len = image->used - begin;
    begin = image->used;
    if (weir_walk_path((__u64)BPF_CORE_READ(task, fs, pwd.dentry), (__u64)BPF_CORE_READ(task, fs, pwd.mnt)))
        image->event.flags |= WEIR_X_CWD_CUT;
    image->event.cwd_len = image->used - begin;
}

static __always_inline void weir_image_owner(struct weir_image *image, struct task_struct *task, __u32 tgid,
                                             const struct weir_task *entry) {
    const struct weir_who who = weir_who_task(entry, tgid);

    weir_event_begin(&image->event.event, WEIR_E_EXEC, &who);
    image->event.parent_exec_id = entry->parent_exec_id;
    image->event.start_ns = entry->start_ns;
    image->event.ppid = entry->ppid;
    image->event.uid = BPF_CORE_READ(task, cred, uid.val);
    image->event.gid = BPF_CORE_READ(task, cred, gid.val);
    image->event.cgroup_id = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
    BPF_CORE_READ_INTO((char(*)[WEIR_COMM_BYTES])image->event.comm, task, comm);
}

#define WEIR_IMAGE_READABLE (1u << 0) /* the current task's memory holds the image's argv */
#define WEIR_IMAGE_ENTERED (1u << 1)  /* not an exec: the process joins its scope with this image */
#define WEIR_IMAGE_STEP (1u << 2)     /* its environment names a step */

/* The record of the identified image of a tracked task. */
__weak __noinline int weir_image_send(__u64 task_address, __u32 tgid, __u32 how) {
    struct task_struct *task = (void *)task_address;
    const struct weir_task *entry = bpf_map_lookup_elem(&weir_tasks, &tgid);
    struct weir_image *image = weir_image_buffer();
    __u32 used;

    if (!entry || !image) return -1;
    weir_image_owner(image, task, tgid, entry);
    if (how & WEIR_IMAGE_ENTERED) image->event.flags |= WEIR_X_ENTERED;
    weir_image_args(image, task, how & WEIR_IMAGE_READABLE);
    weir_image_paths(image, task);
    if (how & WEIR_IMAGE_STEP) weir_image_step(image, task, entry->scope_id);
    if (image->event.flags & WEIR_X_ARGS_CUT) weir_count(entry->scope_id, WEIR_C_ARGS_CUT);
    if (image->event.flags & (WEIR_X_PATH_CUT | WEIR_X_CWD_CUT)) weir_count(entry->scope_id, WEIR_C_PATH_CUT);
    weir_count(entry->scope_id, WEIR_C_EXECS);
    used = image->used;
    if (used > WEIR_IMAGE_BYTES) return -1; /* cannot be; the verifier does not know */
    weir_event_output(entry->scope_id, image, sizeof(image->event) + used, WEIR_C_LOST_EXEC);
    return 0;
}

#endif /* WEIR_IMAGE_BPF_H */

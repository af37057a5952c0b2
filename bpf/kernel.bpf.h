/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * The kernel types that our programs read, with only the fields that they read. libbpf relocates every access to the
 * running kernel's layout (CO-RE), so neither order nor size matters here. UAPI types come from <linux/…>.
 */
#ifndef WEIR_KERNEL_BPF_H
#define WEIR_KERNEL_BPF_H

#include <linux/bpf.h>
#include <linux/in6.h>
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

typedef struct {
    int counter;
} atomic_t;

typedef struct {
    unsigned int val;
} kuid_t;

typedef struct {
    unsigned int val;
} kgid_t;

struct hlist_bl_node {
    struct hlist_bl_node **pprev;
};

struct list_head {
    struct list_head *next;
};

struct hlist_node {
    struct hlist_node *next;
};

struct hlist_head {
    struct hlist_node *first;
};

struct qstr {
    __u32 len;
    const unsigned char *name;
};

struct dentry;

struct super_block {
    __u32 s_dev;
    unsigned long s_magic;
    struct dentry *s_root;
};

struct inode {
    unsigned short i_mode;
    struct super_block *i_sb;
    unsigned long i_ino;
    unsigned int i_nlink;
    struct hlist_head i_dentry; /* its names in the cache */
    void *i_private;
};

struct dentry {
    struct hlist_bl_node d_hash;
    struct dentry *d_parent;
    struct qstr d_name;
    struct inode *d_inode; /* null: negative, a name that is about to be made */
    struct super_block *d_sb;
    union {
        struct hlist_node d_alias; /* in i_dentry */
    } d_u;
};

struct vfsmount {
    struct dentry *mnt_root;
    struct super_block *mnt_sb;
    int mnt_flags;
};

struct mnt_namespace;

struct mount {
    struct mount *mnt_parent;
    struct dentry *mnt_mountpoint;
    struct vfsmount mnt;
    struct list_head mnt_mounts; /* its children, by their mnt_child */
    struct list_head mnt_child;
    struct mnt_namespace *mnt_ns;
};

struct path {
    struct vfsmount *mnt;
    struct dentry *dentry;
};

struct file {
    unsigned int f_mode;
    unsigned int f_flags;
    struct path f_path;
    struct inode *f_inode;
    void *private_data;
};

struct fdtable {
    unsigned int max_fds;
    struct file **fd;
};

struct files_struct {
    struct fdtable *fdt;
};

struct fs_struct {
    struct path pwd;
};

struct mm_struct {
    unsigned long arg_start;
    unsigned long arg_end;
    unsigned long env_start;
    unsigned long env_end;
    struct file *exe_file;
};

/* 64 bits, whatever their names are. */
typedef struct {
    __u64 val;
} kernel_cap_t;

struct user_namespace {
    int level; /* 0: the first */
};

struct cred {
    kuid_t uid;
    kgid_t gid;
    kernel_cap_t cap_effective;
    struct user_namespace *user_ns;
};

struct kernfs_node {
    __u64 id;
    struct kernfs_node *parent;
};

/* From 6.15 on. */
struct kernfs_node___renamed {
    struct kernfs_node *__parent;
};

struct cgroup_root {
    int hierarchy_id; /* 0: the default hierarchy, cgroup2 */
};

struct cgroup;

struct cgroup_subsys_state {
    struct cgroup_subsys_state *parent;
};

struct cgroup {
    struct cgroup_subsys_state self;
    int level; /* the root's is 0 */
    struct kernfs_node *kn;
    struct cgroup_root *root;
};

struct css_set {
    struct cgroup *dfl_cgrp;
};

struct signal_struct {
    atomic_t live; /* threads that have not begun to exit */
    int group_exit_code;
    unsigned int flags;
};

/* BPF programs are handed sockets as struct bpf_sock; these are the fields that it lacks. */
struct sock;

struct socket {
    struct file *file; /* null: the kernel's own */
    struct sock *sk;
};

typedef struct {
    int owned; /* a process has locked the socket: what comes in meanwhile waits */
} socket_lock_t;

struct ns_common {
    unsigned int inum; /* inode number of the namespace, as /proc/PID/ns shows it */
};

struct net {
    struct ns_common ns;
};

typedef struct {
    struct net *net;
} possible_net_t;

struct sock_common {
    unsigned short skc_family;
    unsigned short skc_num; /* own port, host order; 0: none */
    __be32 skc_rcv_saddr;   /* address that it is bound to; 0: all */
    struct in6_addr skc_v6_rcv_saddr;
    possible_net_t skc_net;
};

struct sock {
    struct sock_common __sk_common;
    unsigned short sk_protocol;
    socket_lock_t sk_lock;
    struct socket *sk_socket; /* null: not accepted yet, or closed */
};

struct unix_sock {
    struct path path; /* null: no file */
    struct sock *peer;
};

struct sk_buff {
    unsigned int len;
    unsigned char *data;
};

struct mnt_namespace {
    struct ns_common ns;
};

struct nsproxy {
    struct mnt_namespace *mnt_ns;
    struct net *net_ns;
};

/* Tasks of a number; index 0: PIDTYPE_PID. */
struct pid {
    unsigned int level; /* 0: of the first process namespace */
    struct hlist_head tasks[1];
};

struct proc_inode {
    struct pid *pid; /* null: not of a process */
    struct inode vfs_inode;
};

struct key_type {
    const char *name;
};

struct key {
    struct key_type *type;
};

/* What a system call was entered with, x86-64. */
struct pt_regs___x86 {
    unsigned long bx;
    unsigned long cx;
    unsigned long dx;
    unsigned long si;
    unsigned long di;
    unsigned long orig_ax; /* number of the system call */
};

struct thread_info {
    unsigned int status; /* TS_COMPAT: in a 32-bit system call */
};

struct kernel_siginfo {
    int si_code;
};

struct bpf_prog_aux {
    char name[16];
};

struct bpf_prog {
    enum bpf_prog_type type;
    struct bpf_prog_aux *aux;
};

struct bpf_link {
    struct bpf_prog *prog;
};

struct bpf_map {
    char name[16];
};

struct task_struct {
    struct thread_info thread_info;
    unsigned int flags;
    int pid;
    int tgid;
    int exit_code;
    char comm[16];
    __u64 start_boottime;
    struct task_struct *real_parent;
    struct task_struct *group_leader;
    struct mm_struct *mm;
    struct fs_struct *fs;
    const struct cred *cred;
    struct css_set *cgroups;
    struct signal_struct *signal;
    struct files_struct *files;
    struct nsproxy *nsproxy;
    struct pid *thread_pid;
    void *stack;
    struct hlist_node pid_links[1];
};

/* Values differ between kernels: ask bpf_core_enum_value(). */
enum kernel_read_file_id { READING_FIRMWARE = 1 };
enum kernel_load_data_id { LOADING_FIRMWARE = 1 };

#pragma clang attribute pop

/* The verifier knows this pointer as a socket and allows no reading behind it; the kernel's copy of it is a number. */
static __always_inline const struct sock *weir_kernel_sock(struct bpf_sock *sk) {
    struct bpf_sock *given = sk;
    const struct sock *address = 0;

    bpf_probe_read_kernel(&address, sizeof(address), &given);
    return address;
}

#endif /* WEIR_KERNEL_BPF_H */

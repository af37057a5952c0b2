/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * Mounts: taking away or hiding the BPF file system that holds Weir's pins, or mounting over guarded files. What is mounted
 * over a directory far above the pins only hides them: the programs stay, and the sensor holds descriptors.
 */
#include "guard_files.bpf.h"

#define WEIR_CGROUP1_MAGIC 0x27e0eb /* include/uapi/linux/magic.h */
/* include/uapi/linux/mount.h, include/linux/fs.h, include/linux/mount.h */
#define WEIR_MS_MOVE 8192
#define WEIR_MNT_DETACH 2
#define WEIR_MNT_SHARED 0x1000

/* Mounts below one that is detached, as far as they are looked at; with more, nobody knows whether ours is among them. */
#define WEIR_MOUNTS 512

static __always_inline struct mount *weir_mount_at(struct list_head *child) {
    return (void *)child - bpf_core_field_offset(struct mount, mnt_child);
}

/* 1: a mount of our pins is this one or below it, or there are too many to tell. */
__weak __noinline int weir_holds_pins(__u64 top_of, __u64 pins_dev) {
    struct mount *top = (void *)top_of, *at = top;

    for (int i = 0; i < WEIR_MOUNTS; i++) {
        struct list_head *children = (void *)at + bpf_core_field_offset(struct mount, mnt_mounts);
        struct list_head *next = BPF_CORE_READ(children, next);

        /* Going up again, `at` is 1 off: it has been seen, its children too. */
        if ((__u64)at & 1) {
            at = (void *)((__u64)at & ~1ull);
            if (at == top) return 0;
            children = (void *)BPF_CORE_READ(at, mnt_parent) + bpf_core_field_offset(struct mount, mnt_mounts);
            next = BPF_CORE_READ(at, mnt_child.next);
            if (next && next != children)
                at = weir_mount_at(next);
            else
                at = (void *)((__u64)BPF_CORE_READ(at, mnt_parent) | 1);
            continue;
        }
        if (BPF_CORE_READ(at, mnt.mnt_sb, s_dev) == pins_dev) return 1;
        at = next && next != children ? weir_mount_at(next) : (void *)((__u64)at | 1);
    }
    return 1;
}

/* Is this a mount whose fate is that of the pins? In another mount namespace it is a copy, unless what happens there is
 * propagated: the parent's peers decide. */
static __always_inline int weir_is_host_mount(struct mount *mount) {
    const struct weir_host *host = weir_host_entry();
    struct mount *parent = BPF_CORE_READ(mount, mnt_parent);

    return !host || !host->mntns_inode || BPF_CORE_READ(mount, mnt_ns, ns.inum) == host->mntns_inode ||
           BPF_CORE_READ(parent, mnt.mnt_flags) & WEIR_MNT_SHARED;
}

static __always_inline struct mount *weir_mount_from(struct vfsmount *mnt) {
    return weir_plain(mnt) - bpf_core_field_offset(struct mount, mnt);
}

SEC("fmod_ret/security_sb_umount")
int BPF_PROG(weir_g_umount, struct vfsmount *mnt, int flags, int ret) {
    const struct weir_host *host;
    struct mount *mount;

    if (ret || !weir_guarded_scope()) return ret;
    host = weir_host_entry();
    mount = weir_mount_from(mnt);
    if (!host || !host->pins_dev || !weir_is_host_mount(mount)) return 0;
    if (BPF_CORE_READ(mnt, mnt_sb, s_dev) != host->pins_dev &&
        (!(flags & WEIR_MNT_DETACH) || !weir_holds_pins((__u64)mount, host->pins_dev)))
        return 0;
    return weir_guard_judge(WEIR_G_MOUNT, 0);
}

/* Something is put onto a path. */
static __always_inline int weir_guard_mountpoint(const struct path *path) {
    struct dentry *dentry = BPF_CORE_READ(path, dentry);

    if (weir_is_on_pins(dentry)) return weir_guard_judge(WEIR_G_MOUNT, 0);
    return weir_guard_path((__u64)dentry, 1);
}

/* What is moved is only a string here, so on the host nothing is. */
SEC("fmod_ret/security_sb_mount")
int BPF_PROG(weir_g_mount, const char *dev_name, const struct path *path, const char *type, unsigned long flags,
             void *data, int ret) {
    if (ret || !weir_guarded_scope()) return ret;
    if (flags & WEIR_MS_MOVE && weir_is_host_mount(weir_mount_from(BPF_CORE_READ(path, mnt))))
        return weir_guard_judge(WEIR_G_MOUNT, 0);
    return weir_guard_mountpoint(path);
}

SEC("fmod_ret/security_move_mount")
int BPF_PROG(weir_g_movemount, const struct path *from, const struct path *to, int ret) {
    const struct weir_host *host;
    struct mount *mount;

    if (ret || !weir_guarded_scope()) return ret;
    host = weir_host_entry();
    mount = weir_mount_from(BPF_CORE_READ(from, mnt));
    if (host && host->pins_dev && BPF_CORE_READ(mount, mnt_ns) && weir_is_host_mount(mount) &&
        weir_holds_pins((__u64)mount, host->pins_dev))
        return weir_guard_judge(WEIR_G_MOUNT, 0);
    return weir_guard_mountpoint(to);
}

/* A version 1 hierarchy takes its release_agent, a program that the kernel starts outside every scope, as an option. */
SEC("fmod_ret/security_sb_remount")
int BPF_PROG(weir_g_remount, struct super_block *sb, void *options, int ret) {
    struct dentry *root;

    if (ret || !weir_guarded_scope()) return ret;
    root = BPF_CORE_READ(sb, s_root);
    if (BPF_CORE_READ(sb, s_magic) == WEIR_CGROUP1_MAGIC)
        return weir_guard_judge(WEIR_G_CGROUP, BPF_CORE_READ(root, d_inode, i_ino));
    return weir_is_on_pins(root) ? weir_guard_judge(WEIR_G_MOUNT, 0) : 0;
}

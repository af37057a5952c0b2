/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/* Changing names, modes and sizes: files can be taken away without being opened. */
#include "guard_files.bpf.h"

static __always_inline int weir_guard_name(struct dentry *dentry) {
    if (!weir_guarded_scope()) return 0;
    if (weir_is_on_pins(dentry)) return weir_guard_judge(WEIR_G_MOUNT, 0);
    return weir_guard_path((__u64)weir_plain(dentry), 1);
}

SEC("fmod_ret/security_inode_unlink")
int BPF_PROG(weir_g_unlink, struct inode *dir, struct dentry *dentry, int ret) {
    return ret ? ret : weir_guard_name(dentry);
}

SEC("fmod_ret/security_inode_rmdir")
int BPF_PROG(weir_g_rmdir, struct inode *dir, struct dentry *dentry, int ret) {
    return ret ? ret : weir_guard_name(dentry);
}

/* Both names: one is taken away, the other written over. */
SEC("fmod_ret/security_inode_rename")
int BPF_PROG(weir_g_rename, struct inode *old_dir, struct dentry *old_dentry, struct inode *new_dir,
             struct dentry *new_dentry, unsigned int flags, int ret) {
    if (!ret) ret = weir_guard_name(old_dentry);
    return ret ? ret : weir_guard_name(new_dentry);
}

/* The file that gets a second name, too: there it would lie below nothing that is guarded. */
SEC("fmod_ret/security_inode_link")
int BPF_PROG(weir_g_link, struct dentry *old_dentry, struct inode *dir, struct dentry *new_dentry, int ret) {
    if (!ret) ret = weir_guard_name(old_dentry);
    return ret ? ret : weir_guard_name(new_dentry);
}

SEC("fmod_ret/security_inode_symlink")
int BPF_PROG(weir_g_symlink, struct inode *dir, struct dentry *dentry, const char *old_name, int ret) {
    return ret ? ret : weir_guard_name(dentry);
}

SEC("fmod_ret/security_inode_create")
int BPF_PROG(weir_g_create, struct inode *dir, struct dentry *dentry, int mode, int ret) {
    return ret ? ret : weir_guard_name(dentry);
}

SEC("fmod_ret/security_inode_mkdir")
int BPF_PROG(weir_g_mkdir, struct inode *dir, struct dentry *dentry, int mode, int ret) {
    return ret ? ret : weir_guard_name(dentry);
}

SEC("fmod_ret/security_inode_mknod")
int BPF_PROG(weir_g_mknod, struct inode *dir, struct dentry *dentry, int mode, int dev, int ret) {
    return ret ? ret : weir_guard_name(dentry);
}

/* Instead of inode_setattr, whose arguments differ between kernels. Sizes by descriptor were judged when it was opened.
 * Owner and times are free (5.10 attaches nothing to a function that takes structs by value, as path_chown does): nobody gets
 * past the judgement of open by owning a file. */
SEC("fmod_ret/security_path_truncate")
int BPF_PROG(weir_g_truncate, struct path *path, int ret) {
    return ret ? ret : weir_guard_name(BPF_CORE_READ(path, dentry));
}

SEC("fmod_ret/security_path_chmod")
int BPF_PROG(weir_g_chmod, struct path *path, int mode, int ret) {
    return ret ? ret : weir_guard_name(BPF_CORE_READ(path, dentry));
}

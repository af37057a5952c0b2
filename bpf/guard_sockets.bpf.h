/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/* Sockets of kinds that no cgroup hook sees, and unix sockets of deputies. */
#ifndef WEIR_GUARD_SOCKETS_BPF_H
#define WEIR_GUARD_SOCKETS_BPF_H

#include "guard.bpf.h"

/* include/linux/socket.h */
#define WEIR_AF_UNSPEC 0
#define WEIR_AF_UNIX 1
#define WEIR_AF_NETLINK 16
#define WEIR_AF_PACKET 17
#define WEIR_AF_ALG 38
#define WEIR_AF_VSOCK 40
#define WEIR_AF_SMC 43
#define WEIR_AF_XDP 44
/* include/uapi/linux/in.h, since 6.11: SMC under the name of TCP */
#define WEIR_IPPROTO_SMC 256

/* Families known to stay on the host, or to be seen by the cgroup hooks; all others, also those to come, are refused. */
static __always_inline int weir_is_known_family(int family, int protocol) {
    if (family == WEIR_AF_INET || family == WEIR_AF_INET6) return protocol != WEIR_IPPROTO_SMC;
    return family == WEIR_AF_UNSPEC || family == WEIR_AF_UNIX || family == WEIR_AF_NETLINK || family == WEIR_AF_ALG;
}

/* A socket of a kind that no cgroup hook sees: 0 or -EPERM. */
static __always_inline int weir_judge_family(int family, int protocol) {
    if (weir_is_known_family(family, protocol)) return 0;
    if (family == WEIR_AF_PACKET) return weir_guard_judge(WEIR_G_PACKET, (__u32)protocol);
    if (family == WEIR_AF_XDP) return weir_guard_judge(WEIR_G_XDP, 0);
    if (family == WEIR_AF_VSOCK) return weir_guard_judge(WEIR_G_VSOCK, 0);
    if (family == WEIR_AF_INET || family == WEIR_AF_INET6) family = WEIR_AF_SMC;
    return weir_guard_judge(WEIR_G_FAMILY, (__u32)family);
}

#define WEIR_SOCKET_ALLOW 1

/* A unix socket is told by its file, whatever path or mount led there. Abstract names have none and cannot be guarded: a
 * deputy that listens on one is out of reach of this class. */
static __always_inline int weir_judge_unix(struct sock *other, __u32 scope_id) {
    struct unix_sock *peer = (void *)other;
    struct dentry *dentry = BPF_CORE_READ(peer, path.dentry);
    struct weir_guarded_key file = {};
    struct weir_socket_key key = {.scope_id = scope_id};
    const struct weir_guarded *entry;
    const __u32 *word;

    if (!dentry) return 0;
    key.dev = file.dev = BPF_CORE_READ(dentry, d_sb, s_dev);
    key.inode = file.inode = BPF_CORE_READ(dentry, d_inode, i_ino);
    word = bpf_map_lookup_elem(&weir_sockets, &key);
    if (word) return *word == WEIR_SOCKET_ALLOW ? 0 : weir_guard_judge(WEIR_G_SOCKETS, file.inode);
    entry = bpf_map_lookup_elem(&weir_guarded, &file);
    if (!entry || entry->guard_class != WEIR_G_SOCKETS) return 0;
    return weir_guard_judge_spare(WEIR_G_SOCKETS, file.inode, entry->flags & WEIR_GF_UNASKED);
}

#endif /* WEIR_GUARD_SOCKETS_BPF_H */

/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * Who sends a packet, and sockets that no address hook has seen: connected by somebody outside every scope and then inherited,
 * passed by SCM_RIGHTS or taken by pidfd_getfd; or made by the kernel on a job's behalf.
 *
 * In the packet path `current` may be a stranger in whose softirq the packet is sent (measured: the kernel's own ICMP socket
 * was adopted that way). It is the sender where
 *  - the socket is a process's: it has a file. The kernel's own have none, nor have those that nobody has accepted yet; and
 *  - a datagram or raw packet is sent: they leave in the system call, never in a softirq; or
 *  - the socket is a stream that is locked by a process. The softirq side of TCP and SCTP leaves such a socket alone
 *    (sock_owned_by_user), except for a listener's handshakes.
 * What a process has queued on a stream and a softirq sends later has no sender here. The socket was taken in before, unless
 * nothing that its process wrote could be sent at once.
 */
#ifndef WEIR_SENDER_BPF_H
#define WEIR_SENDER_BPF_H

#include "stuck.bpf.h"

#define WEIR_SOCK_SEQPACKET 5
#define WEIR_SCOPE_LEVELS 12 /* depth of the cgroups in which a kernel's socket is looked for; the root's is 0 */

static __always_inline int weir_is_stream(const struct bpf_sock *sk) {
    return sk->type == WEIR_SOCK_STREAM || sk->type == WEIR_SOCK_SEQPACKET;
}

/* The task of a scope that sends now on this socket; null: none does, or it cannot be told. */
static __always_inline struct weir_task *weir_sender(struct bpf_sock *sk, __u32 *tgid) {
    struct weir_task *task = weir_current(tgid);
    const struct sock *at;

    if (!task || !task->scope_id || (task->flags & WEIR_T_CANARY)) return 0;
    at = weir_kernel_sock(sk);
    if (!BPF_CORE_READ(at, sk_socket, file)) return 0;
    if (weir_is_stream(sk) && (sk->state == BPF_TCP_LISTEN || !BPF_CORE_READ(at, sk_lock.owned))) return 0;
    return task;
}

/* The kernel made no socket for a scope there where this one was made. Where that cannot be told: 0. */
static __always_inline int weir_is_born_elsewhere(struct __sk_buff *skb) {
    __u32 zero = 0;
    const struct weir_births *births = bpf_map_lookup_elem(&weir_births, &zero);

    if (!births || births->places != 1 || !births->level) return 0;
    return bpf_skb_ancestor_cgroup_id(skb, (int)births->level) != births->cgroup_id;
}

/*
 * The scope in whose cgroups the kernel made a socket of its own: MPTCP's further subflows (which go where the peer says),
 * AF_RXRPC's transport, the listener below an AF_SMC one. The kernel's control sockets are raw ones and are not meant.
 */
static __always_inline __u32 weir_birth_scope(struct __sk_buff *skb, struct bpf_sock *sk) {
    __u32 nearest = 0;

    if (sk->type != WEIR_SOCK_STREAM && sk->type != WEIR_SOCK_DGRAM) return 0;
    if (sk->state == BPF_TCP_LISTEN) return 0;
    if (BPF_CORE_READ(weir_kernel_sock(sk), sk_socket, file)) return 0;
    for (int level = 0; level < WEIR_SCOPE_LEVELS; level++) {
        __u64 id = bpf_skb_ancestor_cgroup_id(skb, level);
        const __u32 *scope_id;

        if (!id) break;
        scope_id = bpf_map_lookup_elem(&weir_cgroups, &id);
        if (scope_id) nearest = *scope_id;
    }
    return nearest;
}

/* Whether weir_take_in has anything to look at. What is asked here is all that a packet outside every scope pays. */
static __always_inline int weir_may_take_in(struct __sk_buff *skb) {
    __u32 tgid;

    return weir_current(&tgid) || !weir_is_born_elsewhere(skb);
}

#define WEIR_TAKEN_NOT 0    /* nobody's of a scope: let through */
#define WEIR_TAKEN_IN 1     /* judge the packet */
#define WEIR_TAKEN_FAILED 2 /* a scope's, in block mode, but there is no memory to write that down: refuse the packet */

/*
 * A packet of a socket that is in no scope. Without storage nobody would know its next packet, and a job can use up the
 * memory that a socket has for options: block mode refuses, audit mode does not disturb.
 */
__noinline int weir_take_in(struct __sk_buff *skb) {
    struct bpf_sock *sk = skb->sk;
    const struct weir_scope *scope;
    const struct weir_task *task;
    struct weir_sock *sock;
    __u64 exec_id = 0;
    __u32 tgid = 0, step = 0, scope_id;

    if (!sk) return WEIR_TAKEN_NOT;
    sk = bpf_sk_fullsock(sk);
    if (!sk) return WEIR_TAKEN_NOT;
    task = weir_sender(sk, &tgid);
    scope_id = task ? task->scope_id : weir_birth_scope(skb, sk);
    if (!scope_id) return WEIR_TAKEN_NOT;
    if (task) {
        exec_id = task->exec_id;
        step = task->step;
    } else {
        tgid = 0;
    }
    sock = bpf_sk_storage_get(&weir_socks, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
    if (!sock) {
        scope = weir_scope_of(scope_id);
        if (scope && scope->mode == WEIR_MODE_AUDIT) return WEIR_TAKEN_NOT;
        if (weir_is_stream(sk)) weir_stick(skb, scope_id, sk->protocol);
        return WEIR_TAKEN_FAILED;
    }
    sock->exec_id = exec_id;
    sock->tgid = tgid;
    sock->step = step;
    sock->flags = WEIR_K_ADOPTED;
    sock->hook = WEIR_HOOK_SOCKET;
    sock->generation = 0;
    sock->scope_id = scope_id;
    weir_count(scope_id, WEIR_C_ADOPTED);
    return WEIR_TAKEN_IN;
}

#endif /* WEIR_SENDER_BPF_H */

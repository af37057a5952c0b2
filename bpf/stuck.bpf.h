/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * Streams that hold refused bytes. To TCP and SCTP a refused segment is a lost one: it stays queued and is sent again, from a
 * timer, where nobody is the sender, or after a segment of somebody who may send. So the first refusal of bytes ends the
 * stream: nothing leaves on it any more, and at the end of the scope the sensor aborts it.
 */
#ifndef WEIR_STUCK_BPF_H
#define WEIR_STUCK_BPF_H

#include "packet.bpf.h"

#define WEIR_TCP_OFFSET 12 /* of the byte whose upper half is the header's length in words, RFC 9293 3.1 */

/* Does the packet carry bytes that will be sent again? Where the headers do not parse: it may. */
static __always_inline int weir_carries_bytes(struct __sk_buff *skb, const struct weir_packet *packet) {
    __u8 words = 0;

    if (packet->dest.proto == WEIR_SCTP) return 1;
    if (packet->dest.proto != WEIR_TCP) return 0;
    if (packet->fault || bpf_skb_load_bytes(skb, packet->transport + WEIR_TCP_OFFSET, &words, 1)) return 1;
    return skb->len > (__u32)packet->transport + (__u32)(words >> 4) * 4;
}

/* A listener's answers carry nothing, and what is written into its storage is inherited by what it accepts. */
__noinline int weir_stick(struct __sk_buff *skb, __u32 scope_id, __u32 proto) {
    struct bpf_sock *sk = skb->sk;
    struct weir_stuck stuck = {.scope_id = scope_id, .proto = proto};
    struct weir_sock *sock;
    __u64 cookie;

    if (!sk) return 0;
    sk = bpf_sk_fullsock(sk);
    if (!sk || sk->state == BPF_TCP_LISTEN) return 0;
    sock = bpf_sk_storage_get(&weir_socks, sk, 0, 0);
    if (sock) {
        if (sock->flags & WEIR_K_STUCK) return 0;
        sock->flags |= WEIR_K_STUCK;
        sock->generation = 0;
        stuck.scope_id = sock->scope_id;
    }
    cookie = bpf_get_socket_cookie(skb);
    stuck.netns_inode = BPF_CORE_READ(weir_kernel_sock(sk), __sk_common.skc_net.net, ns.inum);
    if (bpf_map_update_elem(&weir_stuck, &cookie, &stuck, BPF_ANY)) weir_count(stuck.scope_id, WEIR_C_STUCK_FULL);
    return 0;
}

#endif /* WEIR_STUCK_BPF_H */

/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * connect(): TCP, UDP and MPTCP by any system call path, io_uring and TCP fast open included. A refused destination is
 * EPERM at once. TCP to a trusted resolver is turned to the sensor's forwarder, because a stream cannot be judged packet by packet.
 */
#include "address_hooks.bpf.h"

SEC("cgroup/connect4")
int weir_connect4(struct bpf_sock_addr *ctx) {
    struct weir_dest dest = {.proto = weir_policy_proto(ctx->protocol)};
    struct weir_sock *sock;
    int redirect = 0;

    weir_addr_v4(dest.addr, ctx->user_ip4);
    if (dest.proto == WEIR_TCP || dest.proto == WEIR_UDP) dest.port = (__be16)ctx->user_port;
    if (weir_judge_address(ctx, &dest, WEIR_HOOK_CONNECT, &redirect) == WEIR_HOOK_EPERM) return WEIR_HOOK_EPERM;
    if (redirect) {
        sock = bpf_sk_storage_get(&weir_socks, ctx->sk, 0, 0);
        if (!sock) return WEIR_HOOK_EPERM;
        ctx->user_ip4 = bpf_htonl(0x7f000001);
        ctx->user_port = sock->seen_port;
    }
    return WEIR_HOOK_ALLOW;
}

/* Also sees IPv4-mapped destinations of IPv6 sockets, and judges those by the IPv4 policy. */
SEC("cgroup/connect6")
int weir_connect6(struct bpf_sock_addr *ctx) {
    struct weir_dest dest = {.proto = weir_policy_proto(ctx->protocol)};
    struct weir_sock *sock;
    int redirect = 0;

    weir_dest_v6(&dest, ctx);
    if (dest.proto == WEIR_TCP || dest.proto == WEIR_UDP) dest.port = (__be16)ctx->user_port;
    if (weir_judge_address(ctx, &dest, WEIR_HOOK_CONNECT, &redirect) == WEIR_HOOK_EPERM) return WEIR_HOOK_EPERM;
    if (redirect) {
        const __u32 *to;

        sock = bpf_sk_storage_get(&weir_socks, ctx->sk, 0, 0);
        if (!sock) return WEIR_HOOK_EPERM;
        to = (const __u32 *)sock->seen_addr;
        ctx->user_ip6[0] = to[0];
        ctx->user_ip6[1] = to[1];
        ctx->user_ip6[2] = to[2];
        ctx->user_ip6[3] = to[3];
        ctx->user_port = sock->seen_port;
    }
    return WEIR_HOOK_ALLOW;
}

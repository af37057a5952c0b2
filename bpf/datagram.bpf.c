/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * sendto(), sendmsg(), sendmmsg() of datagrams with an address: once for each datagram. The family field of the address
 * may be AF_UNSPEC, so it is not looked at; an IPv6 socket that sends to a mapped address arrives at sendmsg4.
 */
#include "address_hooks.bpf.h"

SEC("cgroup/sendmsg4")
int weir_sendmsg4(struct bpf_sock_addr *ctx) {
    struct weir_dest dest = {.proto = weir_policy_proto(ctx->protocol), .port = (__be16)ctx->user_port};
    int redirect = 0;

    weir_addr_v4(dest.addr, ctx->user_ip4);
    return weir_judge_address(ctx, &dest, WEIR_HOOK_SENDMSG, &redirect);
}

SEC("cgroup/sendmsg6")
int weir_sendmsg6(struct bpf_sock_addr *ctx) {
    struct weir_dest dest = {.proto = weir_policy_proto(ctx->protocol), .port = (__be16)ctx->user_port};
    int redirect = 0;

    weir_dest_v6(&dest, ctx);
    return weir_judge_address(ctx, &dest, WEIR_HOOK_SENDMSG, &redirect);
}

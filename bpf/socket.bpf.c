/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * The birth and the end of sockets. At birth a socket gets its scope, and kinds of sockets that the policy does not admit
 * are refused: an allowlist of type and protocol, because for raw, ping, SCTP and UDP-Lite no address hook sees every send.
 */
#include "address_hooks.bpf.h"
#include "dns_forget.bpf.h"
#include "forwarded.bpf.h"

#define WEIR_ICMP 1
#define WEIR_ICMPV6 58
#define WEIR_L2TP 115

/* 0: always admitted; otherwise the WEIR_KIND_* bit that the policy must have set. */
static __always_inline __u32 weir_kind_of(__u32 type, __u32 protocol) {
    if (type == WEIR_SOCK_STREAM && (protocol == WEIR_TCP || protocol == WEIR_MPTCP)) return 0;
    if (type == WEIR_SOCK_DGRAM && protocol == WEIR_UDP) return 0;
    if (protocol == WEIR_SCTP) return WEIR_KIND_SCTP;
    if (protocol == WEIR_UDPLITE) return WEIR_KIND_UDPLITE;
    if (protocol == WEIR_DCCP) return WEIR_KIND_DCCP;
    if (protocol == WEIR_L2TP) return WEIR_KIND_L2TP;
    if (type == WEIR_SOCK_DGRAM && (protocol == WEIR_ICMP || protocol == WEIR_ICMPV6)) return WEIR_KIND_PING;
    if (type == WEIR_SOCK_RAW) return WEIR_KIND_RAW;
    return WEIR_KIND_OTHER;
}

SEC("cgroup/sock_create")
int weir_sock_create(struct bpf_sock *ctx) {
    __u32 tgid, kind, why = WEIR_WHY_KIND;
    struct weir_task *task = weir_current(&tgid);
    const struct weir_scope *scope;
    struct weir_sock *sock;
    __u32 type = ctx->type, protocol = ctx->protocol, family = ctx->family;

    if (!task) return WEIR_HOOK_ALLOW;
    scope = weir_scope_of(task->scope_id);
    if (!scope) return WEIR_HOOK_EPERM;
    kind = weir_kind_of(type, protocol);
    if (kind && !(scope->kinds & kind)) why = WEIR_WHY_SOCKET_KIND;

    struct weir_sock act = {.exec_id = task->exec_id,
                            .netns_cookie = bpf_get_netns_cookie(ctx),
                            .scope_id = task->scope_id,
                            .tgid = tgid,
                            .step = task->step,
                            .proto = (__u8)protocol,
                            .verdict = weir_verdict(scope, why),
                            .why = (__u8)why,
                            .hook = WEIR_HOOK_SOCKET};
    /* Ordinary sockets are not news: the destination is. */
    if (kind) {
        weir_count_verdict(act.scope_id, WEIR_HOOK_SOCKET, act.verdict);
        weir_flow_touch(&act, scope->generation, family << 24 | (type & 0xff) << 16 | (protocol & 0xffff), 1);
    }
    if (act.verdict == WEIR_DENY) return WEIR_HOOK_EPERM;
    if (task->flags & WEIR_T_CANARY) act.flags |= WEIR_K_CANARY;
    sock = bpf_sk_storage_get(&weir_socks, ctx, 0, BPF_SK_STORAGE_GET_F_CREATE);
    if (sock) {
        *sock = act;
        return WEIR_HOOK_ALLOW;
    }
    return scope->mode == WEIR_MODE_BLOCK ? WEIR_HOOK_EPERM : WEIR_HOOK_ALLOW;
}

SEC("cgroup/sock_release")
int weir_sock_end(struct bpf_sock *ctx) {
    struct weir_sock *sock = bpf_sk_storage_get(&weir_socks, ctx, 0, 0);

    if (!sock || !sock->scope_id) return WEIR_HOOK_ALLOW;
    weir_flow_fold(sock);
    sock->flags |= WEIR_K_CLOSED;
    weir_forwarded_closed(ctx, sock);
    if (sock->flags & WEIR_K_DNS) weir_dns_forget(ctx);
    return WEIR_HOOK_ALLOW;
}

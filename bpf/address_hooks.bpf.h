/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * What the four hooks that are handed a destination (connect4/6, sendmsg4/6) have in common: they run in process context,
 * so the acting task is certain, and they see the address as the process gave it, before any NAT.
 */
#ifndef WEIR_ADDRESS_HOOKS_BPF_H
#define WEIR_ADDRESS_HOOKS_BPF_H

#include "flow.bpf.h"

#define WEIR_HOOK_ALLOW 1
#define WEIR_HOOK_EPERM 0

#define WEIR_TCP 6
#define WEIR_UDP 17
#define WEIR_DCCP 33
#define WEIR_SCTP 132
#define WEIR_UDPLITE 136
#define WEIR_MPTCP 262

#define WEIR_DNS_PORT bpf_htons(53)

/* MPTCP is TCP to a policy: the same ports, the same wire. */
static __always_inline __u8 weir_policy_proto(__u32 protocol) {
    return protocol == WEIR_MPTCP ? WEIR_TCP : (__u8)protocol;
}

static __always_inline int weir_netns_is_trusted(__u32 scope_id, __u64 cookie) {
    struct weir_netns_key key = {.cookie = cookie, .scope_id = scope_id};

    return bpf_map_lookup_elem(&weir_netns, &key) != 0;
}

static __always_inline int weir_forwarder_is_alive(const struct weir_scope *scope) {
    return scope->forwarder_ns + WEIR_FORWARDER_STALE_NS > weir_now();
}

/*
 * Port 53 is judged name by name, not by address. Every loopback address counts: a stub resolver that the policy does not
 * know of would be a deputy for any name. Returns the reason that replaces `why`.
 */
static __always_inline __u32 weir_dns_port(const struct weir_scope *scope, __u32 scope_id, const struct weir_dest *dest,
                                           __u64 netns_cookie, __u32 why) {
    int resolver = weir_is_resolver(scope_id, dest->addr);

    if (why == WEIR_WHY_DENY_RULE || why == WEIR_WHY_ENDED) return why;
    if (!resolver && !weir_addr_is_loopback(dest->addr)) return why;
    if (dest->proto == WEIR_UDP) return WEIR_WHY_RESOLVER;
    if (dest->proto != WEIR_TCP) return why;
    if (!resolver && scope->mode == WEIR_MODE_AUDIT) return why;
    /* Only namespaces that the sensor knows have its forwarder on their loopback. */
    if (!weir_forwarder_is_alive(scope) || !weir_netns_is_trusted(scope_id, netns_cookie)) return WEIR_WHY_DNS_TCP_OFF;
    return WEIR_WHY_DNS_TCP;
}

static __always_inline int weir_canary_note(const struct weir_scope *scope, __u32 scope_id, __u64 netns_cookie,
                                            __u32 why) {
    struct weir_canary note = {.boot_ns = weir_now(),
                               .netns_cookie = netns_cookie,
                               .generation = scope->generation,
                               .verdict = weir_verdict(scope, why),
                               .why = (__u8)why};

    bpf_map_update_elem(&weir_canary, &scope_id, &note, BPF_ANY);
    return note.verdict == WEIR_DENY ? WEIR_HOOK_EPERM : WEIR_HOOK_ALLOW;
}

/* The three forms of an IPv6 destination (own, mapped, NAT64) become one path for the verifier. */
static __always_inline void weir_dest_v6(struct weir_dest *dest, const struct bpf_sock_addr *ctx) {
    __u32 given[4] = {ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3]};

    weir_addr_v6(dest->addr, given);
    weir_forget(dest->addr);
}

/* A connected or repeated destination that this very process image was allowed before, in this policy generation. */
static __always_inline int weir_is_kept(const struct weir_sock *sock, const struct weir_scope *scope, __u32 scope_id,
                                        const struct weir_task *task, const struct weir_dest *dest) {
    return sock && sock->scope_id == scope_id && sock->generation == scope->generation && !scope->learned_max_ns &&
           !(sock->flags & WEIR_K_DNS) && !(scope->flags & WEIR_S_ENDED) && sock->port == dest->port &&
           sock->proto == dest->proto && (!task || task->exec_id == sock->exec_id) &&
           weir_addr_same((const __u32 *)sock->addr, dest->addr);
}

/* Writes the allowed destination into the socket's storage: from here on the packet path knows it. */
static __always_inline int weir_sock_keep(struct bpf_sock *sk, struct weir_sock *sock, const struct weir_sock *act,
                                          __u64 netns_cookie, int is_dns) {
    if (!sock) {
        sock = bpf_sk_storage_get(&weir_socks, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
        if (!sock) return 0;
        sock->flags = WEIR_K_ADOPTED;
        weir_count(act->scope_id, WEIR_C_ADOPTED);
    } else if (sock->scope_id == act->scope_id) {
        weir_flow_fold(sock);
    }
    sock->exec_id = act->exec_id;
    sock->netns_cookie = netns_cookie;
    sock->scope_id = act->scope_id;
    sock->generation = act->generation;
    sock->rule_id = act->rule_id;
    sock->tgid = act->tgid;
    sock->step = act->step;
    sock->flags |= WEIR_K_FLOW;
    if (weir_addr_is_loopback((const __u32 *)act->addr)) sock->flags |= WEIR_K_HERE;
    sock->port = act->port;
    sock->proto = act->proto;
    sock->verdict = act->verdict;
    sock->why = act->why;
    sock->hook = act->hook;
    sock->seen_port = act->seen_port;
    __builtin_memcpy(sock->addr, act->addr, 16);
    __builtin_memcpy(sock->seen_addr, act->seen_addr, 16);
    if (is_dns) {
        sock->flags |= WEIR_K_DNS;
        sock->dns_port = act->port;
        __builtin_memcpy(sock->dns_addr, act->addr, 16);
    }
    return 1;
}

/* Where the stream really goes: the forwarder's port on the loopback address of the same family. */
static __always_inline void weir_to_forwarder(struct weir_sock *act, const struct weir_scope *scope,
                                              const struct weir_dest *dest) {
    __u32 *seen = (__u32 *)act->seen_addr;

    if (weir_addr_is_v4(dest->addr)) {
        weir_addr_v4(seen, bpf_htonl(0x7f000001));
        act->seen_port = scope->forwarder_port4;
        return;
    }
    seen[0] = 0;
    seen[1] = 0;
    seen[2] = 0;
    seen[3] = WEIR_ONE_WORD;
    act->seen_port = scope->forwarder_port6;
}

/*
 * A UDP connect() sends nothing. C libraries use it to ask which source address leads to a destination before they connect by
 * TCP (getaddrinfo, RFC 6724), with the TCP port or none. Where TCP may go, that question is answered and not recorded;
 * in audit mode also where an answer of DNS has just named the address, or a suggested policy would hold rules that nobody
 * needs. Nothing is kept, so the first datagram on such a socket is judged, and recorded, by the packet program.
 */
static __always_inline int weir_is_route_question(const struct weir_scope *scope, const struct weir_dest *dest,
                                                  const struct weir_judgement *asked, __u32 why) {
    struct weir_judgement judgement = *asked;
    struct weir_dest tcp = *dest;

    if (dest->proto != WEIR_UDP || why != WEIR_WHY_NO_RULE) return 0;
    if (dest->port == 0) return 1;
    if (scope->mode == WEIR_MODE_AUDIT && weir_name_of(asked->scope_id, dest)) return 1;
    tcp.proto = WEIR_TCP;
    return weir_opaque((__u32)weir_decide(scope, &tcp, &judgement)) < 32;
}

/*
 * Judges and records. `redirect` is set when the caller must rewrite the destination to the scope's DNS forwarder.
 * Returns WEIR_HOOK_ALLOW or WEIR_HOOK_EPERM. A socket whose storage cannot be made is refused in block mode: the packet
 * path would not know it.
 */
static __always_inline int weir_judge_address(struct bpf_sock_addr *ctx, const struct weir_dest *dest, __u8 hook,
                                              int *redirect) {
    __u32 tgid;
    struct weir_task *task = weir_current(&tgid);
    struct weir_sock *sock = bpf_sk_storage_get(&weir_socks, ctx->sk, 0, 0);
    __u32 scope_id = task ? task->scope_id : sock ? sock->scope_id : 0;
    const struct weir_scope *scope;
    __u64 netns_cookie;
    __u32 why;
    int is_dns = 0;

    if (!scope_id) return WEIR_HOOK_ALLOW;
    scope = weir_scope_of(scope_id);
    if (!scope) return WEIR_HOOK_EPERM; /* ended and forgotten: nobody is left to ask */
    netns_cookie = bpf_get_netns_cookie(ctx);
    struct weir_judgement judgement = {
        .proc_mask = task ? task->proc_mask : 0, .netns_cookie = netns_cookie, .scope_id = scope_id};
    if (hook == WEIR_HOOK_SENDMSG && weir_is_kept(sock, scope, scope_id, task, dest)) {
        why = sock->why;
        judgement.rule_id = sock->rule_id;
    } else {
        why = weir_opaque((__u32)weir_decide(scope, dest, &judgement));
        if (dest->port == WEIR_DNS_PORT) {
            why = weir_opaque(weir_dns_port(scope, scope_id, dest, netns_cookie, why));
            is_dns = dest->proto == WEIR_UDP && why < 32;
        }
    }
    if (task && (task->flags & WEIR_T_CANARY)) return weir_canary_note(scope, scope_id, netns_cookie, why);
    if (hook == WEIR_HOOK_CONNECT && sock && sock->scope_id == scope_id &&
        weir_is_route_question(scope, dest, &judgement, why)) {
        weir_flow_fold(sock);
        sock->flags &= ~WEIR_K_FLOW;
        sock->generation = 0;
        if (task) {
            sock->exec_id = task->exec_id;
            sock->tgid = tgid;
            sock->step = task->step;
        }
        return WEIR_HOOK_ALLOW;
    }
    /* The record of the refused connect is the finding; the socket's scope is not for this job to know. */
    if (task && sock && sock->scope_id && sock->scope_id != scope_id) why = WEIR_WHY_FOREIGN;

    struct weir_sock act = {.exec_id = task   ? task->exec_id
                                       : sock ? sock->exec_id
                                              : 0,
                            .scope_id = scope_id,
                            .generation = scope->generation,
                            .rule_id = judgement.rule_id,
                            .tgid = tgid,
                            .step = task   ? task->step
                                    : sock ? sock->step
                                           : 0,
                            .port = dest->port,
                            .seen_port = dest->port,
                            .proto = dest->proto,
                            .verdict = (__u8)weir_opaque(weir_verdict(scope, why)),
                            .why = (__u8)why,
                            .hook = hook};
    __builtin_memcpy(act.addr, dest->addr, 16);
    __builtin_memcpy(act.seen_addr, dest->addr, 16);
    weir_count_verdict(scope_id, hook, act.verdict);
    weir_flow_touch(&act, scope->generation, 0, 1);
    if (act.verdict == WEIR_DENY) return WEIR_HOOK_EPERM;
    if (why == WEIR_WHY_DNS_TCP) {
        *redirect = 1;
        weir_to_forwarder(&act, scope, dest);
    }
    if (weir_sock_keep(ctx->sk, sock, &act, netns_cookie, is_dns)) return WEIR_HOOK_ALLOW;
    return scope->mode == WEIR_MODE_BLOCK ? WEIR_HOOK_EPERM : WEIR_HOOK_ALLOW;
}

#endif /* WEIR_ADDRESS_HOOKS_BPF_H */

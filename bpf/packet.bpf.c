/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * Every IP packet of a scope's sockets: the second line. It sees the address after NAT and routing, where the address
 * hooks saw it before, so it catches translations that a root job made, sockets that were passed in, raw packets and replies on
 * accepted connections. And it is where DNS is read.
 *
 * Who is acting stands in the socket. `current` may be a stranger in whose softirq the packet is sent; it is only believed where
 * it must be the sender (sender.bpf.h).
 */
#include "dns.bpf.h"
#include "packet.bpf.h"
#include "sender.bpf.h"

#define WEIR_PACKET_PASS 1
#define WEIR_PACKET_DROP 0 /* the sender of a datagram gets EPERM */
#define WEIR_PACKET_DNS 2  /* internal: to be judged by the name that it asks for */

/* The established, judged flow: same destination as the last packet that was let through, same policy generation. IPv4
 * without options and IPv6 without extension headers; everything else takes the long way. */
static __always_inline int weir_is_seen(const struct __sk_buff *skb, const struct weir_sock *sock,
                                        const struct weir_scope *scope) {
    void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
    const __u32 *seen = (const __u32 *)sock->seen_addr;
    const struct weir_ports *ports;
    int here = weir_addr_is_loopback(seen);

    if (sock->generation != scope->generation || (sock->flags & WEIR_K_DNS)) return 0;
    if (scope->flags & WEIR_S_ENDED) return 0;
    /* A root job can change the route meanwhile. */
    if (here && skb->ifindex != WEIR_LOOPBACK_IFINDEX) return 0;
    if (skb->protocol == bpf_htons(WEIR_ETH_IP)) {
        const struct iphdr *ip = data;

        ports = (void *)(ip + 1);
        if ((void *)(ports + 1) > end || ip->ihl != 5 || ip->protocol != sock->proto) return 0;
        if (ip->frag_off & bpf_htons(WEIR_FRAG_OFFSET)) return 0;
        if (seen[3] != ip->daddr || seen[2] != WEIR_MAPPED_WORD) return 0;
        if (here && !weir_v4_is_here(ip->saddr)) return 0;
    } else {
        const struct ipv6hdr *ip6 = data;

        ports = (void *)(ip6 + 1);
        if ((void *)(ports + 1) > end || ip6->nexthdr != sock->proto) return 0;
        if (!weir_addr_same(seen, ip6->daddr.in6_u.u6_addr32)) return 0;
        if (here && !weir_addr_is_loopback(ip6->saddr.in6_u.u6_addr32)) return 0;
    }
    if (sock->proto != WEIR_TCP && sock->proto != WEIR_UDP) return 0;
    return ports->dest == sock->seen_port && ports->source != WEIR_DNS_PORT;
}

static __always_inline void weir_count_out(struct weir_sock *sock, __u32 bytes) {
    __sync_fetch_and_add(&sock->bytes_out, bytes);
    __sync_fetch_and_add(&sock->packets_out, 1);
    if (sock->packets_out + sock->packets_in >= WEIR_FOLD_PACKETS || sock->flags & WEIR_K_CLOSED) weir_flow_fold(sock);
}

/* Lists of executables that the socket's process image is on; none when that image is gone. */
static __always_inline __u64 weir_sock_proc_mask(const struct weir_sock *sock) {
    __u32 tgid = sock->tgid;
    const struct weir_task *task = bpf_map_lookup_elem(&weir_tasks, &tgid);

    return task && task->exec_id == sock->exec_id ? task->proc_mask : 0;
}

static __always_inline __u32 weir_judge_dest(const struct weir_scope *scope, const struct weir_packet *packet,
                                             struct weir_judgement *judgement) {
    __u32 why = weir_opaque((__u32)weir_decide(scope, &packet->dest, judgement));
    int here = weir_addr_is_loopback(packet->dest.addr);

    if (why >= 32) return why;
    /* Loopback is allowed because it stays on the host, and a root job can route it out. */
    if (here && !packet->stays) return WEIR_WHY_NO_RULE;
    /* A stream to a resolver that the connect hook has not turned to the forwarder: connected by somebody else. */
    if (packet->dest.proto == WEIR_TCP && packet->dest.port == WEIR_DNS_PORT &&
        ((here && scope->mode == WEIR_MODE_BLOCK) || weir_is_resolver(judgement->scope_id, packet->dest.addr)))
        return WEIR_WHY_DNS_TCP_OFF;
    return why;
}

/*
 * A connection to the forwarder goes to loopback, which is allowed anyway. A flow whose destination was translated must be
 * allowed under both addresses; the address hook has asked about the first, this asks about the second.
 */
static __noinline int weir_judge_packet(struct weir_sock *sock, const struct weir_scope *scope,
                                        const struct weir_packet *packet, struct weir_judgement *judgement) {
    __u32 why;

    if (packet->fault) return packet->fault;
    if (packet->dest.proto == WEIR_UDP && packet->source_port == WEIR_DNS_PORT) return WEIR_WHY_DNS_REPLY;
    judgement->scope_id = sock->scope_id;
    judgement->netns_cookie = sock->netns_cookie;
    judgement->proc_mask = weir_sock_proc_mask(sock);
    why = weir_opaque(weir_judge_dest(scope, packet, judgement));
    if (!(sock->flags & WEIR_K_FLOW) || sock->hook == WEIR_HOOK_PACKET) return (int)why;
    if (sock->generation != scope->generation) {
        /* The policy changed under an open flow: the destination that its process named must pass again as well. */
        struct weir_dest named = {.port = sock->port, .proto = sock->proto};

        __builtin_memcpy(named.addr, sock->addr, 16);
        if (why < 32 && sock->why != WEIR_WHY_RESOLVER && sock->why != WEIR_WHY_DNS_TCP)
            return weir_decide(scope, &named, judgement);
        return (int)why;
    }
    if (why == WEIR_WHY_NO_RULE && sock->verdict == WEIR_ALLOW &&
        !weir_addr_same((const __u32 *)sock->addr, packet->dest.addr))
        return WEIR_WHY_TRANSLATED;
    return (int)why;
}

/* The flow of this socket was named by its process, at an address hook; else packets name it (accepted, raw sockets). */
static __always_inline int weir_is_named(const struct weir_sock *sock) {
    return (sock->flags & WEIR_K_FLOW) && sock->hook != WEIR_HOOK_PACKET;
}

/* From here on, packets to this destination take the short way. */
static __always_inline void weir_packet_seen(struct weir_sock *sock, __u32 generation, const struct weir_dest *dest) {
    sock->generation = generation;
    sock->seen_port = dest->port;
    __builtin_memcpy(sock->seen_addr, dest->addr, 16);
}

static __always_inline void weir_packet_names(struct weir_sock *sock, const struct weir_sock *act) {
    weir_flow_fold(sock);
    sock->rule_id = act->rule_id;
    sock->port = act->port;
    sock->proto = act->proto;
    sock->verdict = act->verdict;
    sock->why = act->why;
    sock->hook = act->hook;
    __builtin_memcpy(sock->addr, act->addr, 16);
    sock->flags |= WEIR_K_FLOW;
}

/*
 * A packet to loopback stays, and what answers it goes to its source: the kernel's error about a closed port, with the
 * payload in it, or a service of the host's. The kernel gives such a packet a loopback source. Any other one was chosen by the
 * sender (IPV6_FREEBIND needs no privilege), or the host has turned a packet here that was meant for elsewhere; a socket that
 * has ever named a loopback destination is no such case, whatever another thread makes of its flow meanwhile.
 */
static __always_inline int weir_is_answered_elsewhere(const struct weir_sock *sock, const struct weir_packet *packet) {
    if (!packet->stays || !weir_addr_is_loopback(packet->dest.addr)) return 0;
    if (weir_addr_is_loopback(packet->source.addr)) return 0;
    return !weir_is_named(sock) || (sock->flags & WEIR_K_HERE);
}

/*
 * The long way. A global function, so that the verifier walks it once; such a function takes only the context and numbers on
 * 5.10, so it finds socket and scope again. `plain`: do not look whether it is DNS.
 */
__noinline int weir_packet_slow(struct __sk_buff *skb, __u32 plain) {
    struct weir_sock *sock = weir_sock_of(skb);
    const struct weir_scope *scope;
    struct weir_judgement judgement = {};
    struct weir_packet packet = {};
    int passed = WEIR_PACKET_PASS, elsewhere;
    __u32 why;

    if (!sock) return WEIR_PACKET_DROP;
    scope = weir_scope_of(sock->scope_id);
    if (!scope) return WEIR_PACKET_DROP;
    weir_packet_parse(skb, &packet);
    elsewhere = weir_is_answered_elsewhere(sock, &packet);
    if (elsewhere) {
        __builtin_memcpy(packet.dest.addr, packet.source.addr, 16);
        packet.dest.port = packet.source_port;
        weir_forget(packet.dest.addr);
    }
    if (!plain && !packet.fault && !weir_has_ended(scope) && weir_is_dns_packet(sock, &packet)) {
        if (!weir_is_turned_aside(sock, &packet)) return WEIR_PACKET_DNS;
        passed = WEIR_PACKET_DNS;
    }
    why = weir_opaque((__u32)weir_judge_packet(sock, scope, &packet, &judgement));
    if (why >= 32 && elsewhere) why = WEIR_WHY_SOURCE;
    if (why < 32 && (sock->flags & WEIR_K_STUCK)) why = WEIR_WHY_STUCK;
    passed = (int)weir_opaque((__u32)passed);
    if (why < 32 && weir_is_named(sock)) {
        weir_packet_seen(sock, scope->generation, &packet.dest);
        return passed;
    }

    struct weir_sock act = {.exec_id = sock->exec_id,
                            .scope_id = sock->scope_id,
                            .rule_id = judgement.rule_id,
                            .tgid = sock->tgid,
                            .step = sock->step,
                            .port = packet.dest.port,
                            .proto = packet.dest.proto,
                            .verdict = (__u8)weir_opaque(weir_verdict(scope, why)),
                            .why = (__u8)why,
                            .hook = WEIR_HOOK_PACKET};
    __builtin_memcpy(act.addr, packet.dest.addr, 16);
    weir_count_verdict(sock->scope_id, WEIR_HOOK_PACKET, act.verdict);
    weir_flow_touch(&act, scope->generation, 0, 0);
    if (act.verdict == WEIR_DENY) {
        if (weir_carries_bytes(skb, &packet)) weir_stick(skb, sock->scope_id, packet.dest.proto);
        return WEIR_PACKET_DROP;
    }
    if (!weir_is_named(sock)) weir_packet_names(sock, &act);
    weir_packet_seen(sock, scope->generation, &packet.dest);
    return passed;
}

/*
 * A task of one scope sends on another scope's socket. What that one may do is not for this one: refused and recorded as this
 * one's. Returns WEIR_PACKET_*.
 */
static __always_inline int weir_foreign(struct __sk_buff *skb, const struct weir_task *sender, __u32 tgid) {
    const struct weir_scope *scope = weir_scope_of(sender->scope_id);
    struct weir_packet packet = {};

    if (!scope) return WEIR_PACKET_DROP;
    weir_packet_parse(skb, &packet);

    struct weir_sock act = {.exec_id = sender->exec_id,
                            .scope_id = sender->scope_id,
                            .tgid = tgid,
                            .step = sender->step,
                            .port = packet.dest.port,
                            .proto = packet.dest.proto,
                            .verdict = weir_verdict(scope, WEIR_WHY_FOREIGN),
                            .why = WEIR_WHY_FOREIGN,
                            .hook = WEIR_HOOK_PACKET};
    __builtin_memcpy(act.addr, packet.dest.addr, 16);
    weir_count_verdict(act.scope_id, WEIR_HOOK_PACKET, act.verdict);
    weir_flow_touch(&act, scope->generation, 0, 1);
    if (act.verdict != WEIR_DENY) return WEIR_PACKET_PASS;
    if (weir_carries_bytes(skb, &packet)) weir_stick(skb, act.scope_id, packet.dest.proto);
    return WEIR_PACKET_DROP;
}

/*
 * Compares who sends with who acts according to the socket. A rule that is bound to executables holds for the image that
 * sends: when that is another one than before, nothing is kept and the packet names a flow of its own. Without such rules
 * one image may send what another may, and the flow stays with the image that connected.
 */
__noinline int weir_check_sender(struct __sk_buff *skb) {
    struct bpf_sock *sk = skb->sk;
    struct weir_sock *sock = weir_sock_of(skb);
    const struct weir_scope *scope;
    const struct weir_task *sender;
    __u32 tgid;

    if (!sk || !sock) return WEIR_PACKET_PASS;
    sk = bpf_sk_fullsock(sk);
    if (!sk) return WEIR_PACKET_PASS;
    sender = weir_sender(sk, &tgid);
    if (!sender) return WEIR_PACKET_PASS;
    if (sender->scope_id != sock->scope_id) return weir_foreign(skb, sender, tgid);
    scope = weir_scope_of(sock->scope_id);
    if (sender->exec_id == sock->exec_id || !scope || !(scope->flags & WEIR_S_PROCESS)) return WEIR_PACKET_PASS;
    weir_flow_fold(sock);
    sock->flags &= ~WEIR_K_FLOW;
    sock->generation = 0;
    sock->exec_id = sender->exec_id;
    sock->tgid = tgid;
    sock->step = sender->step;
    return WEIR_PACKET_PASS;
}

/* One lookup decides whether there is anything to compare. */
static __always_inline int weir_may_be_sent_by_another(const struct weir_sock *sock) {
    __u32 tgid;
    const struct weir_task *task = weir_current(&tgid);

    return task && (task->scope_id != sock->scope_id || task->exec_id != sock->exec_id);
}

SEC("cgroup_skb/egress")
int weir_egress(struct __sk_buff *skb) {
    struct weir_sock *sock = weir_sock_of(skb);
    const struct weir_scope *scope;
    int result = WEIR_PACKET_PASS;

    if (!sock) {
        if (!weir_may_take_in(skb)) return WEIR_PACKET_PASS;
        result = weir_take_in(skb);
        if (result == WEIR_TAKEN_NOT) return WEIR_PACKET_PASS;
        sock = weir_sock_of(skb);
        if (result == WEIR_TAKEN_FAILED || !sock) return WEIR_PACKET_DROP;
        result = WEIR_PACKET_PASS;
    } else if (weir_may_be_sent_by_another(sock)) {
        if (weir_check_sender(skb) == WEIR_PACKET_DROP) return WEIR_PACKET_DROP;
    }
    scope = weir_scope_of(sock->scope_id);
    if (!scope) return WEIR_PACKET_DROP; /* ended and forgotten */
    if (!weir_is_seen(skb, sock, scope)) result = weir_packet_slow(skb, 0);
    if (result == WEIR_PACKET_DNS) {
        __u32 why = (__u32)weir_dns_egress(skb);

        result = weir_verdict(scope, why) == WEIR_DENY ? WEIR_PACKET_DROP : WEIR_PACKET_PASS;
        /* The job's own server: the packet's address must be allowed as well. */
        if (why == WEIR_WHY_LOOPBACK) result = weir_packet_slow(skb, 1);
    }
    if (result != WEIR_PACKET_PASS) return WEIR_PACKET_DROP;
    weir_count_out(sock, skb->len);
    return WEIR_PACKET_PASS;
}

/* Counts what comes in, and reads answers before they are queued to the socket. Never drops: an answer that is refused
 * teaches nothing, and the connect that relies on it is denied. */
SEC("cgroup_skb/ingress")
int weir_ingress(struct __sk_buff *skb) {
    struct weir_sock *sock = weir_sock_of(skb);

    if (!sock) return WEIR_PACKET_PASS;
    __sync_fetch_and_add(&sock->bytes_in, skb->len);
    __sync_fetch_and_add(&sock->packets_in, 1);
    if (sock->flags & WEIR_K_CLOSED) weir_flow_fold(sock);
    if (sock->flags & WEIR_K_DNS) weir_dns_ingress(skb);
    return WEIR_PACKET_PASS;
}

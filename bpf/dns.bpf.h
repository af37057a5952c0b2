/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * DNS in the packet path: which packets are queries, whose answers may be believed, and what is recorded of both. The
 * messages themselves are read in dns.bpf.c.
 */
#ifndef WEIR_DNS_BPF_H
#define WEIR_DNS_BPF_H

#include "dns_maps.bpf.h"
#include "packet.bpf.h"

struct weir_udp_header {
    __be16 source;
    __be16 dest;
    __be16 length;
    __be16 check;
};

/* To port 53 of a resolver, or of this host. */
static __always_inline int weir_is_to_resolver(const struct weir_sock *sock, const struct weir_packet *packet) {
    if (packet->dest.port != WEIR_DNS_PORT) return 0;
    return (packet->stays && weir_addr_is_loopback(packet->dest.addr)) ||
           weir_is_resolver(sock->scope_id, packet->dest.addr);
}

/*
 * A query whose destination is not the resolver's that its process named: translated by an engine or a cluster, or by a root
 * job; or the socket was connected elsewhere by the question for a route. Then the place must be one where the job may send,
 * besides: a query for an allowed name has room for other data (its id, its letters' case, EDNS cookies, labels below a
 * wildcard).
 */
static __always_inline int weir_is_turned_aside(const struct weir_sock *sock, const struct weir_packet *packet) {
    if (packet->stays && weir_addr_is_loopback(packet->dest.addr)) return 0;
    return !weir_is_to_resolver(sock, packet);
}

/*
 * Whether a packet is to be read as a query. By its destination, as long as no NAT has changed it; else by the flow that the
 * process named (a container engine turns 127.0.0.11:53 into another port, a cluster turns a service address into a pod's). A
 * socket that has once spoken to a loopback resolver sends nothing unread to any loopback port: another thread may
 * have renamed its flow in between.
 */
static __always_inline int weir_is_dns_packet(const struct weir_sock *sock, const struct weir_packet *packet) {
    int to_loopback;

    if (packet->dest.proto != WEIR_UDP) return 0;
    if (weir_is_to_resolver(sock, packet)) return 1;
    to_loopback = packet->stays && weir_addr_is_loopback(packet->dest.addr);
    if (!(sock->flags & WEIR_K_DNS)) return 0;
    if (sock->why == WEIR_WHY_RESOLVER && sock->hook != WEIR_HOOK_PACKET) return 1;
    return to_loopback && weir_addr_is_loopback((const __u32 *)sock->dns_addr);
}

/*
 * The scope in which the socket was made that serves a local address; 0: outside every scope; WEIR_NOBODY: none found. A
 * root job can stop the stub resolver and bind its address, or put a resolver's address on an interface of its own.
 */
#define WEIR_NOBODY 0xffffffffu

static __always_inline __u32 weir_server_scope(struct __sk_buff *skb, const struct weir_packet *packet) {
    struct bpf_sock_tuple tuple = {};
    const struct weir_sock *owner;
    struct bpf_sock *sk;
    __u32 scope_id = 0, size;

    if (weir_addr_is_v4(packet->dest.addr)) {
        tuple.ipv4.saddr = packet->source.addr[3];
        tuple.ipv4.sport = packet->source_port;
        tuple.ipv4.daddr = packet->dest.addr[3];
        tuple.ipv4.dport = packet->dest.port;
        size = sizeof(tuple.ipv4);
    } else {
        __builtin_memcpy(tuple.ipv6.saddr, packet->source.addr, 16);
        tuple.ipv6.sport = packet->source_port;
        __builtin_memcpy(tuple.ipv6.daddr, packet->dest.addr, 16);
        tuple.ipv6.dport = packet->dest.port;
        size = sizeof(tuple.ipv6);
    }
    if (size == sizeof(tuple.ipv4))
        sk = bpf_sk_lookup_udp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
    else
        sk = bpf_sk_lookup_udp(skb, &tuple, sizeof(tuple.ipv6), BPF_F_CURRENT_NETNS, 0);
    if (!sk) return WEIR_NOBODY;
    owner = bpf_sk_storage_get(&weir_socks, sk, 0, 0);
    if (owner) scope_id = owner->scope_id;
    bpf_sk_release(sk);
    return scope_id;
}

/* The resolver as the process named it: what the answer will come from once NAT is undone. */
static __always_inline void weir_dns_server(const struct weir_sock *sock, const struct weir_packet *packet,
                                            struct weir_dest *server) {
    if (packet->dest.port == WEIR_DNS_PORT && weir_is_resolver(sock->scope_id, packet->dest.addr)) {
        *server = packet->dest;
        return;
    }
    server->proto = WEIR_UDP;
    server->port = sock->dns_port;
    __builtin_memcpy(server->addr, sock->dns_addr, 16);
    if (!(sock->flags & WEIR_K_DNS)) *server = packet->dest;
}

/*
 * May answers teach (DESIGN 2.3.5)? Only in a namespace that the job did not make, only from a resolver that is trusted, and
 * only when the query really goes there: out of a real interface to that very address, or to a local socket that was made
 * outside every scope.
 */
static __always_inline int weir_dns_may_teach(struct __sk_buff *skb, const struct weir_sock *sock,
                                              const struct weir_packet *packet, const struct weir_dest *server,
                                              __u32 server_scope) {
    if (!weir_netns_is_trusted(sock->scope_id, sock->netns_cookie)) return 0;
    if (!weir_is_resolver(sock->scope_id, server->addr)) return 0;
    if (skb->ifindex == WEIR_LOOPBACK_IFINDEX) return server_scope == 0;
    return packet->dest.port == WEIR_DNS_PORT && weir_is_resolver(sock->scope_id, packet->dest.addr);
}

/* ---- records ------------------------------------------------------------------------------------------------ */

static __always_inline void weir_dns_event_fill(struct weir_dns_event *record, const struct weir_dns_state *state,
                                                __u16 kind, __u8 verdict) {
    const struct weir_who who = {.exec_id = state->asked.exec_id,
                                 .scope_id = state->asked.scope_id,
                                 .tgid = state->asked.tgid,
                                 .step = state->asked.step};
    __u32 n = state->out.n_addrs;

    weir_event_begin(&record->event, kind, &who);
    record->rule_id = state->out.rule_id;
    record->ttl = state->out.ttl;
    record->qtype = state->out.qtype;
    record->n_addrs = (__u16)n;
    record->verdict = verdict;
    record->why = (__u8)state->out.why;
    record->hook = WEIR_HOOK_DNS;
    record->reserved = 0;
    __builtin_memcpy(record->server, state->asked.server, 16);
    __builtin_memset(record->comm, 0, sizeof(record->comm));
    __builtin_memcpy(record->name, state->asked.name, WEIR_NAME_BYTES);
    if (kind == WEIR_E_ANSWER)
        __builtin_memcpy(record->addrs, state->addrs, sizeof(record->addrs));
    else
        __builtin_memset(record->addrs, 0, sizeof(record->addrs));
}

/* Global, like weir_packet_slow, and for the same reason; kind is WEIR_E_*. */
__weak __noinline int weir_dns_send(__u32 slot, __u32 kind, __u32 verdict) {
    const struct weir_dns_state *state = weir_dns_state_of(slot);
    struct weir_dns_event *record = 0;

    if (!state) return 0;
    if (verdict == WEIR_ALLOW) {
        if (weir_events_admit(state->asked.scope_id, sizeof(*record)))
            record = bpf_ringbuf_reserve(&weir_events, sizeof(*record), 0);
        if (!record) {
            weir_count(state->asked.scope_id, WEIR_C_LOST_DNS);
            return 0;
        }
        weir_dns_event_fill(record, state, (__u16)kind, (__u8)verdict);
        bpf_ringbuf_submit(record, WEIR_QUIET);
    } else {
        if (weir_denials_admit(state->asked.scope_id, sizeof(*record)))
            record = bpf_ringbuf_reserve(&weir_denials, sizeof(*record), 0);
        if (!record) {
            weir_count(state->asked.scope_id, WEIR_C_LOST_DENIAL);
            return 0;
        }
        weir_dns_event_fill(record, state, (__u16)kind, (__u8)verdict);
        bpf_ringbuf_submit(record, WEIR_WAKE);
    }
    weir_count(state->asked.scope_id, WEIR_C_EVENTS);
    return 0;
}

static __noinline int weir_finding_once(const struct weir_sock *sock, __u32 finding, __u64 value) {
    const struct weir_who who = weir_who_sock(sock);
    struct weir_found found = {.value = value, .finding = finding};

    weir_find_once(&who, &found);
    return 0;
}

/* A query judged: counted always, an event when it is the first of its process, name, type and verdict. */
static __always_inline void weir_dns_note_query(const struct weir_dns_state *state, __u32 slot,
                                                const struct weir_scope *scope) {
    __u8 verdict = (__u8)weir_opaque(weir_verdict(scope, state->out.why));
    __u32 scope_id = state->in.scope_id;
    struct weir_flow_key key = {.exec_id = state->in.exec_id,
                                .scope_id = scope_id,
                                .step = state->in.step,
                                .port = bpf_htons(state->out.qtype),
                                .proto = WEIR_UDP,
                                .verdict = verdict,
                                .hook = WEIR_HOOK_DNS,
                                .why = (__u8)state->out.why};

    __builtin_memcpy(key.addr, &state->out.name_hash, sizeof(state->out.name_hash));
    weir_count(scope_id, WEIR_C_QUERIES);
    weir_count_verdict(scope_id, WEIR_HOOK_DNS, verdict);
    if (weir_flow_note(&key, state->out.rule_id, state->in.tgid)) weir_dns_send(slot, WEIR_E_DNS, verdict);
}

/* What the parser is to know; the offsets are those of the UDP payload. */
static __always_inline void weir_dns_input(struct weir_dns_state *state, struct __sk_buff *skb,
                                           const struct weir_sock *sock, const struct weir_packet *packet,
                                           const __u32 server[4], __be16 server_port) {
    state->in.cookie = bpf_get_socket_cookie(skb);
    state->in.exec_id = sock->exec_id;
    state->in.payload_off = packet->transport + (__u32)sizeof(struct weir_udp_header);
    state->in.payload_len = packet->length - state->in.payload_off;
    state->in.scope_id = sock->scope_id;
    state->in.tgid = sock->tgid;
    state->in.step = sock->step;
    state->in.server_port = server_port;
    __builtin_memcpy(state->in.server, server, 16);
}

/*
 * Judges a datagram to port 53. Returns WEIR_WHY_*; WEIR_WHY_LOOPBACK: the name is allowed and the server is the job's own, so
 * the packet is judged like any other, besides. The job's own server is no reason not to read: it can be gone, and the host's
 * be there again, when a packet that a root job holds up in a queue arrives. Without scratch memory the query is refused: it
 * was not read.
 */
__weak __noinline int weir_dns_egress(struct __sk_buff *skb) {
    struct weir_sock *sock = weir_sock_of(skb);
    __u32 server_scope = WEIR_NOBODY, why = WEIR_WHY_DNS_FORM;
    const struct weir_scope *scope;
    struct weir_packet packet = {};
    struct weir_dns_state *state;
    struct weir_dest server = {};
    int slot;

    if (!sock) return WEIR_WHY_DNS_FORM;
    scope = weir_scope_of(sock->scope_id);
    if (!scope) return WEIR_WHY_ENDED;
    weir_packet_parse(skb, &packet);
    weir_dns_server(sock, &packet, &server);
    weir_forget(server.addr);
    server.port = (__be16)weir_opaque(server.port);
    if (packet.stays) server_scope = weir_server_scope(skb, &packet);
    server_scope = weir_opaque(server_scope);
    if (!(sock->flags & WEIR_K_DNS)) {
        /* Connected by somebody else: no address hook has seen where. */
        sock->dns_port = server.port;
        __builtin_memcpy(sock->dns_addr, server.addr, 16);
        sock->flags |= WEIR_K_DNS;
    }
    if (server_scope == sock->scope_id && weir_is_resolver(sock->scope_id, server.addr))
        weir_finding_once(sock, WEIR_F_FAKE_RESOLVER, 0);
    slot = weir_slot_take();
    state = weir_dns_state_of((__u32)slot);
    if (state) {
        weir_dns_input(state, skb, sock, &packet, server.addr, server.port);
        state->in.mode = scope->mode;
        state->in.teach = (__u32)weir_dns_may_teach(skb, sock, &packet, &server, server_scope);
        why = (__u32)weir_dns_query(skb, (__u32)slot);
        weir_dns_note_query(state, (__u32)slot, scope);
    } else {
        weir_count_verdict(sock->scope_id, WEIR_HOOK_DNS, weir_verdict(scope, why));
    }
    weir_slot_give(slot);
    return why < 32 && server_scope == sock->scope_id ? WEIR_WHY_LOOPBACK : (int)why;
}

/* Reads an answer before it is queued to the socket: the connect that follows it cannot be too early. */
static __always_inline int weir_dns_ingress(struct __sk_buff *skb) {
    struct weir_sock *sock = weir_sock_of(skb);
    struct weir_packet packet = {};
    struct weir_dns_state *state;
    int slot, result;

    if (!sock) return 0;
    weir_packet_parse(skb, &packet);
    if (packet.fault || packet.dest.proto != WEIR_UDP || packet.source_port != sock->dns_port) return 0;
    slot = weir_slot_take();
    state = weir_dns_state_of((__u32)slot);
    if (state) {
        weir_dns_input(state, skb, sock, &packet, packet.source.addr, packet.source_port);
        result = weir_dns_answer(skb, (__u32)slot);
        if (result == WEIR_ANSWER_USED && state->out.n_new) {
            state->out.why = WEIR_WHY_NAME;
            weir_dns_send((__u32)slot, WEIR_E_ANSWER, WEIR_ALLOW);
        }
        if (state->out.n_lost) weir_finding_once(sock, WEIR_F_LEARNED_FULL, state->out.n_lost);
        if (result == WEIR_ANSWER_REFUSED && state->out.code != WEIR_DNS_E_RCODE &&
            state->out.code != WEIR_DNS_E_TRUNCATED)
            weir_finding_once(sock, WEIR_F_ANSWER_REFUSED, state->out.code);
    } else {
        weir_count(sock->scope_id, WEIR_C_ANSWER_FORM);
    }
    weir_slot_give(slot);
    return 0;
}

#endif /* WEIR_DNS_BPF_H */

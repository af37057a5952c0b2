/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * From the bytes of a packet to a destination. Strict: what a job's own socket has no business to send (source routes,
 * fragments made by hand, routing headers) is a fault, and a fault is denied in block mode.
 */
#ifndef WEIR_PACKET_BPF_H
#define WEIR_PACKET_BPF_H

#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "address_hooks.bpf.h"

#define WEIR_ETH_IP 0x0800
#define WEIR_ETH_IPV6 0x86dd
#define WEIR_FRAG_OFFSET 0x1fff /* RFC 791 3.1, in units of 8 bytes */
#define WEIR_MAX_EXT_HEADERS 6
#define WEIR_LOOPBACK_IFINDEX 1 /* LOOPBACK_IFINDEX, include/net/flow.h: the same in every network namespace */

/* First four bytes of TCP, UDP, UDP-Lite, SCTP and DCCP. */
struct weir_ports {
    __be16 source;
    __be16 dest;
};

struct weir_packet {
    struct weir_dest dest;
    struct weir_dest source; /* only addr */
    __be16 source_port;
    __u16 transport; /* offset of the transport header */
    __u32 length;    /* of the packet */
    __u32 fault;     /* WEIR_WHY_*; 0: none */
    __u32 stays;     /* goes to the loopback device */
};

static __always_inline int weir_has_ports(__u8 proto) {
    return proto == WEIR_TCP || proto == WEIR_UDP || proto == WEIR_DCCP || proto == WEIR_SCTP || proto == WEIR_UDPLITE;
}

static __always_inline void weir_packet_parse_v4(struct __sk_buff *skb, struct weir_packet *packet) {
    struct iphdr ip;

    if (bpf_skb_load_bytes(skb, 0, &ip, sizeof(ip))) {
        packet->fault = WEIR_WHY_PACKET_FORM;
        return;
    }
    weir_addr_v4(packet->dest.addr, ip.daddr);
    weir_addr_v4(packet->source.addr, ip.saddr);
    packet->dest.proto = ip.protocol;
    packet->transport = sizeof(ip);
    /* Options can carry a source route, which makes daddr a mere first hop (RFC 791 3.1). */
    if (ip.ihl != 5) packet->fault = WEIR_WHY_PACKET_FORM;
    if (ip.frag_off & bpf_htons(WEIR_FRAG_OFFSET)) packet->fault = WEIR_WHY_FRAGMENT;
}

static __always_inline int weir_is_ext_header(__u8 next) {
    return next == IPPROTO_HOPOPTS || next == IPPROTO_DSTOPTS || next == IPPROTO_ROUTING || next == IPPROTO_FRAGMENT;
}

/* Walks hop-by-hop and destination options and a first fragment (RFC 8200 4). A routing header with segments left hides
 * the real destination. */
static __always_inline void weir_packet_parse_v6(struct __sk_buff *skb, struct weir_packet *packet) {
    struct ipv6hdr ip6;
    __u32 offset = sizeof(ip6);
    __u8 next;

    if (bpf_skb_load_bytes(skb, 0, &ip6, sizeof(ip6))) {
        packet->fault = WEIR_WHY_PACKET_FORM;
        return;
    }
    weir_addr_v6(packet->dest.addr, ip6.daddr.in6_u.u6_addr32);
    weir_forget(packet->dest.addr);
    weir_addr_v6(packet->source.addr, ip6.saddr.in6_u.u6_addr32);
    weir_forget(packet->source.addr);
    next = ip6.nexthdr;
    for (int i = 0; i < WEIR_MAX_EXT_HEADERS; i++) {
        __u8 header[4] = {};

        if (!weir_is_ext_header(next)) break;
        if (bpf_skb_load_bytes(skb, offset, header, sizeof(header))) {
            packet->fault = WEIR_WHY_PACKET_FORM;
            return;
        }
        if (next == IPPROTO_ROUTING && header[3] != 0) packet->fault = WEIR_WHY_PACKET_FORM;
        if (next == IPPROTO_FRAGMENT) {
            if (header[2] || header[3] & 0xf8) packet->fault = WEIR_WHY_FRAGMENT;
            offset += 8;
        } else {
            offset += 8 + 8 * (__u32)header[1];
        }
        next = header[0];
        /* One round is like another to the verifier. */
        offset = weir_opaque(offset);
        packet->fault = weir_opaque(packet->fault);
    }
    /* A routing header may come behind as many as we read. */
    if (weir_is_ext_header(next)) packet->fault = WEIR_WHY_PACKET_FORM;
    packet->dest.proto = next;
    packet->transport = (__u16)offset;
}

static __noinline int weir_packet_parse(struct __sk_buff *skb, struct weir_packet *packet) {
    struct weir_ports ports = {};

    packet->length = skb->len;
    packet->stays = skb->ifindex == WEIR_LOOPBACK_IFINDEX;
    if (skb->protocol == bpf_htons(WEIR_ETH_IP))
        weir_packet_parse_v4(skb, packet);
    else if (skb->protocol == bpf_htons(WEIR_ETH_IPV6))
        weir_packet_parse_v6(skb, packet);
    else
        packet->fault = WEIR_WHY_PACKET_FORM;
    weir_forget(packet->dest.addr);
    weir_forget(packet->source.addr);
    packet->transport = (__u16)weir_opaque(packet->transport);
    packet->dest.proto = (__u8)weir_opaque(packet->dest.proto);
    if (!packet->fault && weir_has_ports(packet->dest.proto) &&
        bpf_skb_load_bytes(skb, packet->transport, &ports, sizeof(ports)))
        packet->fault = WEIR_WHY_PACKET_FORM;
    packet->fault = weir_opaque(packet->fault);
    packet->dest.port = (__be16)weir_opaque(ports.dest);
    packet->source_port = (__be16)weir_opaque(ports.source);
    return 0;
}

/* The scope's storage of the socket that sends or receives a packet; null: not a scope's. */
static __always_inline struct weir_sock *weir_sock_of(struct __sk_buff *skb) {
    struct bpf_sock *sk = skb->sk;
    struct weir_sock *sock;

    if (!sk) return 0;
    sk = bpf_sk_fullsock(sk);
    if (!sk) return 0; /* TIME_WAIT: nothing of the job's can be in it */
    sock = bpf_sk_storage_get(&weir_socks, sk, 0, 0);
    return sock && sock->scope_id ? sock : 0;
}

#endif /* WEIR_PACKET_BPF_H */

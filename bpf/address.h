/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * Addresses in the one form that policy knows: 16 bytes, network order, IPv4 as ::ffff:a.b.c.d. Plain C; compiles for BPF
 * and for the host, so that the unit tests run the lines that the kernel runs.
 */
#ifndef WEIR_ADDRESS_H
#define WEIR_ADDRESS_H

#include <linux/types.h>

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

/* Bytes 8–11 of ::ffff:0:0/96 (RFC 4291 2.5.5.2) and bytes 0–3 of 64:ff9b::/96 (RFC 6052 2.1), as they lie in memory. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define WEIR_MAPPED_WORD 0xffff0000u
#define WEIR_NAT64_WORD 0x9bff6400u
#define WEIR_ONE_WORD 0x01000000u
#else
#define WEIR_MAPPED_WORD 0x0000ffffu
#define WEIR_NAT64_WORD 0x0064ff9bu
#define WEIR_ONE_WORD 0x00000001u
#endif

/* A destination. Words of `addr` are in network order. */
struct weir_dest {
    __u32 addr[4];
    __be16 port; /* 0 where the protocol has none */
    __u8 proto;
    __u8 reserved;
};

static __always_inline void weir_addr_v4(__u32 addr[4], __u32 v4) {
    addr[0] = 0;
    addr[1] = 0;
    addr[2] = WEIR_MAPPED_WORD;
    addr[3] = v4;
}

/* 0.0.0.0/8 and 127.0.0.0/8: this host (RFC 1122 3.2.1.3). */
static __always_inline int weir_v4_is_here(__u32 v4) {
    __u8 first = ((const __u8 *)&v4)[0];

    return first == 0 || first == 127;
}

/* A NAT64 address stands for the IPv4 address that it embeds: otherwise a literal would pass a rule on that host. But not for
 * this host: a packet to it goes out to the translator. */
static __always_inline void weir_addr_v6(__u32 addr[4], const __u32 v6[4]) {
    if (v6[0] == WEIR_NAT64_WORD && v6[1] == 0 && v6[2] == 0 && !weir_v4_is_here(v6[3])) {
        weir_addr_v4(addr, v6[3]);
        return;
    }
    addr[0] = v6[0];
    addr[1] = v6[1];
    addr[2] = v6[2];
    addr[3] = v6[3];
}

static __always_inline int weir_addr_is_v4(const __u32 addr[4]) {
    return addr[0] == 0 && addr[1] == 0 && addr[2] == WEIR_MAPPED_WORD;
}

/* 127.0.0.0/8 (RFC 1122 3.2.1.3) and ::1. */
static __always_inline int weir_addr_is_loopback(const __u32 addr[4]) {
    if (weir_addr_is_v4(addr)) return ((const __u8 *)&addr[3])[0] == 127;
    return addr[0] == 0 && addr[1] == 0 && addr[2] == 0 && addr[3] == WEIR_ONE_WORD;
}

static __always_inline int weir_addr_same(const __u32 a[4], const __u32 b[4]) {
    return ((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3])) == 0;
}

#endif /* WEIR_ADDRESS_H */

/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * Reading a query: exactly one well-formed question and at most one OPT record, nothing else. Whatever a resolver would
 * pass on or ignore beside the question is room for data, so it is refused rather than skipped.
 */
#ifndef WEIR_DNS_QUERY_H
#define WEIR_DNS_QUERY_H

#include "dns_name.h"

/* Header bits (RFC 1035 4.1.1, RFC 2535 6.1). */
#define WEIR_DNS_QR 0x8000u
#define WEIR_DNS_OPCODE 0x7800u
#define WEIR_DNS_AA 0x0400u
#define WEIR_DNS_TC 0x0200u
#define WEIR_DNS_RA 0x0080u
#define WEIR_DNS_Z 0x0040u
#define WEIR_DNS_RCODE 0x000fu

#define WEIR_DNS_CLASS_IN 1u

/* Options that a query may carry (IANA "DNS EDNS0 Option Codes"). */
#define WEIR_EDNS_NSID 3u
#define WEIR_EDNS_ECS 8u
#define WEIR_EDNS_COOKIE 10u
#define WEIR_EDNS_KEEPALIVE 11u
#define WEIR_EDNS_OPTIONS 4
#define WEIR_EDNS_DO 0x8000u

static __always_inline int weir_dns_teaches(__u64 qtype) {
    return qtype == WEIR_DNS_A || qtype == WEIR_DNS_AAAA;
}

/* Types that are let through for allowed names. HTTPS and SVCB are asked by browsers and curl beside A and AAAA; their hints
 * are not learned. */
static __always_inline int weir_dns_type_is_known(__u64 qtype) {
    return weir_dns_teaches(qtype) || qtype == WEIR_DNS_CNAME || qtype == WEIR_DNS_SVCB || qtype == WEIR_DNS_HTTPS;
}

/* The header's first four bytes, and the name, type and class of the question at its place. */
WEIR_DNS_STAGE int weir_dns_question(weir_dns_ref ref) {
    struct weir_dns_state *s = weir_dns_at(ref);
    int code;

    if (!s) return WEIR_DNS_E_STATE;
    if (weir_dns_get16(s, 4) != 1) return WEIR_DNS_E_QUESTIONS;
    s->at = WEIR_DNS_HEADER_BYTES;
    code = weir_dns_take_name(ref, 0, 1);
    if (code) return code;
    if (s->at + 4 > s->len) return WEIR_DNS_E_SHORT;
    s->qtype = (__u16)weir_dns_get16(s, s->at);
    if (weir_dns_get16(s, s->at + 2) != WEIR_DNS_CLASS_IN) return WEIR_DNS_E_CLASS;
    s->at += 4;
    return WEIR_DNS_OK;
}

/*
 * One EDNS option of `size` bytes at `at`. Known and harmless: NSID and keepalive must be empty in a query (RFC 5001 2.1,
 * RFC 7828 3.2.1); a client subnet only with a prefix of no bits, "do not tell" (RFC 7871 7.1.2), because resolvers pass
 * subnets on to the name's own servers; a cookie of 8, or 16 to 40 bytes (RFC 7873 4), which ends at the trusted resolver.
 * Padding is refused: RFC 7830 6 forbids it outside encrypted transports.
 */
static __always_inline int weir_dns_option_is_harmless(const struct weir_dns_state *s, __u64 option, __u64 at,
                                                       __u64 size) {
    switch (option) {
        case WEIR_EDNS_NSID:
        case WEIR_EDNS_KEEPALIVE:
            return size == 0;
        case WEIR_EDNS_COOKIE:
            return size == 8 || (size >= 16 && size <= 40);
        case WEIR_EDNS_ECS:
            return size == 4 && weir_dns_get16(s, at) <= 2 && weir_dns_get16(s, at + 2) == 0;
        default:
            return 0;
    }
}

/* The OPT record (RFC 6891 6.1.2) that must fill the rest of the message. The payload size is left alone: 16 bits, to the
 * resolver only. */
WEIR_DNS_STAGE int weir_dns_edns(weir_dns_ref ref) {
    struct weir_dns_state *s = weir_dns_at(ref);
    __u64 at, seen = 0;

    if (!s) return WEIR_DNS_E_STATE;
    at = s->at;
    if (at + 11 > s->len) return WEIR_DNS_E_SHORT;
    WEIR_BOUND(at, WEIR_DNS_MESSAGE_BYTES - 1);
    if (s->buf[at] != 0 || weir_dns_get16(s, at + 1) != WEIR_DNS_OPT) return WEIR_DNS_E_RECORDS;
    if (weir_dns_get32(s, at + 5) & ~(__u64)WEIR_EDNS_DO) return WEIR_DNS_E_EDNS; /* rcode, version, Z */
    if (at + 11 + weir_dns_get16(s, at + 9) != s->len) return WEIR_DNS_E_TRAILING;
    at += 11;
    for (int i = 0; i < WEIR_EDNS_OPTIONS; i++) {
        __u64 option, size;

        if (at == s->len) break;
        if (at + 4 > s->len) return WEIR_DNS_E_EDNS;
        option = weir_dns_get16(s, at);
        size = weir_dns_get16(s, at + 2);
        at += 4;
        if (at + size > s->len || !weir_dns_option_is_harmless(s, option, at, size)) return WEIR_DNS_E_EDNS;
        /* Each once: two cookies are one too many. All known codes are below 64. */
        if (seen & 1ull << (option & 63)) return WEIR_DNS_E_EDNS;
        seen |= 1ull << (option & 63);
        at += size;
    }
    if (at != s->len) return WEIR_DNS_E_EDNS;
    s->at = at;
    return WEIR_DNS_OK;
}

/*
 * Reads the query in buf[0..len-1]. Sets id, flags, qtype, and the name in names[0..] (name_len, n_labels, starts). Returns
 * WEIR_DNS_OK or the first fault; the name is then as far as it parsed.
 */
WEIR_DNS_STAGE int weir_dns_parse_query(weir_dns_ref ref) {
    struct weir_dns_state *s = weir_dns_at(ref);
    __u64 flags, additional;
    int code;

    if (!s) return WEIR_DNS_E_STATE;
    s->qtype = 0;
    s->name_len = 0;
    s->n_labels = 0;
    weir_store64(&s->names[0], 0);
    if (s->len > WEIR_DNS_QUERY_BYTES) return WEIR_DNS_E_SIZE;
    if (s->len < WEIR_DNS_HEADER_BYTES) return WEIR_DNS_E_SHORT;
    flags = weir_dns_get16(s, 2);
    s->id = (__u16)weir_dns_get16(s, 0);
    s->flags = (__u16)flags;
    if (flags & WEIR_DNS_QR) return WEIR_DNS_E_DIRECTION;
    if (flags & WEIR_DNS_OPCODE) return WEIR_DNS_E_OPCODE;
    if (flags & (WEIR_DNS_AA | WEIR_DNS_TC | WEIR_DNS_RA | WEIR_DNS_Z | WEIR_DNS_RCODE)) return WEIR_DNS_E_FLAGS;
    additional = weir_dns_get16(s, 10);
    if (weir_dns_get32(s, 6) != 0 || additional > 1) return WEIR_DNS_E_RECORDS;
    code = weir_dns_question(ref);
    if (code) return code;
    if (additional == 1) return weir_dns_edns(ref);
    return s->at == s->len ? WEIR_DNS_OK : WEIR_DNS_E_TRAILING;
}

#endif /* WEIR_DNS_QUERY_H */

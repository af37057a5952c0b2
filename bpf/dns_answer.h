/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * Reading an answer to a question that is known. First phase of two: addresses are collected here, and entered elsewhere
 * only when the whole answer section held. Authority and additional records are never looked at.
 */
#ifndef WEIR_DNS_ANSWER_H
#define WEIR_DNS_ANSWER_H

#include "address.h"
#include "dns_query.h"

#define WEIR_DNS_SKIP_STEPS 32
#define WEIR_DNS_SKIP_CALLS 4

/* Header and question of an answer. Sets id, flags, qtype, n_answers and names[0..]. */
WEIR_DNS_STAGE int weir_dns_answer_head(weir_dns_ref ref) {
    struct weir_dns_state *s = weir_dns_at(ref);

    if (!s) return WEIR_DNS_E_STATE;
    s->qtype = 0;
    s->n_addrs = 0;
    s->ttl = 0;
    if (s->len > WEIR_DNS_MESSAGE_BYTES) return WEIR_DNS_E_SIZE;
    if (s->len < WEIR_DNS_HEADER_BYTES) return WEIR_DNS_E_SHORT;
    s->id = (__u16)weir_dns_get16(s, 0);
    s->flags = (__u16)weir_dns_get16(s, 2);
    s->n_answers = (__u16)weir_dns_get16(s, 6);
    if (!(s->flags & WEIR_DNS_QR)) return WEIR_DNS_E_DIRECTION;
    if (s->flags & WEIR_DNS_OPCODE) return WEIR_DNS_E_OPCODE;
    return weir_dns_question(ref);
}

/* Is the question that was read the one in s->asked (id, qtype, name)? Whole names, word by word. */
WEIR_DNS_STAGE int weir_dns_is_asked(weir_dns_ref ref) {
    struct weir_dns_state *s = weir_dns_at(ref);
    __u64 differ = 0;

    if (!s) return 0;
    if (s->id != s->asked.id || s->qtype != s->asked.qtype) return 0;
    for (__u32 i = 0; i < WEIR_NAME_BYTES; i += 8)
        differ |= weir_load64(&s->names[i]) ^ weir_load64(&s->asked.name[i]);
    return differ == 0;
}

/* Moves s->at behind the name there without decoding it. */
WEIR_DNS_STAGE int weir_dns_skip_steps(weir_dns_ref ref) {
    struct weir_dns_state *s = weir_dns_at(ref);
    __u64 at;

    if (!s) return WEIR_DNS_E_STATE;
    at = s->at;
    for (int step = 0; step < WEIR_DNS_SKIP_STEPS; step++) {
        __u64 size;

        if (at >= s->len) return WEIR_DNS_E_SHORT;
        WEIR_BOUND(at, WEIR_DNS_MESSAGE_BYTES - 1);
        size = s->buf[at];
        if (size >= 0xc0 || size == 0) {
            s->at = at + (size ? 2 : 1);
            return WEIR_DNS_OK;
        }
        if (size > 63) return WEIR_DNS_E_LABEL;
        at += size + 1;
    }
    s->at = at;
    return WEIR_DNS_MORE;
}

/* Is the name at `at` the one that the chain has come to? Nearly always it is a pointer to where that one was read. */
WEIR_DNS_STAGE int weir_dns_owner(weir_dns_ref ref, __u32 from) {
    struct weir_dns_state *s = weir_dns_at(ref);
    __u64 at = from, differ = 0, behind;
    int code;

    if (!s) return WEIR_DNS_E_STATE;
    if (at + 2 > s->len) return WEIR_DNS_E_SHORT;
    WEIR_BOUND(at, WEIR_DNS_MESSAGE_BYTES - 1);
    if (s->buf[at] >= 0xc0 && (weir_dns_get16(s, at) & 0x3fff) == s->owner_at) return WEIR_DNS_OK;
    behind = s->at;
    s->at = at;
    code = weir_dns_take_name(ref, 1, 0);
    s->at = behind;
    if (code) return code;
    for (__u32 i = 0; i < WEIR_NAME_BYTES; i += 8)
        differ |= weir_load64(&s->names[i]) ^ weir_load64(&s->names[WEIR_DNS_NAME_ROOM + i]);
    return differ ? WEIR_DNS_E_OWNER : WEIR_DNS_OK;
}

/* An address record's data at `at`, of `size` bytes. */
static __always_inline int weir_dns_take_addr(struct weir_dns_state *s, __u64 type, __u64 at, __u64 size) {
    __u64 n = s->n_addrs;
    __u32 words[4], addr[4];

    if (size != (type == WEIR_DNS_A ? 4 : 16)) return WEIR_DNS_E_RDATA;
    if (n >= WEIR_ANSWER_ADDRS) return WEIR_DNS_E_RECORDS;
    WEIR_BOUND(n, WEIR_ANSWER_ADDRS - 1);
    WEIR_BOUND(at, WEIR_DNS_MESSAGE_BYTES - 1);
    __builtin_memcpy(words, &s->buf[at], sizeof(words));
    if (type == WEIR_DNS_A)
        weir_addr_v4(addr, words[0]);
    else
        weir_addr_v6(addr, words);
    __builtin_memcpy(s->addrs[n], addr, sizeof(addr));
    s->n_addrs = (__u32)n + 1;
    return WEIR_DNS_OK;
}

/* A CNAME's target becomes the owner of what follows; it must fill the record's data exactly. */
WEIR_DNS_STAGE int weir_dns_follow(weir_dns_ref ref, __u32 size) {
    struct weir_dns_state *s = weir_dns_at(ref);
    __u64 from;
    int code;

    if (!s) return WEIR_DNS_E_STATE;
    if (s->n_addrs) return WEIR_DNS_E_CHAIN;
    from = s->at;
    code = weir_dns_take_name(ref, 0, 0);
    if (code) return code;
    s->owner_at = from;
    return s->at == from + size ? WEIR_DNS_OK : WEIR_DNS_E_RDATA;
}

/* One record of the answer section, at s->at. */
WEIR_DNS_STAGE int weir_dns_record(weir_dns_ref ref) {
    struct weir_dns_state *s = weir_dns_at(ref);
    __u64 from, at, type, size, ttl;
    int code = WEIR_DNS_MORE;

    if (!s) return WEIR_DNS_E_STATE;
    from = s->at;
    for (int i = 0; i < WEIR_DNS_SKIP_CALLS && code == WEIR_DNS_MORE; i++)
        code = weir_dns_skip_steps(ref);
    if (code) return code == WEIR_DNS_MORE ? WEIR_DNS_E_LONG : code;
    at = s->at;
    if (at + 10 > s->len) return WEIR_DNS_E_SHORT;
    type = weir_dns_get16(s, at);
    ttl = weir_dns_get32(s, at + 4);
    size = weir_dns_get16(s, at + 8);
    if (weir_dns_get16(s, at + 2) != WEIR_DNS_CLASS_IN) return WEIR_DNS_E_CLASS;
    at += 10;
    if (at + size > s->len) return WEIR_DNS_E_SHORT;
    s->at = at + size;
    /* Signatures teach nothing; that of a CNAME comes behind it, with the owner that the chain has left. */
    if (type == WEIR_DNS_RRSIG) return WEIR_DNS_OK;
    if (type != WEIR_DNS_A && type != WEIR_DNS_AAAA && type != WEIR_DNS_CNAME) return WEIR_DNS_E_TYPE;
    code = weir_dns_owner(ref, (__u32)from);
    if (code) return code;
    if (ttl >> 31) ttl = 0; /* RFC 2181 8 */
    if (ttl < s->ttl) s->ttl = (__u32)ttl;
    if (type != WEIR_DNS_CNAME) return weir_dns_take_addr(s, type, at, size);
    s->at = at;
    return weir_dns_follow(ref, (__u32)size);
}

/*
 * Collects the addresses of an answer whose head was read and is the one that was asked. Sets addrs, n_addrs (0: the name
 * has no such records) and ttl; names[0..] is then the end of the chain. Any fault makes the whole answer unused.
 */
WEIR_DNS_STAGE int weir_dns_collect(weir_dns_ref ref) {
    struct weir_dns_state *s = weir_dns_at(ref);
    __u64 n;

    if (!s) return WEIR_DNS_E_STATE;
    s->n_addrs = 0;
    s->ttl = 0;
    if (s->flags & WEIR_DNS_TC) return WEIR_DNS_E_TRUNCATED;
    if (s->flags & WEIR_DNS_RCODE) return WEIR_DNS_E_RCODE;
    n = s->n_answers;
    if (n == 0) return WEIR_DNS_OK;
    if (n > WEIR_ANSWER_ADDRS) return WEIR_DNS_E_RECORDS;
    s->ttl = 0x7fffffffu;
    s->owner_at = WEIR_DNS_HEADER_BYTES;
    for (int i = 0; i < (int)WEIR_ANSWER_ADDRS; i++) {
        int code;

        if ((__u64)i >= n) break;
        code = weir_dns_record(ref);
        if (code) {
            s->n_addrs = 0;
            return code;
        }
    }
    return WEIR_DNS_OK;
}

/* Host side, all at once: reads the answer in buf[0..len-1] to the question in s->asked (id, qtype, name). */
WEIR_DNS_STAGE int weir_dns_parse_answer(weir_dns_ref ref) {
    int code = weir_dns_answer_head(ref);

    if (code) return code;
    if (!weir_dns_is_asked(ref)) return WEIR_DNS_E_MISMATCH;
    return weir_dns_collect(ref);
}

/*
 * Addresses that a name must not open even though its answer says so: an allowed wildcard may be in strangers' hands, and
 * these lead to the machine's own secrets (cloud metadata) or to its neighbours. An address rule can still allow them.
 * Link-local, "this network", multicast, broadcast; metadata services of AWS, Azure, Alibaba Cloud and Oracle.
 */
static __always_inline int weir_dns_addr_is_barred(const __u32 addr[4]) {
    const __u8 *v6 = (const __u8 *)addr;
    const __u8 *v4 = (const __u8 *)&addr[3];

    if (weir_addr_is_v4(addr)) {
        if (v4[0] == 0 || v4[0] >= 224) return 1;
        if (v4[0] == 169 && v4[1] == 254) return 1;
        if (v4[0] == 168 && v4[1] == 63 && v4[2] == 129 && v4[3] == 16) return 1;
        if (v4[0] == 100 && v4[1] == 100 && v4[2] == 100 && v4[3] == 200) return 1;
        return v4[0] == 192 && v4[1] == 0 && v4[2] == 0 && v4[3] == 192;
    }
    if (addr[0] == 0 && addr[1] == 0 && addr[2] == 0 && addr[3] == 0) return 1;
    if (v6[0] == 0xff || (v6[0] == 0xfe && (v6[1] & 0xc0) == 0x80)) return 1;
    return v6[0] == 0xfd && v6[1] == 0 && v6[2] == 0x0e && v6[3] == 0xc2 && addr[1] == 0 && addr[2] == 0 &&
           v6[12] == 0 && v6[13] == 0 && v6[14] == 0x02 && v6[15] == 0x54;
}

#endif /* WEIR_DNS_ANSWER_H */

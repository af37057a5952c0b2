/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * Decoding and hashing of names. Stages of the DNS parser (dns.h): plain C, the same lines for BPF and for the host.
 *
 * A stage takes a reference to the state: on the host a pointer, in BPF the number of a scratch slot, because global
 * functions of Linux 5.10 take scalars only. Loops are cut into stages of a few steps that keep their cursors in memory: the
 * verifier walks a stage once, not once for each call.
 */
#ifndef WEIR_DNS_NAME_H
#define WEIR_DNS_NAME_H

#include "dns_state.h"
#include "name.h"

#ifdef __bpf__

typedef __u32 weir_dns_ref;
#define WEIR_DNS_STAGE __attribute__((noinline))
static __always_inline struct weir_dns_state *weir_dns_at(weir_dns_ref ref) {
    return weir_dns_state_of(ref);
}
/* A bound that the compiler cannot drop and the verifier can see. Never changes a value: each use follows a check. */
#define WEIR_BOUND(value, mask) asm volatile("%0 &= %1" : "+r"(value) : "i"(mask))

#else

#include <assert.h>

typedef struct weir_dns_state *weir_dns_ref;
#define WEIR_DNS_STAGE static inline
static inline struct weir_dns_state *weir_dns_at(weir_dns_ref ref) {
    return ref;
}
/* Tests and fuzzers stop where a check is missing; a release build is masked as the kernel's is. */
#define WEIR_BOUND(value, mask) (assert(((value) & ~(__u64)(mask)) == 0), (value) &= (__u64)(mask))

#endif

#define WEIR_DNS_MORE (-1) /* of a stage of few steps: call again */

/* Most names need one call; 127 labels need 255 steps, and what needs more than 288 is a maze of pointers. */
#define WEIR_DNS_NAME_STEPS 24
#define WEIR_DNS_NAME_CALLS 12

#define WEIR_DNS_NAME_ZERO_WORDS 33 /* longest name and the words that a comparison may read beyond it */

static __always_inline __u64 weir_dns_get16(const struct weir_dns_state *s, __u64 at) {
    WEIR_BOUND(at, WEIR_DNS_MESSAGE_BYTES - 1);
    return (__u64)s->buf[at] << 8 | s->buf[at + 1];
}

static __always_inline __u64 weir_dns_get32(const struct weir_dns_state *s, __u64 at) {
    WEIR_BOUND(at, WEIR_DNS_MESSAGE_BYTES - 1);
    return (__u64)s->buf[at] << 24 | (__u64)s->buf[at + 1] << 16 | (__u64)s->buf[at + 2] << 8 | s->buf[at + 3];
}

/* The length byte or pointer at `at`. Returns WEIR_DNS_MORE when there is more of the name. */
static __always_inline int weir_dns_name_label(struct weir_dns_state *s, __u64 at) {
    __u64 size = s->buf[at], label = s->n_labels, to = s->name_len;

    if (size >= 0xc0) {
        __u64 target = (size & 0x3f) << 8 | s->buf[at + 1];

        if (at + 1 >= s->len) return WEIR_DNS_E_SHORT;
        /* Strictly before the run of labels that it ends (RFC 1035 4.1.4 "prior occurrence"): no loops. */
        if (s->name_plain || target >= s->name_segment || target < WEIR_DNS_HEADER_BYTES) return WEIR_DNS_E_POINTER;
        if (s->name_end == 0) s->name_end = at + 2;
        s->name_segment = target;
        s->at = target;
        return WEIR_DNS_MORE;
    }
    if (size > 63) return WEIR_DNS_E_LABEL;
    if (at + size >= s->len) return WEIR_DNS_E_SHORT;
    if (to + size + 1 > WEIR_DNS_NAME_MAX) return WEIR_DNS_E_LONG;
    if (size == 0) {
        if (s->name_end == 0) s->name_end = at + 1;
        s->name_len = to + 1;
        return WEIR_DNS_OK;
    }
    WEIR_BOUND(label, WEIR_DNS_LABELS - 1);
    s->starts[label] = (__u8)to;
    s->n_labels = label + 1;
    s->name_left = size + 1;
    return WEIR_DNS_MORE;
}

/* Some steps of decoding; a step reads a length byte or pointer, or copies up to eight bytes in lower case. The cursors are
 * read from memory at each step on purpose: what the verifier remembers of a register would make each step another case. */
WEIR_DNS_STAGE int weir_dns_name_steps(weir_dns_ref ref) {
    struct weir_dns_state *s = weir_dns_at(ref);

    if (!s) return WEIR_DNS_E_STATE;
    for (int step = 0; step < WEIR_DNS_NAME_STEPS; step++) {
        __u64 at = s->at, left = s->name_left, to = s->name_base + s->name_len, n = 8;

        if (at >= s->len) return WEIR_DNS_E_SHORT;
        WEIR_BOUND(at, WEIR_DNS_MESSAGE_BYTES - 1);
        if (left == 0) {
            int code = weir_dns_name_label(s, at);

            if (code != WEIR_DNS_MORE) return code;
            continue;
        }
        WEIR_BOUND(to, 2 * WEIR_DNS_NAME_ROOM - 1);
        weir_store64(&s->names[to], weir_lower64(weir_load64(&s->buf[at])));
        if (left < 8) n = left;
        s->at = at + n;
        s->name_len += n;
        s->name_left = left - n;
    }
    return WEIR_DNS_MORE;
}

/*
 * Decodes the name at s->at into names[] (`which` 0: the question's place, 1: scratch), in lower case, zero-padded.
 * `plain`: compression is refused. Sets name_len, n_labels, starts, and s->at behind the name.
 */
WEIR_DNS_STAGE int weir_dns_take_name(weir_dns_ref ref, __u32 which, __u32 plain) {
    struct weir_dns_state *s = weir_dns_at(ref);
    __u64 base = which ? WEIR_DNS_NAME_ROOM : 0, end;
    int code = WEIR_DNS_MORE;

    if (!s) return WEIR_DNS_E_STATE;
    WEIR_BOUND(base, WEIR_DNS_NAME_ROOM);
    for (int i = 0; i < WEIR_DNS_NAME_ZERO_WORDS; i++)
        weir_store64(&s->names[base + 8 * (__u64)i], 0);
    s->name_base = base;
    s->name_len = 0;
    s->name_left = 0;
    s->name_segment = s->at;
    s->name_end = 0;
    s->name_plain = plain;
    s->n_labels = 0;
    for (int i = 0; i < WEIR_DNS_NAME_CALLS && code == WEIR_DNS_MORE; i++)
        code = weir_dns_name_steps(ref);
    if (code == WEIR_DNS_MORE) return WEIR_DNS_E_LONG;
    if (code) return code;
    /* The last label was copied in whole words: wipe what came along, the root label's byte included. */
    end = base + s->name_len - 1;
    WEIR_BOUND(end, 2 * WEIR_DNS_NAME_ROOM - 1);
    weir_store64(&s->names[end], 0);
    s->at = s->name_end;
    return WEIR_DNS_OK;
}

#define WEIR_DNS_HASH_STEPS 32
#define WEIR_DNS_HASH_CALLS 8

/* Some bytes of the hash, from s->hash_at leftwards. Cursors in memory, as above. A label starts at 0, so labels cannot run
 * out before the bytes do. */
WEIR_DNS_STAGE int weir_dns_hash_steps(weir_dns_ref ref) {
    struct weir_dns_state *s = weir_dns_at(ref);
    __u64 hash;

    if (!s) return WEIR_DNS_E_STATE;
    hash = s->hash;
    for (int step = 0; step < WEIR_DNS_HASH_STEPS; step++) {
        __u64 at = s->hash_at, label = s->hash_label - 1;

        if (at == 0) return WEIR_DNS_OK;
        at--;
        WEIR_BOUND(at, 255);
        WEIR_BOUND(label, WEIR_DNS_LABELS - 1);
        s->hash_at = at;
        hash = weir_name_hash_step(hash, s->names[at]);
        if (s->starts[label] != at) continue;
        s->hashes[label] = hash;
        s->hash_label = label;
    }
    s->hash = hash;
    return WEIR_DNS_MORE;
}

/* Fills hashes[0..n_labels-1] for the name in names[0..]. */
WEIR_DNS_STAGE int weir_dns_hash_name(weir_dns_ref ref, __u64 seed) {
    struct weir_dns_state *s = weir_dns_at(ref);
    int code = WEIR_DNS_MORE;

    if (!s) return WEIR_DNS_E_STATE;
    s->hash = weir_name_hash_root(seed);
    s->hashes[0] = s->hash; /* stands for the root name */
    s->hash_at = s->name_len ? s->name_len - 1 : 0;
    s->hash_label = s->n_labels;
    for (int i = 0; i < WEIR_DNS_HASH_CALLS && code == WEIR_DNS_MORE; i++)
        code = weir_dns_hash_steps(ref);
    return code == WEIR_DNS_MORE ? WEIR_DNS_OK : code;
}

#endif /* WEIR_DNS_NAME_H */

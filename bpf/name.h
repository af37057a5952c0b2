/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * Names in DNS wire form: lower-casing and hashing. Plain C; compiles for BPF and for the host (C and C++), because the
 * sensor must put names into weir_names under the very hash that the kernel looks for.
 */
#ifndef WEIR_NAME_H
#define WEIR_NAME_H

#include <linux/types.h>
#ifndef __bpf__
#include <string.h>
#endif

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

/*
 * Seed of an installation that sets none. The sensor may set another one (`weir_name_seed` in the programs' read-only
 * data), as long as it stays the same while the pinned tables live. A secret seed keeps a job from making two names of one
 * hash and so hiding one refused lookup behind the record of another; verdicts do not depend on it, because the stored
 * name is compared as a whole after every hit.
 */
#define WEIR_NAME_SEED 0x8c95b4f2d1a7e363ull

/* Eight bytes at any address. The BPF verifier allows unaligned loads where the CPU does; clang would split a packed
 * access into bytes. */
static __always_inline __u64 weir_load64(const void *at) {
#ifdef __bpf__
    return *(const __u64 *)at;
#else
    __u64 word;
    memcpy(&word, at, sizeof(word));
    return word;
#endif
}

static __always_inline void weir_store64(void *at, __u64 word) {
#ifdef __bpf__
    *(__u64 *)at = word;
#else
    memcpy(at, &word, sizeof(word));
#endif
}

/*
 * ASCII lower case of eight bytes at once; bytes above 127 stay (RFC 4343 2). Safe over whole wire names: a length byte
 * is at most 63, and 'A' is 65.
 */
static __always_inline __u64 weir_lower64(__u64 word) {
    const __u64 ones = 0x0101010101010101ull;
    __u64 low7 = word & (0x7f * ones);
    __u64 from_a = low7 + (0x80 - 'A') * ones;       /* bit 7: >= 'A' */
    __u64 beyond_z = low7 + (0x80 - 'Z' - 1) * ones; /* bit 7: > 'Z' */
    __u64 upper = from_a & ~beyond_z & ~word & (0x80 * ones);

    return word | (upper >> 2);
}

/*
 * Keyed FNV-1a over the wire bytes from the right: the root label first, the first length byte last. So one pass over a
 * name passes the hash of each of its suffixes, at each label start. The fold after the multiplication makes the whole
 * state decide where a difference goes; in plain FNV only its low byte does, and collisions could be made for all seeds.
 */
static __always_inline __u64 weir_name_hash_step(__u64 hash, __u64 byte) {
    hash = (hash ^ (byte & 0xff)) * 0x100000001b3ull;
    return hash ^ (hash >> 32);
}

/* The hash of the root name: where each pass begins. */
static __always_inline __u64 weir_name_hash_root(__u64 seed) {
    return weir_name_hash_step(seed ^ 0xcbf29ce484222325ull, 0);
}

/* Host side: the hash of a lower-case wire name of `len` bytes, root label included. */
#ifndef __bpf__
static inline __u64 weir_name_hash(__u64 seed, const __u8 *wire, __u64 len) {
    __u64 hash = weir_name_hash_root(seed);

    for (__u64 i = len; i > 1; i--)
        hash = weir_name_hash_step(hash, wire[i - 2]);
    return hash;
}
#endif

#endif /* WEIR_NAME_H */

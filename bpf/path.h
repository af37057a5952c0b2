/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * Paths as the kernel side sends them: dentry names, leaf first, each NUL-terminated ("bin", "usr" is /usr/bin), turned
 * round here. Plain C without a library, so that it compiles for both sides and for the fuzzer.
 *
 * The bytes are hostile: a name is whatever a job called its file, except '/' and NUL, which no kernel puts into a name;
 * nothing is assumed about the record all the same. Every input gives a path of at most weir_path_bound() bytes.
 */
#ifndef WEIR_PATH_H
#define WEIR_PATH_H

#include "abi.h"

/* How long a path can get: each part's NUL becomes a '/', and a last part may lack its NUL. */
static inline __u32 weir_path_bound(__u32 parts_len) {
    return parts_len + 1;
}

/*
 * Writes the path to out, without a NUL, and returns its length; 0 when it does not fit in `size` (then `out` is as it
 * was; weir_path_bound(parts_len) bytes always suffice).
 *
 * cut: the parts nearest to the root are missing (WEIR_X_PATH_CUT, WEIR_X_CWD_CUT). The path then begins without '/', so
 * that it cannot pass for a whole one. Without parts: "/" when whole, nothing when cut.
 * Empty parts are left out; a '/' inside a part is written as NUL, which no path contains, so that a forged record
 * cannot pass for another path.
 */
static inline __u32 weir_path_turn(const __u8 *parts, __u32 parts_len, int cut, __u8 *out, __u32 size) {
    __u32 end = parts_len, written = 0, total = 0;

    for (__u32 i = 0; i < parts_len; i++) {
        /* A part counts with the '/' before it. */
        if (parts[i]) total += (i == 0 || !parts[i - 1]) ? 2 : 1;
    }
    if (!total) total = 1;
    if (total > size) return 0;

    while (end > 0) {
        __u32 begin;

        while (end > 0 && !parts[end - 1])
            end--;
        begin = end;
        while (begin > 0 && parts[begin - 1])
            begin--;
        if (begin == end) break;
        if (written || !cut) out[written++] = '/';
        for (__u32 i = begin; i < end; i++)
            out[written++] = parts[i] == '/' ? 0 : parts[i];
        end = begin;
    }
    if (!written && !cut) out[written++] = '/';
    return written;
}

#endif /* WEIR_PATH_H */

/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * How scopes share the rings: a scope may hold as much of a ring as is free in it, no more. One that floods has a half; of
 * N such each has 1/(N+1), and as much is free for whoever sends little. Records of one job are thus never lost for
 * another's. sensor/events/share.h does the same with what comes behind the rings.
 *
 * The programs know what a scope has written and how far the reader has come, not whose records were read. So a scope's
 * bytes are counted in two windows: when the reader has passed the place where the newer one began, the older one has been
 * read, and a new one begins. That counts up to twice of what is there, never less, and needs nothing of the sensor.
 *
 * Failure direction: what finds its share full is lost and counted, like what finds the ring full.
 */
#ifndef WEIR_RING_BPF_H
#define WEIR_RING_BPF_H

#include "identity.bpf.h"

#define WEIR_RECORD_HEADER 8 /* BPF_RINGBUF_HDR_SZ */

/* May the scope send `bytes` more? `which` is WEIR_RING_* and says what `ring` is. Approximate by design: CPUs that find a
 * window over at the same time may each forget the other's record. */
static __always_inline int weir_ring_admit(void *ring, __u32 which, __u32 scope_id, __u64 bytes) {
    struct weir_usage *usage = bpf_map_lookup_elem(&weir_usage, &scope_id);
    struct weir_ring_use *use;
    __u64 unread, room;

    if (!usage) return 1; /* the scope is gone, and so is its flood */
    use = &usage->rings[which];
    unread = bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA);
    if (bpf_ringbuf_query(ring, BPF_RB_CONS_POS) >= use->mark) {
        use->before = use->since;
        use->since = 0;
        use->mark = bpf_ringbuf_query(ring, BPF_RB_PROD_POS);
    }
    room = bpf_ringbuf_query(ring, BPF_RB_RING_SIZE) - unread;
    if (use->before + use->since >= room) return 0;
    __sync_fetch_and_add(&use->since, bytes + WEIR_RECORD_HEADER);
    return 1;
}

static __noinline int weir_events_admit(__u32 scope_id, __u64 bytes) {
    return weir_ring_admit(&weir_events, WEIR_RING_EVENTS, scope_id, bytes);
}

static __noinline int weir_denials_admit(__u32 scope_id, __u64 bytes) {
    return weir_ring_admit(&weir_denials, WEIR_RING_DENIALS, scope_id, bytes);
}

#endif /* WEIR_RING_BPF_H */

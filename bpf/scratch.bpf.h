/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * Scratch space for work that outgrows the 512-byte stack (DNS messages).
 *
 * A per-CPU map value alone is not enough: egress programs run in process context without preemption disabled, so another
 * task's packet, or a softirq's, may run the same program on the same CPU in the middle. Two messages judged in one buffer
 * would be a bypass: the name that was matched need not be the name that is sent. So each run takes one of
 * WEIR_SCRATCH_SLOTS buffers of its CPU under a lock, and gives it back. None free: the caller fails closed.
 */
#ifndef WEIR_SCRATCH_BPF_H
#define WEIR_SCRATCH_BPF_H

#include "kernel.bpf.h"

#define WEIR_SCRATCH_SLOTS 8
#define WEIR_SCRATCH_CPUS 1024 /* CPUs beyond share a lock with a lower one; they do not share buffers */

struct weir_scratch_lock {
    struct bpf_spin_lock lock;
    __u32 busy; /* bit n: slot n is in use */
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, WEIR_SCRATCH_CPUS);
    __type(key, __u32);
    __type(value, struct weir_scratch_lock);
} weir_slots SEC(".maps") __weak;

/* A slot number below WEIR_SCRATCH_SLOTS, or -1. */
static __always_inline int weir_slot_take(void) {
    __u32 cpu = bpf_get_smp_processor_id() & (WEIR_SCRATCH_CPUS - 1);
    struct weir_scratch_lock *slots = bpf_map_lookup_elem(&weir_slots, &cpu);
    __u32 free;
    int slot;

    if (!slots) return -1;
    bpf_spin_lock(&slots->lock);
    free = ~slots->busy;
    slot = free & 1     ? 0
           : free & 2   ? 1
           : free & 4   ? 2
           : free & 8   ? 3
           : free & 16  ? 4
           : free & 32  ? 5
           : free & 64  ? 6
           : free & 128 ? 7
                        : -1;
    if (slot >= 0) slots->busy |= 1u << slot;
    bpf_spin_unlock(&slots->lock);
    return slot;
}

/* The program stays on its CPU (migration is disabled around every BPF program), so this finds the same lock. */
static __always_inline void weir_slot_give(int slot) {
    __u32 cpu = bpf_get_smp_processor_id() & (WEIR_SCRATCH_CPUS - 1);
    struct weir_scratch_lock *slots = bpf_map_lookup_elem(&weir_slots, &cpu);

    if (!slots || slot < 0) return;
    bpf_spin_lock(&slots->lock);
    slots->busy &= ~(1u << slot);
    bpf_spin_unlock(&slots->lock);
}

#endif /* WEIR_SCRATCH_BPF_H */

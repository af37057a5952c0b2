/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * What the environment of a step's first process says about the step. Read at its exec and not from /proc, because a step of
 * some milliseconds would be gone by then, and because at this moment the environment is what the Runner.Worker gave: the
 * process has not run yet, and cannot have written another name there.
 *
 * Failure direction: a variable that is longer than its room is cut, an environment of more than WEIR_ENV_PIECES is not read to
 * its end (counted). That costs the name; the step's number comes from elsewhere.
 */
#ifndef WEIR_ENVIRON_BPF_H
#define WEIR_ENVIRON_BPF_H

#include "walk.bpf.h"

#define WEIR_ENV_PIECES 1024 /* variables, or pieces of longer ones */
#define WEIR_ENV_MORE 0
#define WEIR_ENV_END 1
#define WEIR_ENV_CUT 2

/* Runner.Worker writes these for each step (actions/runner, GitHubContext.cs). */
#define WEIR_ENV_NAME "GITHUB_ACTION="
#define WEIR_ENV_REF "GITHUB_ACTION_REF="
#define WEIR_ENV_REPOSITORY "GITHUB_ACTION_REPOSITORY="

static __always_inline int weir_env_begins(const __u8 *variable, const char *with, __u32 length) {
    __u8 differs = 0;

    for (__u32 i = 0; i < length; i++)
        differs |= variable[i] ^ (__u8)with[i];
    return !differs;
}

static __always_inline int weir_env_is_of_step(const __u8 *variable) {
    return weir_env_begins(variable, WEIR_ENV_NAME, sizeof(WEIR_ENV_NAME) - 1) ||
           weir_env_begins(variable, WEIR_ENV_REF, sizeof(WEIR_ENV_REF) - 1) ||
           weir_env_begins(variable, WEIR_ENV_REPOSITORY, sizeof(WEIR_ENV_REPOSITORY) - 1);
}

/* Reads one variable, or a piece of one, and keeps it when it is wanted. The position is in the buffer, so that the verifier
 * sees every step alike. */
__weak __noinline int weir_env_step(void) {
    struct weir_image *image = weir_image_buffer();
    __u32 used, begins;
    long bytes;

    if (!image) return WEIR_ENV_CUT;
    if (image->env_at >= image->env_end) return WEIR_ENV_END;
    used = image->used;
    if (used > WEIR_IMAGE_BYTES - WEIR_STEP_BYTES) return WEIR_ENV_CUT;
    bytes = bpf_probe_read_user_str(image->data + used, WEIR_STEP_BYTES, (void *)image->env_at);
    if (bytes < 0) return WEIR_ENV_CUT;
    if (!bytes) bytes = 1; /* of an empty string; later kernels than 5.10 count its NUL */
    begins = !image->env_inside;
    /* Filled to its end: what follows is the rest of it, if only its NUL. */
    image->env_inside = bytes == WEIR_STEP_BYTES;
    image->env_at += bytes - image->env_inside;
    if (!begins || !weir_env_is_of_step(image->data + used)) return WEIR_ENV_MORE;
    image->used = used + bytes;
    return ++image->vars < WEIR_STEP_VARS ? WEIR_ENV_MORE : WEIR_ENV_END;
}

/* Appends what there is about the step. The current task's memory holds the image. */
static __always_inline void weir_image_step(struct weir_image *image, struct task_struct *task, __u32 scope_id) {
    __u32 begin = image->used;
    int step = WEIR_ENV_MORE;

    image->env_at = BPF_CORE_READ(task, mm, env_start);
    image->env_end = BPF_CORE_READ(task, mm, env_end);
    image->env_inside = 0;
    image->vars = 0;
    for (int i = 0; i < WEIR_ENV_PIECES; i++) {
        step = weir_env_step();
        if (step != WEIR_ENV_MORE) break;
    }
    if (step != WEIR_ENV_END) weir_count(scope_id, WEIR_C_STEP_CUT);
    image->event.step_len = image->used - begin;
}

#endif /* WEIR_ENVIRON_BPF_H */

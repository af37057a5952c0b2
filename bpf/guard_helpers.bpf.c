/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * Programs that the kernel starts on somebody's behalf, as root and outside every scope: modprobe, request-key. What they do
 * stands in files that a root job can write, so a job must not make the kernel start them. Both questions are asked in the
 * context of who wants it; the programs themselves run below a kernel thread, where nobody knows any more.
 */
#include "guard_call.bpf.h"

/* arch/x86/entry/syscalls */
#define WEIR_ADD_KEY_64 248
#define WEIR_ADD_KEY_32 286

/* A type of keys, zero-padded; longer names are cut, and "keyring" just fits. */
union weir_key_name {
    char text[8];
    __u64 word;
};

/* A module that is not there: a protocol, a file system, a congestion control, the format of a program. */
SEC("fmod_ret/security_kernel_module_request")
int BPF_PROG(weir_g_modreq, char *name, int ret) {
    return ret ? ret : weir_guard_judge(WEIR_G_HELPERS, WEIR_HELPER_MODULE);
}

/*
 * A key is about to be made. By add_key(2) that is all; otherwise the kernel asks /sbin/request-key for what is in it
 * (construct_key_and_link, security/keys/request_key.c): request_key(2) with a callout, and file systems that look up a name
 * by the type dns_resolver. Keyrings are made by everybody who logs in; the kernel's own types begin with a dot, such as that of
 * the key that authorises the helper.
 */
SEC("fmod_ret/security_key_alloc")
int BPF_PROG(weir_g_key, struct key *key, const struct cred *cred, unsigned long flags, int ret) {
    const union weir_key_name keyring = {.text = "keyring"};
    union weir_key_name type = {};
    __u64 call;

    if (ret || !weir_guarded_scope()) return ret;
    bpf_probe_read_kernel_str(type.text, sizeof(type.text), BPF_CORE_READ(key, type, name));
    if (type.word == keyring.word || type.text[0] == '.') return 0;
    call = BPF_CORE_READ(weir_entry_registers(), orig_ax);
    return call == WEIR_ADD_KEY_64 || call == WEIR_ADD_KEY_32 ? 0 : weir_guard_judge(WEIR_G_HELPERS, WEIR_HELPER_KEY);
}

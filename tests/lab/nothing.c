// SPDX-License-Identifier: Apache-2.0
// A program that does nothing, made of as little as a program can be (x86-64): what a flood of executions runs.

void _start(void);

void _start(void) { __asm__ volatile("syscall" : : "a"(231 /* exit_group */), "D"(0) : "rcx", "r11", "memory"); }

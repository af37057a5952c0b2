#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/system/lib.sh
source "$(dirname "$0")/lib.sh"
scenario "a full ring changes no verdict; the loss is counted exactly, and the report says incomplete"
start_daemons --events-ring-bytes 4096 --denials-ring-bytes 4096
policy 'mode: block' 'allow:' '  - 198.18.0.0/16:9/udp'

# 20,000 distinct allowed destinations and 20,000 denied ones: far more events than one page holds.
block bash -c "'$client' spray 198.18.0.1 --count 20000; '$client' spray 198.19.0.1 --count 20000"
expect_out 'spray allowed=20000 eperm=0 other=0'
expect_out 'spray allowed=0 eperm=20000 other=0'
expect_report '.summary.complete == false'
expect_report '.summary.counts.denied == 20000'
# Seen and lost add up to what happened.
expect_report '[.record.lost_in_kernel[]] | add > 0'
# A flow that only its sums told of has no process: its event was lost, and counted: in the kernel, or (allowed and denied ones
# together) where the sensor's queue was full.
expect_report '[([.refused[] | select(.pid != 0)] | length) + (.record.lost_in_kernel.denial // 0), (.record.lost_in_sensor.flow // 0)]
               | .[0] <= 20000 and .[0] + .[1] >= 20000'

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fetch.sh URL FILE
exec curl --fail --silent --show-error --max-time 20 --output "$2" "$1"

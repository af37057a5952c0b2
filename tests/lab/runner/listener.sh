#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The stand-in's Runner.Listener: bin/Runner.Listener is a copy of bash that runs this, so that the kernel and Weir see the
# names and executables that they would see of the real one. Takes jobs (files of jobs/) one after the other, each by a
# Runner.Worker of its own, as the real one does (actions/runner, src/Runner.Listener: Program.LoadAndSetEnv, JobDispatcher).
set -eu
runner=$1
while IFS= read -r line; do
  [[ $line == ?*=* ]] && export "${line%%=*}=${line#*=}"
done <"$runner/.env"
for job in "$runner"/jobs/*; do
  status=0
  "$runner/bin/Runner.Worker" "$runner/worker.sh" "$runner" "$job" >"$runner/log/${job##*/}" 2>&1 || status=$?
  echo "result=$status" >>"$runner/log/${job##*/}"
done

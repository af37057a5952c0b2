#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the stand-in's service starts. As the real one (actions/runner, src/Misc/layoutbin: runsvc.sh): the listener is a child,
# and a stop of the service, which is for this process alone, reaches it as SIGINT. There is a Node program between the two,
# which starts the listener again; this one's has taken all its jobs when it ends.
set -u
runner=$(dirname "$0")
"$runner/bin/Runner.Listener" "$runner/listener.sh" "$runner" &
listener=$!
trap 'kill -INT "$listener"' TERM INT
wait "$listener"

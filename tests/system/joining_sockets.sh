#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/system/lib.sh
source "$(dirname "$0")/lib.sh"
scenario "connected sockets that a process brings along or gets from somebody outside are judged as the job's own"
policy 'mode: block' 'allow:' '  - allowed.example.org:443' '  - 203.0.113.67:9999/udp'

# shellcheck disable=SC2016  # expands in the inner shell
inherited='exec 5<>"/dev/$0/203.0.113.66/$1"; shift; exec "$@"'
# inherit PROTO PORT: connected before the job began. Established traffic of a stranger's making is no way out.
inherit() {
  run bash -c "$inherited" "$1" "$2" "$weir" run --policy "$policy" --mode block -- \
    bash -c "printf 'leaked-inherited-$1\\r\\n\\r\\n' >&5 || echo refused"
}

# What a datagram's sender is told, a stream's is not: a refused segment is a lost one to the kernel. So the sink decides, and
# it waits: a sensor of the job's own takes its programs away with it, and a lost segment is sent again after 200 ms and more.
inherit_both() {
  inherit udp 9999
  expect_out refused
  inherit tcp 443
  sleep 2
  expect_nothing_arrived 'leaked'
}
inherit_both
start_daemons
inherit_both

# hold NAME ARG...: somebody outside connects, and stays. Sets held_pid and held_fd.
hold() {
  local name=$1
  shift
  daemon "hold-$name" "$client" hold "$WORLD_DIR/$name.door" "$@"
  wait_for "the holder's socket" grep -q 'fd=' "$WORLD_DIR/hold-$name.daemon"
  read -r held_pid held_fd < <(sed -nE 's/.*pid=([0-9]+) fd=([0-9]+).*/\1 \2/p' "$WORLD_DIR/hold-$name.daemon")
}

for shape in 'udp 9999 --udp' 'tcp 443'; do
  read -r proto port option <<<"$shape"
  # shellcheck disable=SC2086  # an option or none
  hold "$proto" 203.0.113.66 "$port" $option
  # By SCM_RIGHTS. The same socket afterwards by pidfd_getfd would be known already: another one for that.
  block "$client" take "leaked-passed-$proto" --from "$WORLD_DIR/$proto.door"
  [[ $proto == tcp ]] || expect_out 'sent=0 error=EPERM'
  expect_denied '.address == "203.0.113.66"'
  expect_nothing_arrived 'leaked'
  # shellcheck disable=SC2086
  hold "$proto-2" 203.0.113.66 "$port" $option
  block "$client" take "leaked-taken-$proto" --pid "$held_pid" --fd "$held_fd"
  [[ $proto == tcp ]] || expect_out 'sent=0 error=EPERM'
  expect_denied '.address == "203.0.113.66"'
  expect_nothing_arrived 'leaked'
done

sleep 2
expect_nothing_arrived 'leaked'

# Where the job may send itself, it may on a stranger's socket.
hold allowed 203.0.113.67 9999 --udp
block "$client" take "welcome" --from "$WORLD_DIR/allowed.door"
expect_status 0
expect_arrived '203\.0\.113\.67 9999 data welcome'

# The witness is fair: outside a job the same goes through.
hold fair 203.0.113.66 9999 --udp
run "$client" take "told-outside" --from "$WORLD_DIR/fair.door"
expect_arrived '203\.0\.113\.66 9999 data told-outside'
hold fair-tcp 203.0.113.66 443
run "$client" take "told-outside-tcp" --pid "$held_pid" --fd "$held_fd"
wait_for "the stream" grep -q 'told-outside-tcp' "$WORLD_DIR/sink.log"

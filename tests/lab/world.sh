# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The small world: a "runner" namespace whose only way out is a veth to an "internet" namespace, where lab-dns answers on
# port 53 of every address and lab-sink takes the rest. Names carry a random suffix, so that worlds do not meet.
#
#   source tests/lab/world.sh; world_up; trap world_down EXIT; world_run CMD...
#
# Reads WEIR_BIN_DIR (a build directory). Sets WORLD_DIR (logs, resolv.conf), WORLD_RESOLVER, WORLD_RESOLVER6.

WORLD_RESOLVER=192.0.2.53
WORLD_RESOLVER6=2001:db8:0:1::53
world_tcp_ports=80,443,853,8080
world_udp_ports=123,443,5353,9999

world_fail() {
  printf 'world: %s\n' "$*" >&2
  return 1
}

# world_program NAME: its path in the build directory.
world_program() {
  local path
  for path in "$WEIR_BIN_DIR/tests/lab/$1" "$WEIR_BIN_DIR/bin/$1"; do
    [[ -x $path ]] && printf '%s' "$path" && return 0
  done
  world_fail "no $1 below $WEIR_BIN_DIR: build the target lab"
}

world_up() {
  local here suffix
  here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
  suffix=$(od -An -N3 -tx1 /dev/urandom | tr -d ' ')
  WORLD_RUNNER=weirlab-$suffix-run
  WORLD_INTERNET=weirlab-$suffix-net
  WORLD_DIR=$(mktemp -d "${TMPDIR:-/tmp}/weirlab-XXXXXX")
  WORLD_PIDS=()
  chmod 755 "$WORLD_DIR"
  world_namespaces || return 1
  world_make_prefix
  world_resolv_conf "nameserver $WORLD_RESOLVER"
  printf 'hosts: files dns\n' >"$WORLD_DIR/nsswitch.conf"
  printf '127.0.0.1 localhost\n::1 localhost\n' >"$WORLD_DIR/hosts"
  world_serve dns "$(world_program lab-dns)" --zone "${WORLD_ZONE:-$here/zone.txt}" || return 1
  world_serve sink "$(world_program lab-sink)" --tcp "$world_tcp_ports" --udp "$world_udp_ports" || return 1
}

world_namespaces() {
  local namespace
  for namespace in "$WORLD_RUNNER" "$WORLD_INTERNET"; do
    ip netns add "$namespace" || return 1
    ip -n "$namespace" link set lo up
    # An address that is still being checked for duplicates cannot be used; nobody else is on this wire.
    ip netns exec "$namespace" sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.default.accept_ra=0
  done
  ip -n "$WORLD_RUNNER" link add up0 type veth peer name down0 netns "$WORLD_INTERNET" || return 1
  ip -n "$WORLD_RUNNER" address add 192.0.2.10/24 dev up0
  ip -n "$WORLD_RUNNER" address add 2001:db8:0:1::10/64 dev up0 nodad
  ip -n "$WORLD_RUNNER" link set up0 up
  ip -n "$WORLD_INTERNET" address add 192.0.2.1/24 dev down0
  ip -n "$WORLD_INTERNET" address add "$WORLD_RESOLVER/24" dev down0
  ip -n "$WORLD_INTERNET" address add 2001:db8:0:1::1/64 dev down0 nodad
  ip -n "$WORLD_INTERNET" address add "$WORLD_RESOLVER6/64" dev down0 nodad
  ip -n "$WORLD_INTERNET" link set down0 up
  ip -n "$WORLD_RUNNER" route add default via 192.0.2.1
  ip -n "$WORLD_RUNNER" -6 route add default via 2001:db8:0:1::1
  # Any address of these ranges is local there: a sink on the wildcard serves them all.
  local range
  for range in 198.51.100.0/24 203.0.113.0/24 198.18.0.0/15 169.254.169.254/32 10.20.0.0/16; do
    ip -n "$WORLD_INTERNET" route add local "$range" dev lo
  done
  for range in 2001:db8:a::/48 2001:db8:e::/48 2001:db8:f::/48; do
    ip -n "$WORLD_INTERNET" -6 route add local "$range" dev lo
  done
}

# world_serve NAME PROGRAM ARG...: starts a server in the internet namespace and waits until it listens.
world_serve() {
  local name=$1 try
  shift
  ip netns exec "$WORLD_INTERNET" "$@" --log "$WORLD_DIR/$name.log" --ready "$WORLD_DIR/$name.ready" &
  WORLD_PIDS+=($!)
  disown
  for ((try = 0; try < 100; try++)); do
    [[ -e $WORLD_DIR/$name.ready ]] && return 0
    kill -0 "${WORLD_PIDS[-1]}" 2>/dev/null || break
    sleep 0.05
  done
  world_fail "$name does not start"
}

# world_resolv_conf LINE...: what the runner's /etc/resolv.conf says from the next world_run on.
world_resolv_conf() { printf '%s\n' "$@" >"$WORLD_DIR/resolv.conf"; }

# world_run CMD...: as on the runner. Only the network and three files of /etc differ from the machine's. The array
# world_prefix is the same as a command that can be run in the background: `$!` is then CMD's own process.
# Not `ip netns exec`: it mounts a new /sys, and with it the cgroup and BPF file systems would be out of sight.
world_run() { "${world_prefix[@]}" "$@"; }

world_make_prefix() {
  # shellcheck disable=SC2016  # expands in the inner shell
  world_prefix=(nsenter --net="/run/netns/$WORLD_RUNNER" -- unshare --mount -- sh -c '
    for file in resolv.conf nsswitch.conf hosts; do
      [ ! -e "/etc/$file" ] || mount --bind "$0/$file" "/etc/$file" || exit 125
    done
    exec "$@"' "$WORLD_DIR")
}

# What arrived. Patterns are extended regular expressions over whole lines.
world_questions() { grep -cE -- "$1" "$WORLD_DIR/dns.log" || true; }
world_arrivals() { grep -cE -- "$1" "$WORLD_DIR/sink.log" || true; }
world_forget() { : >"$WORLD_DIR/dns.log" && : >"$WORLD_DIR/sink.log"; }

world_down() {
  local pid namespace
  for pid in "${WORLD_PIDS[@]}"; do kill "$pid" 2>/dev/null; done
  WORLD_PIDS=()
  for namespace in ${WORLD_RUNNER:-} ${WORLD_INTERNET:-}; do
    # What a test left running in its own namespace goes with it.
    for pid in $(ip netns pids "$namespace" 2>/dev/null); do kill -KILL "$pid" 2>/dev/null; done
    ip netns del "$namespace" 2>/dev/null
  done
  if [[ -n ${WORLD_KEEP:-} ]]; then
    printf 'world: kept %s\n' "$WORLD_DIR" >&2
  else
    rm -rf -- "${WORLD_DIR:-/nonexistent}"
  fi
  return 0
}

# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# For scripts in the Debian test machine (tests/vm/debian).
set -euo pipefail

step() { printf -- '--- %s s: %s\n' "$(cut -d' ' -f1 /proc/uptime)" "$*"; }

fail() {
  printf 'line %s: %s\n' "${BASH_LINENO[1]}" "$*"
  exit 1
}

# wait_for SECONDS WHAT CMD...: until CMD succeeds. The machine is emulated: bounds are generous.
wait_for() {
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < end)) || fail "$what: not in time"
    sleep 0.2
  done
}

# expect_eq WHAT ACTUAL EXPECTED
expect_eq() { [[ $2 == "$3" ]] || fail "$1 is '$2', expected '$3'"; }
# expect_match WHAT TEXT PATTERN (extended regular expression)
expect_match() { grep -qE -- "$3" <<<"$2" || fail "$1 does not match /$3/: $2"; }

# Begins a reboot and ends the script, which is started again with $VM_BOOT one higher.
vm_reboot() {
  : >"/opt/vm/rebooting-$VM_BOOT"
  systemctl --no-block --job-mode=replace-irreversibly start reboot.target
  exit 0
}

# ---- Weir from its packages ------------------------------------------------------------------------------------------

sensor_pid() { systemctl show --property MainPID --value weir-sensor; }
active() { systemctl is-active --quiet weir-sensor; }
refusal() { systemctl show --property RefuseManualStop --value weir-sensor; }
refuses() { [[ $(refusal) == "$1" ]]; }

# When the last job has ended, its refusal goes within a second or two.
stop_sensor() {
  wait_for 60 "the end of the refusal" refuses no
  systemctl stop weir-sensor
}

# The packages of --file.
install_packages() {
  modprobe --all tun nfnetlink dummy # what most hosts have loaded, and the guard's probe tries
  dpkg --install "$VM_FILES"/*.deb >/tmp/install 2>&1 || fail "$(cat /tmp/install)"
}

# The same, and the sensor armed.
install_weir() {
  install_packages
  wait_for 150 "the sensor" active
}

# A host beyond a wire, which has every address of 10.9.0.0/16, and writes into /tmp/arrived to which of them somebody
# connected, at TCP port 443.
make_far_host() {
  modprobe veth
  ip netns add far
  ip link add wire type veth peer name wire netns far
  ip addr add 10.255.0.1/24 dev wire
  ip link set wire up
  ip -n far addr add 10.255.0.2/24 dev wire
  ip -n far link set wire up
  ip -n far link set lo up
  ip -n far route add local 10.9.0.0/16 dev lo
  ip route add 10.9.0.0/16 via 10.255.0.2
  # What every Debian has; a program that was built elsewhere would bring its C library along.
  # shellcheck disable=SC2016  # Perl's variables
  ip netns exec far perl -MIO::Socket::INET -e '
    my $door = IO::Socket::INET->new(LocalPort => 443, Listen => 1024, ReuseAddr => 1) or die $!;
    $| = 1;
    print "listens\n";
    while (1) { if (my $guest = $door->accept) { print $guest->sockhost, "\n" } }' >/tmp/arrived &
  wait_for 30 "the far host" grep -qx listens /tmp/arrived
}

# arrivals ADDRESS: how many connections came there.
arrivals() { grep -cxF "$1" /tmp/arrived || true; }

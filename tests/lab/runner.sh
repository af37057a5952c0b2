# shellcheck shell=bash disable=SC2154  # `repo` is lib.sh's
# SPDX-License-Identifier: Apache-2.0
# A stand-in for a self-hosted runner (tests/lab/runner/), with a user, a directory and jobs of its own.
#
#   runner_make DIR USER; put jobs into DIR/jobs; runner_run DIR USER, or runner_service DIR USER and start it
#
# and in a scenario's world, after `weir runner install`:
#
#   runner_enrol CONFIG DIR USER LINE...; runner_in_world DIR USER

# runner_make DIR USER: what config.sh leaves behind, as far as anybody looks at it.
runner_make() {
  local directory=$1 user=$2 part
  mkdir -p "$directory"/{bin,jobs,log,_work,_diag}
  for part in Listener Worker; do
    cp /bin/bash "$directory/bin/Runner.$part"
  done
  cp "$repo"/tests/lab/runner/{listener,worker,runsvc}.sh "$directory/"
  printf '{"agentName":"%s"}\n' "${directory##*/}" >"$directory/.runner"
  printf '{"scheme":"OAuth"}\n' >"$directory/.credentials"
  printf 'LANG=C.UTF-8\n' >"$directory/.env"
  chown -R "$user:" "$directory"
}

# runner_run DIR USER: all its jobs, as its user. Logs are DIR/log/JOB.
runner_run() {
  setpriv --reuid="$2" --regid="$(id -g "$2")" --clear-groups --inh-caps=-all \
    env -i PATH=/usr/bin:/bin HOME="$1" "$1/bin/Runner.Listener" "$1/listener.sh" "$1"
}

# runner_service DIR USER: the unit that `svc.sh install` makes of bin/actions.runner.service.template, and its name in
# DIR/.service. Prints that.
runner_service() {
  local directory=$1 user=$2 unit=actions.runner.acme-${1##*/}.host1.service
  cat >"/etc/systemd/system/$unit" <<EOF
[Unit]
Description=GitHub Actions Runner (acme-${directory##*/}.host1)
After=network-online.target

[Service]
ExecStart=$directory/runsvc.sh
User=$user
WorkingDirectory=$directory
KillMode=process
KillSignal=SIGTERM
TimeoutStopSec=5min

[Install]
WantedBy=multi-user.target
EOF
  chmod 664 "/etc/systemd/system/$unit"
  systemctl daemon-reload
  systemctl --quiet enable "$unit" 2>/dev/null
  echo "$unit" >"$directory/.service"
  chown "$user:" "$directory/.service"
  echo "$unit"
}

# runner_enrol CONFIG DIR USER LINE...: what the host says about the runner; LINEs are the entries of `policies:` and what follows.
runner_enrol() {
  local config=$1 directory=$2 user=$3
  shift 3
  { printf 'version: 1\ndirectory: "%s"\nuser: %s\npolicies:\n' "$directory" "$user" && printf '%s\n' "$@"; } \
    >"$config/runners/$(tr / - <<<"${directory#/}").yml"
}

# runner_in_world DIR USER: runner_run on the scenario's host.
# shellcheck disable=SC2016  # expands in the inner shell
runner_in_world() { in_world bash -c 'repo=$1; source "$1/tests/lab/runner.sh"; runner_run "$2" "$3"' - "$repo" "$1" "$2"; }

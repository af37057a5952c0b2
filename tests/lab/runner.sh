# shellcheck shell=bash disable=SC2154  # `repo` is lib.sh's
# SPDX-License-Identifier: Apache-2.0
# A stand-in for a self-hosted runner (tests/lab/runner/), with a user, a directory and jobs of its own.
#
#   runner_make DIR USER; put jobs into DIR/jobs; runner_run DIR USER

# runner_make DIR USER: what config.sh leaves behind, as far as anybody looks at it.
runner_make() {
  local directory=$1 user=$2 part
  mkdir -p "$directory"/{bin,jobs,log,_work,_diag}
  for part in Listener Worker; do
    cp /bin/bash "$directory/bin/Runner.$part"
  done
  cp "$repo"/tests/lab/runner/{listener,worker}.sh "$directory/"
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

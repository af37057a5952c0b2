#!/usr/bin/env bash
# shellcheck disable=SC2154  # job_* come with the job
# SPDX-License-Identifier: Apache-2.0
# The stand-in's Runner.Worker, a copy of bash as its Listener is. What it copies of the real one (actions/runner, src/):
#
#   JobExtension        the hook at the start is the first step, before actions' and containers'; a failed step fails the job,
#                       and steps that ask for always() still run; at the end processes with its RUNNER_TRACKING_ID are killed
#   JobHookProvider     hooks run as `bash -e PATH` in the workspace, children of the Worker, with the event's payload written
#                       before, and with file commands (GITHUB_STEP_SUMMARY) of their own
#   ScriptHandler       hooks see the Worker's environment, GITHUB_* and RUNNER_*, and no variable of the workflow's `env:`
#   GitHubContext       which GITHUB_* there are
#   StepsRunner         GITHUB_ACTION is the step's id, else `__run`, `__run_2` … or the action's name; hooks have none
#   ActionRunner        GITHUB_ACTION_REPOSITORY and _REF are there when an action runs
#
# A job is a bash file that sets job_* variables and defines steps as functions `step_1`, `step_2` … What step_id[NAME] and
# step_uses[NAME] (an action, owner/name@ref) say belongs to a step. Nothing but steps and hooks is forked, as little as the
# real one forks: what Weir counts are a Worker's children.
set -u
runner=$1
declare -A step_id=() step_uses=()
# shellcheck source=/dev/null
source "$2"
work=$runner/_work/${job_repository##*/}/${job_repository##*/}
temp=$runner/_work/_temp
mkdir -p "$work" "$temp/_github_workflow" "$temp/_runner_file_commands"
export GITHUB_ACTIONS=true CI=true GITHUB_REPOSITORY=$job_repository GITHUB_WORKFLOW=$job_workflow GITHUB_JOB=$job_id
export GITHUB_RUN_ID=$job_run_id GITHUB_RUN_ATTEMPT=1 GITHUB_ACTOR=octocat GITHUB_SHA=$job_sha GITHUB_REF=refs/heads/main
export GITHUB_EVENT_NAME=$job_event GITHUB_WORKSPACE=$work GITHUB_EVENT_PATH=$temp/_github_workflow/event.json
export RUNNER_TEMP=$temp RUNNER_NAME=${runner##*/} RUNNER_OS=Linux
read -r uuid </proc/sys/kernel/random/uuid
export RUNNER_TRACKING_ID=github_$uuid
printf '%s\n' "$job_payload" >"$GITHUB_EVENT_PATH"
failed=0

# name_step STEP: what the runner and the workflow call it.
runs=0
name_step() {
  local uses=${step_uses[$1]:-}
  export GITHUB_ACTION GITHUB_ACTION_REPOSITORY=${uses%@*} GITHUB_ACTION_REF=${uses#*@}
  if [[ -n ${step_id[$1]:-} ]]; then
    GITHUB_ACTION=${step_id[$1]}
  elif [[ -n $uses ]]; then
    GITHUB_ACTION=${uses%@*}
    GITHUB_ACTION=__${GITHUB_ACTION//[\/.-]/_}
  else
    ((++runs))
    GITHUB_ACTION=__run
    ((runs == 1)) || GITHUB_ACTION+=_$runs
  fi
}

# one NAME FILE: a child of ours, never of a subshell, so that it sees the Worker as its parent.
one() {
  export GITHUB_STEP_SUMMARY=$temp/_runner_file_commands/step_summary_$1
  : >"$GITHUB_STEP_SUMMARY"
  /bin/bash -e "$2" || { echo "step $1 failed: $?" && failed=1; }
}

cd "$work" || exit 1
[[ -z ${ACTIONS_RUNNER_HOOK_JOB_STARTED:-} ]] || one hook_started "$ACTIONS_RUNNER_HOOK_JOB_STARTED"
compgen -A function step_ >"$temp/steps"
mapfile -t steps <"$temp/steps"
for step in "${steps[@]}"; do
  [[ $failed == 0 || $step == *_always ]] || continue
  declare -f "$step" >"$temp/$step.sh"
  echo "$step" >>"$temp/$step.sh"
  name_step "$step"
  one "$step" "$temp/$step.sh"
done
unset GITHUB_ACTION GITHUB_ACTION_REPOSITORY GITHUB_ACTION_REF
[[ -z ${ACTIONS_RUNNER_HOOK_JOB_COMPLETED:-} ]] || one hook_completed "$ACTIONS_RUNNER_HOOK_JOB_COMPLETED"
if mapfile -t summary 2>/dev/null <"$temp/_runner_file_commands/step_summary_hook_completed"; then
  printf '%s\n' "${summary[@]}"
fi
for environment in /proc/[0-9]*/environ; do
  pid=${environment//[!0-9]/}
  [[ $pid != "$$" ]] || continue
  { mapfile -d '' -t variables <"$environment"; } 2>/dev/null || continue
  for variable in "${variables[@]}"; do
    [[ $variable != "RUNNER_TRACKING_ID=$RUNNER_TRACKING_ID" ]] || kill -KILL "$pid" 2>/dev/null
  done
done
exit "$failed"

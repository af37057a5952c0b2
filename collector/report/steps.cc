// SPDX-License-Identifier: Apache-2.0
#include "collector/report/steps.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "collector/report/escape.h"
#include "collector/report/refused.h"
#include "collector/report/words.h"

namespace weir::report {
namespace {

using store::Hook;

// Listed per step; how many there were is told as well.
constexpr std::size_t kMaxListed = 16;

using Steps = std::map<std::uint32_t, StepReport>;

void AddProcesses(const JobReport& report, Steps& steps) {
  for (const Process& process : report.processes) {
    StepReport& step = steps[process.stored.step.number];
    if (step.processes++ != 0) continue;
    step.arguments = process.stored.exec.arguments;
    if (step.stored.time_ns == 0) step.stored.time_ns = process.stored.time_ns;
  }
}

void AddReached(const JobReport& report, Steps& steps) {
  std::map<std::uint32_t, std::set<std::string>> known;
  for (const Contact& contact : report.allowed) {
    const store::Flow& flow = contact.stored.flow;
    // As with destinations: lookups go to a resolver, which has a flow of its own; sockets go nowhere.
    if (flow.key.hook == Hook::kDns || flow.key.hook == Hook::kSocket) continue;
    const std::uint32_t number = contact.stored.step.number;
    StepReport& step = steps[number];
    step.bytes_out += contact.stored.totals.bytes_out;
    step.bytes_in += contact.stored.totals.bytes_in;
    const auto [place, fresh] = known[number].insert(Endpoint(flow));
    if (!fresh) continue;
    ++step.destinations;
    if (step.reached.size() < kMaxListed) step.reached.push_back(*place);
  }
}

void AddRefused(const JobReport& report, Steps& steps) {
  for (const Attempt& attempt : Attempts(report)) {
    StepReport& step = steps[attempt.first->stored.step.number];
    step.denied += attempt.first->verdict() == store::Verdict::kDeny ? attempt.members : 0;
    step.would_deny += attempt.first->verdict() == store::Verdict::kWouldDeny ? attempt.members : 0;
    const bool listed = std::find(step.refused.begin(), step.refused.end(), attempt.title) != step.refused.end();
    if (!listed && step.refused.size() < kMaxListed) step.refused.push_back(attempt.title);
  }
}

}  // namespace

void AddSteps(std::vector<store::StoredStep> named, JobReport& report) {
  Steps steps;
  for (store::StoredStep& stored : named) {
    const std::uint32_t number = stored.step.number;
    steps[number].stored = std::move(stored);
  }
  AddProcesses(report, steps);
  AddReached(report, steps);
  AddRefused(report, steps);
  for (const store::StoredFinding& finding : report.findings) ++steps[finding.step.number].findings;
  if (steps.empty() || steps.rbegin()->first == 0) return;
  for (auto& [number, step] : steps) {
    step.stored.step.number = number;
    report.steps.push_back(std::move(step));
  }
}

bool IsWorthTelling(const StepReport& step) {
  return step.stored.step.number != 0 || step.destinations + step.denied + step.would_deny + step.findings != 0;
}

std::string WhatRan(const StepReport& step) {
  if (step.stored.step.number == 0) return "Runner.Worker itself, or not known";
  const std::string& repository = step.stored.action_repository;
  if (repository.empty()) return CommandLine(std::span(step.arguments));
  return repository + (step.stored.action_ref.empty() ? "" : "@" + step.stored.action_ref);
}

std::string InStep(const store::Step& step) {
  return step.number == 0 ? "" : ", step " + StepText(step.number, step.name);
}

}  // namespace weir::report

// SPDX-License-Identifier: Apache-2.0
// What each step of a workflow did.
#pragma once

#include <string>
#include <vector>

#include "collector/report/model.h"

namespace weir::report {

/// Fills report.steps from its processes, contacts and findings; leaves it empty when nothing is of a step. `named`:
/// what the workflow calls them.
void AddSteps(std::vector<store::StoredStep> named, JobReport& report);

/// Whether there is more to say of it than that the Runner.Worker ran: of number 0 often not.
[[nodiscard]] bool IsWorthTelling(const StepReport& step);

/// "actions/checkout@v4", or the command line of the step's first process. Hostile; may be empty.
[[nodiscard]] std::string WhatRan(const StepReport& step);

/// ", step 2 __run" for a sentence about a process; empty for none. Hostile.
[[nodiscard]] std::string InStep(const store::Step& step);

}  // namespace weir::report

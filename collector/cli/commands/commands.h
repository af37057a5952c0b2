// SPDX-License-Identifier: Apache-2.0
// Every command's way into the tree; each is defined in the file of its name.
#pragma once

namespace CLI {
class App;
}  // namespace CLI

namespace weir::cli {

struct Invocation;

void AddRun(CLI::App& root, Invocation& invocation);
void AddJob(CLI::App& root, Invocation& invocation);
void AddRunner(CLI::App& root, Invocation& invocation);
void AddEgress(CLI::App& root, Invocation& invocation);
void AddProcesses(CLI::App& root, Invocation& invocation);
void AddReport(CLI::App& root, Invocation& invocation);
void AddPolicy(CLI::App& root, Invocation& invocation);
void AddDoctor(CLI::App& root, Invocation& invocation);
void AddStatus(CLI::App& root, Invocation& invocation);
void AddCompletion(CLI::App& root, Invocation& invocation);
void AddVersion(CLI::App& root, Invocation& invocation);

}  // namespace weir::cli

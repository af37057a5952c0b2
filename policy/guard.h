// SPDX-License-Identifier: Apache-2.0
// Classes of the `guard:` section: what of the job's doings is denied, reported or allowed besides its destinations.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "policy/compiled.h"

namespace weir::policy {

inline constexpr std::uint32_t kNoGuardNumber = ~0u;

struct GuardClass {
  std::string_view name;
  /// WEIR_KIND_* bit: a kind of socket, admitted or refused at birth. 0: a class of attempts.
  SocketKinds kind;
  /// WEIR_G_*; kNoGuardNumber for a kind of socket.
  std::uint32_t number;
  /// About the watch itself or the runner: denied in audit mode, too, because evidence of a job that could switch its
  /// watch off is worth nothing. The others are ways out, which audit mode only reports.
  bool protects;
  std::string_view what;  ///< a few words for people
};

[[nodiscard]] std::span<const GuardClass> GuardClasses();

/// The class of attempts of this number; null: none has it.
[[nodiscard]] const GuardClass* GuardClassOf(std::uint32_t number);

/// "deny", "report" or "allow": what is said of the class, else what the mode means.
[[nodiscard]] std::string_view GuardAction(const GuardClass& known, const std::map<std::string, std::string>& said,
                                           Mode mode);

/// Bits are 1 << WEIR_G_*. A class in neither mask is allowed.
struct GuardMasks {
  std::uint32_t deny = 0;
  std::uint32_t report = 0;
  /// Of `deny`, on a host where the guard can only end who tries (decision 0012): the others are reported there.
  std::uint32_t kill = 0;
  /// Classes that hold for the services of a host that is a job's, too (bpf/abi.h, WEIR_T_SERVICE).
  std::uint32_t services = 0;
  friend bool operator==(const GuardMasks&, const GuardMasks&) = default;
};

/// What the policy says, and where it says nothing what its mode means.
[[nodiscard]] GuardMasks GuardMasksOf(const CompiledPolicy& policy);

}  // namespace weir::policy

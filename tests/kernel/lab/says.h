// SPDX-License-Identifier: Apache-2.0
// What a test that passes says of its kernel, for the table of cases and kernels (dev.d/outcomes.awk reads it).
#pragma once

#include <iostream>
#include <string>

namespace weir::lab {

/// The kernel does not have what is tried, so there is nothing to hold.
inline void SayAbsent(const std::string& what) { std::cout << "\nweir-test: absent " << what << std::endl; }

/// It is not prevented; Weir reports it.
inline void SaySeen(const std::string& how) { std::cout << "\nweir-test: seen " << how << std::endl; }

/// What has been proven of one class of the guard.
inline void SayGuard(const std::string& guard_class, const std::string& state) {
  std::cout << "\nweir-test: guard " << guard_class << " " << state << std::endl;
}

}  // namespace weir::lab

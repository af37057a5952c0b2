// SPDX-License-Identifier: Apache-2.0
#include "sensor/jobs/container.h"

#include <gtest/gtest.h>

#include <string>

namespace weir::jobs {
namespace {

const std::string kId = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const std::string kOther = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";

TEST(Container, IsNamedByItsCgroup) {
  EXPECT_EQ(ContainerOf("/weir/job/docker/" + kId), "0123456789ab");
  EXPECT_EQ(ContainerOf("/weir/job/libpod-" + kId + ".scope/container"), "0123456789ab");
  EXPECT_EQ(ContainerOf("/weir/job/cri-containerd-" + kId + ".scope"), "0123456789ab");
}

TEST(Container, OfSeveralIsTheInnermost) {
  EXPECT_EQ(ContainerOf("/weir/job/docker-" + kOther + ".scope/docker/" + kId), "0123456789ab");
}

TEST(Container, IsNoneWhereNothingIsAnId) {
  EXPECT_EQ(ContainerOf(""), "");
  EXPECT_EQ(ContainerOf("/weir/20261126-010359076-xs5x49db42"), "");
  EXPECT_EQ(ContainerOf("/weir/job/" + kId.substr(1)), "");
  EXPECT_EQ(ContainerOf("/weir/job/" + kId + "0"), "") << "one digit too many";
}

}  // namespace
}  // namespace weir::jobs

// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/sensor/sensor_world.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>

namespace weir {

namespace fs = std::filesystem;

int ConnectFd(int fd, const char* address, std::uint16_t port) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  ::inet_pton(AF_INET, address, &to.sin_addr);
  return ::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0 ? 0 : errno;
}

int ConnectUdp(const char* address, std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  const int failed = ConnectFd(fd, address, port);
  ::close(fd);
  return failed;
}

void SensorWorld::SetUp() {
  auto cgroup = lab::TempCgroup::Create("weir-sensor");
  ASSERT_TRUE(cgroup) << cgroup.error().what;
  cgroup_.emplace(std::move(*cgroup));
  auto pins = lab::PinDir::Create();
  ASSERT_TRUE(pins) << pins.error().what;
  pins_.emplace(std::move(*pins));
  char name[] = "/tmp/weir-sensor-XXXXXX";
  ASSERT_NE(::mkdtemp(name), nullptr);
  state_ = name;
  std::ofstream(state_ / "resolv.conf") << "nameserver 127.0.0.1\nsearch corp.example.org\n";
}

void SensorWorld::TearDown() {
  sensor_.reset();
  std::error_code ignored;
  if (!state_.empty()) fs::remove_all(state_, ignored);
}

SensorConfig SensorWorld::Config() const {
  SensorConfig config;
  config.cgroup_root = cgroup_->path();
  config.pin_directory = fs::path(pins_->path()) / "weir";
  config.state_directory = state_ / "state";
  config.resolv_conf = state_ / "resolv.conf";
  config.events_ring_bytes = 1u << 20;
  config.denials_ring_bytes = 1u << 20;
  config.leftovers_wait = std::chrono::milliseconds(300);
  config.heartbeat = std::chrono::milliseconds(100);
  config.flow_totals = std::chrono::milliseconds(200);
  return config;
}

void SensorWorld::StartSensor() {
  auto sensor = Sensor::Create(Config(), nullptr);
  ASSERT_TRUE(sensor) << sensor.error().what;
  sensor_ = std::move(*sensor);
}

JobBegun SensorWorld::Begin(const std::string& policy_text, const std::string& name) {
  JobSpec spec;
  spec.name = name;
  spec.policy_text = policy_text;
  spec.command = {"test"};
  auto begun = sensor_->BeginJob(spec);
  EXPECT_TRUE(begun) << begun.error().what;
  return begun ? *begun : JobBegun{};
}

int SensorWorld::RunIn(const std::string& job_id, const std::function<int()>& body) {
  auto child = lab::Child::Fork(body);
  EXPECT_TRUE(child) << child.error().what;
  if (!child) return -1;
  auto joined = sensor_->JoinJob(job_id, child->pid());
  EXPECT_TRUE(joined) << joined.error().what;
  const int status = child->Wait();
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::size_t SensorWorld::JobCgroups() const {
  std::size_t count = 0;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(fs::path(cgroup_->path()) / "weir", ignored)) {
    if (entry.is_directory()) ++count;
  }
  return count;
}

}  // namespace weir

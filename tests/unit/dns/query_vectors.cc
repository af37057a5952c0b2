// SPDX-License-Identifier: Apache-2.0
#include "bpf/dns_state.h"
#include "tests/unit/dns/vectors.h"

namespace weir::dnstest {
namespace {

QueryRow Good(std::string what, const Message& message, std::string_view name, std::uint16_t type = kA) {
  return {std::move(what), message.bytes(), WEIR_DNS_OK, Wire(name), type};
}

QueryRow Bad(std::string what, const Message& message, int code) {
  return {std::move(what), message.bytes(), code, {}, kA};
}

Bytes Option(unsigned code, const Bytes& data) {
  Bytes option{static_cast<std::uint8_t>(code >> 8), static_cast<std::uint8_t>(code),
               static_cast<std::uint8_t>(data.size() >> 8), static_cast<std::uint8_t>(data.size())};
  option.insert(option.end(), data.begin(), data.end());
  return option;
}

Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Message WithEdns(const Bytes& options, std::uint32_t ttl = 0) { return Query("example.org", kA, 1).Edns(options, ttl); }

Message Header(std::uint16_t flags, std::uint16_t questions = 1, std::uint16_t answers = 0,
               std::uint16_t authorities = 0, std::uint16_t additionals = 0) {
  return Message(kId, flags, questions, answers, authorities, additionals);
}

Message Flags(unsigned flags) {
  return Header(static_cast<std::uint16_t>(kQueryFlags | flags)).Question("example.org", kA);
}

void AddNames(std::vector<QueryRow>& rows) {
  rows.push_back(Good("plain", Query("example.org"), "example.org"));
  rows.push_back(Good("0x20 mixed case", Query("wWw.ExAmPlE.OrG"), "www.example.org"));
  rows.push_back(Good("all letters", Query("ABCDEFGHIJKLMNOPQRSTUVWXYZ.abcdefghijklmnopqrstuvwxyz"),
                      "abcdefghijklmnopqrstuvwxyz.abcdefghijklmnopqrstuvwxyz"));
  rows.push_back(Good("neighbours of the letters stay", Query("@[`{\x7f\xc1\xda"), "@[`{\x7f\xc1\xda"));
  rows.push_back(Good("root", Query(""), ""));
  rows.push_back(Good("one label", Query("localhost"), "localhost"));
  rows.push_back(Good("AAAA", Query("example.org", kAaaa), "example.org", kAaaa));
  rows.push_back(Good("HTTPS", Query("example.org", kHttps), "example.org", kHttps));
  rows.push_back(Good("name of 255 bytes", Query(LongName()), LongName()));
  rows.push_back(Good("127 labels", Query(ManyLabels()), ManyLabels()));
  rows.push_back(Good("label of 63", Query(std::string(63, 'x') + ".org"), std::string(63, 'x') + ".org"));
  rows.push_back(Good("label with a dot is one label",
                      Header(kQueryFlags).Raw(Bytes{10}).Raw("github.com").U8(0).U16(kA).U16(1), "", kA));
  rows.back().name = Bytes{10, 'g', 'i', 't', 'h', 'u', 'b', '.', 'c', 'o', 'm', 0};
  rows.push_back(Bad("name of 256 bytes", Query(LongName() + "x"), WEIR_DNS_E_LONG));
  rows.push_back(Bad("128 labels", Query(ManyLabels() + ".x"), WEIR_DNS_E_LONG));
  rows.push_back(
      Bad("length byte 0x40", Header(kQueryFlags).U8(0x40).Raw(Bytes(64, 'a')).U8(0).U16(kA).U16(1), WEIR_DNS_E_LABEL));
  rows.push_back(
      Bad("length byte 0x41", Header(kQueryFlags).U8(0x41).Raw(Bytes(65, 'a')).U8(0).U16(kA).U16(1), WEIR_DNS_E_LABEL));
  rows.push_back(Bad("length byte 0xbf", Header(kQueryFlags).U8(0xbf).U8(0).U16(kA).U16(1), WEIR_DNS_E_LABEL));
  rows.push_back(Bad("pointer to itself", Header(kQueryFlags).Pointer(12).U16(kA).U16(1), WEIR_DNS_E_POINTER));
  rows.push_back(Bad("pointer into the header", Header(kQueryFlags).Pointer(4).U16(kA).U16(1), WEIR_DNS_E_POINTER));
  rows.push_back(
      Bad("pointer behind a label", Header(kQueryFlags).Raw("\1a").Pointer(12).U16(kA).U16(1), WEIR_DNS_E_POINTER));
}

void AddForms(std::vector<QueryRow>& rows) {
  rows.push_back(Good("AD and CD", Flags(0x0030), "example.org"));
  rows.push_back(Good("no RD", Header(0).Question("example.org", kA), "example.org"));
  rows.push_back({"nothing", {}, WEIR_DNS_E_SHORT, {}, kA});
  rows.push_back({"11 bytes", Bytes(11, 0), WEIR_DNS_E_SHORT, {}, kA});
  rows.push_back(Bad("header only", Header(kQueryFlags), WEIR_DNS_E_SHORT));
  rows.push_back(Bad("no root label", Header(kQueryFlags).Raw("\7example"), WEIR_DNS_E_SHORT));
  rows.push_back(Bad("label over the end", Header(kQueryFlags).Raw("\7exam"), WEIR_DNS_E_SHORT));
  rows.push_back(Bad("no type", Header(kQueryFlags).Name("example.org"), WEIR_DNS_E_SHORT));
  rows.push_back(Bad("half a class", Header(kQueryFlags).Name("example.org").U16(kA).U8(0), WEIR_DNS_E_SHORT));
  rows.push_back(Bad("QR set", Flags(0x8000), WEIR_DNS_E_DIRECTION));
  rows.push_back(Bad("opcode NOTIFY", Flags(0x2000), WEIR_DNS_E_OPCODE));
  rows.push_back(Bad("opcode UPDATE", Flags(0x2800), WEIR_DNS_E_OPCODE));
  rows.push_back(Bad("AA", Flags(0x0400), WEIR_DNS_E_FLAGS));
  rows.push_back(Bad("TC", Flags(0x0200), WEIR_DNS_E_FLAGS));
  rows.push_back(Bad("RA", Flags(0x0080), WEIR_DNS_E_FLAGS));
  rows.push_back(Bad("Z", Flags(0x0040), WEIR_DNS_E_FLAGS));
  rows.push_back(Bad("rcode", Flags(0x0003), WEIR_DNS_E_FLAGS));
  rows.push_back(Bad("no question", Header(kQueryFlags, 0), WEIR_DNS_E_QUESTIONS));
  rows.push_back(Bad("two questions", Header(kQueryFlags, 2).Question("example.org", kA).Question("example.net", kA),
                     WEIR_DNS_E_QUESTIONS));
  rows.push_back(Bad("256 questions", Header(kQueryFlags, 256).Question("example.org", kA), WEIR_DNS_E_QUESTIONS));
  rows.push_back(
      Bad("second question, uncounted", Query("example.org").Question("data.example.net", kA), WEIR_DNS_E_TRAILING));
  rows.push_back(Bad("one byte more", Query("example.org").U8(0), WEIR_DNS_E_TRAILING));
  rows.push_back(Bad("an answer record",
                     Header(kQueryFlags, 1, 1).Question("example.org", kA).Pointer(12).A(1, 2, 3, 4),
                     WEIR_DNS_E_RECORDS));
  rows.push_back(Bad("an authority record",
                     Header(kQueryFlags, 1, 0, 1).Question("example.org", kA).Pointer(12).A(1, 2, 3, 4),
                     WEIR_DNS_E_RECORDS));
  rows.push_back(Bad("two additional records",
                     Header(kQueryFlags, 1, 0, 0, 2).Question("example.org", kA).Edns().Edns(), WEIR_DNS_E_RECORDS));
  rows.push_back(Bad("class CH", Header(kQueryFlags).Question("version.bind", kTxt, 3), WEIR_DNS_E_CLASS));
  rows.push_back(Bad("class ANY", Header(kQueryFlags).Question("example.org", kA, 255), WEIR_DNS_E_CLASS));
  rows.push_back(Bad("more than 512 bytes", Query("example.org").Raw(Bytes(500, 0)), WEIR_DNS_E_SIZE));
}

void AddEdns(std::vector<QueryRow>& rows) {
  const auto good = [&](std::string what, const Bytes& options, std::uint32_t ttl = 0) {
    rows.push_back(Good("EDNS " + what, WithEdns(options, ttl), "example.org"));
  };
  const auto bad = [&](std::string what, const Message& message, int code = WEIR_DNS_E_EDNS) {
    rows.push_back(Bad("EDNS " + what, message, code));
  };
  const Bytes cookie = Option(10, Bytes(8, 0xc0));
  good("bare", {});
  good("DO", {}, 0x8000);
  good("client cookie", cookie);
  good("both cookies", Option(10, Bytes(40, 0xc0)));
  good("client subnet of no bits", Option(8, {0, 1, 0, 0}));
  good("NSID asked for", Option(3, {}));
  good("keepalive", Option(11, {}));
  good("four options", cookie + Option(8, {0, 2, 0, 0}) + Option(3, {}) + Option(11, {}));
  bad("options in the wrong place", Query("example.org", kA, 1).Pointer(12).Record(kOpt, {}), WEIR_DNS_E_RECORDS);
  bad("counted but missing", Query("example.org", kA, 1), WEIR_DNS_E_SHORT);
  bad("not counted", Query("example.org", kA, 0).Edns(), WEIR_DNS_E_TRAILING);
  bad("another type", Query("example.org", kA, 1).U8(0).Record(kTxt, {1, 'x'}), WEIR_DNS_E_RECORDS);
  bad("extended rcode", WithEdns({}, 0x01000000));
  bad("version 1", WithEdns({}, 0x00010000));
  bad("Z bit", WithEdns({}, 0x4000));
  bad("low Z bit", WithEdns({}, 0x0001));
  bad("bytes behind it", WithEdns({}).U8(7), WEIR_DNS_E_TRAILING);
  bad("unknown option", WithEdns(Option(65001, {'d', 'a', 't', 'a'})));
  bad("unknown option of no bytes", WithEdns(Option(65001, {})));
  bad("option that aliases a cookie", WithEdns(Option(10 + 64, Bytes(8, 1))));
  bad("cookie of 9", WithEdns(Option(10, Bytes(9, 1))));
  bad("cookie of 41", WithEdns(Option(10, Bytes(41, 1))));
  bad("two cookies", WithEdns(cookie + cookie));
  bad("client subnet that tells", WithEdns(Option(8, {0, 1, 24, 0, 192, 0, 2})));
  bad("client subnet of 4 with a prefix", WithEdns(Option(8, {0, 1, 8, 0})));
  bad("client subnet of family 3", WithEdns(Option(8, {0, 3, 0, 0})));
  bad("NSID with data", WithEdns(Option(3, {'x'})));
  bad("keepalive with a timeout", WithEdns(Option(11, {0, 1})));
  bad("padding of zeros", WithEdns(Option(12, Bytes(16, 0))));
  bad("half an option", WithEdns({0, 10, 0}));
  bad("option over the end", WithEdns({0, 10, 0, 8, 1, 2, 3}));
}

}  // namespace

std::string LongName() {
  return std::string(63, 'a') + "." + std::string(63, 'b') + "." + std::string(63, 'c') + "." + std::string(61, 'd');
}

std::string ManyLabels() {
  std::string name = "a";
  for (int i = 1; i < 127; i++) name += std::string(".") + static_cast<char>('a' + i % 26);
  return name;
}

std::vector<QueryRow> QueryRows() {
  std::vector<QueryRow> rows;
  AddNames(rows);
  AddForms(rows);
  AddEdns(rows);
  return rows;
}

}  // namespace weir::dnstest

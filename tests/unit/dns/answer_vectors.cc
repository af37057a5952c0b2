// SPDX-License-Identifier: Apache-2.0
#include "bpf/dns_state.h"
#include "tests/unit/dns/vectors.h"

namespace weir::dnstest {
namespace {

constexpr std::string_view kWww = "www.example.org";
constexpr Address kV6 = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x42};

Message Www(std::uint16_t answers, unsigned type = kA) { return Answer(kWww, type, answers); }

AnswerRow Good(std::string what, const Message& message, std::vector<Address> addresses, std::uint32_t ttl = 300) {
  AnswerRow row{std::move(what), message.bytes(), WEIR_DNS_OK, std::move(addresses), ttl};
  return row;
}

AnswerRow Bad(std::string what, const Message& message, int code) {
  return {std::move(what), message.bytes(), code, {}, 0};
}

Message WithFlags(std::uint16_t flags, std::uint16_t answers = 1) {
  return Message(kId, flags, 1, answers).Question(kWww, kA).Pointer(kQuestionAt).A(192, 0, 2, 1);
}

/// A CNAME whose target is written out, and then an address under a pointer to it.
Message Chain(std::string_view target) {
  Message message = Www(2).Pointer(kQuestionAt).Record(kCname, Wire(target), 60);
  const unsigned target_at = message.at() - static_cast<unsigned>(Wire(target).size());
  return message.Pointer(target_at).A(192, 0, 2, 7);
}

void AddUsed(std::vector<AnswerRow>& rows) {
  const Address a1 = V4(192, 0, 2, 1), a2 = V4(192, 0, 2, 2), a7 = V4(192, 0, 2, 7);
  rows.push_back(Good("one A", WithFlags(kAnswerFlags), {a1}));
  rows.push_back(Good("owner written out", Www(1).Name(kWww).A(192, 0, 2, 1), {a1}));
  rows.push_back(Good("owner in another case", Www(1).Name("WWW.example.ORG").A(192, 0, 2, 1), {a1}));
  rows.push_back(Good("owner half written, half pointer", Www(1).Raw("\3www").Pointer(16).A(192, 0, 2, 1), {a1}));
  rows.push_back(Good("question in another case (0x20)",
                      Answer("wWw.eXample.orG", kA, 1).Pointer(kQuestionAt).A(192, 0, 2, 1), {a1}));
  rows.push_back(
      Good("smallest TTL", Www(2).Pointer(12).A(192, 0, 2, 1, 200).Pointer(12).A(192, 0, 2, 2, 100), {a1, a2}, 100));
  rows.push_back(Good("TTL 0", Www(1).Pointer(12).A(192, 0, 2, 1, 0), {a1}, 0));
  rows.push_back(Good("TTL with its top bit set is 0", Www(1).Pointer(12).A(192, 0, 2, 1, 0x80000001), {a1}, 0));
  rows.push_back(Good("CNAME and A", Chain("edge.example.net"), {a7}, 60));
  rows.push_back(Good(
      "CNAME target compressed",
      Www(2).Pointer(12).Record(kCname, {4, 'e', 'd', 'g', 'e', 0xc0, 16}).Name("edge.example.org").A(192, 0, 2, 7),
      {a7}));
  rows.push_back(Good("CNAME to a name in the question",
                      Www(2).Pointer(12).Record(kCname, {0xc0, 16}).Pointer(16).A(192, 0, 2, 7), {a7}));
  rows.push_back(Good("chain of three",
                      Www(4)
                          .Pointer(12)
                          .Record(kCname, Wire("a.example"))
                          .Name("a.example")
                          .Record(kCname, Wire("b.example"))
                          .Name("b.example")
                          .Record(kCname, Wire("c.example"))
                          .Name("C.Example")
                          .A(192, 0, 2, 7),
                      {a7}));
  rows.push_back(Good("CNAME alone", Www(1).Pointer(12).Record(kCname, Wire("a.example")), {}));
  rows.push_back(Good("no such records", Www(0), {}, 0));
  rows.push_back(Good("authority and additional are not looked at",
                      Message(kId, kAnswerFlags, 1, 1, 1, 1)
                          .Question(kWww, kA)
                          .Pointer(12)
                          .A(192, 0, 2, 1)
                          .Name("evil.example")
                          .A(6, 6, 6, 6)
                          .Raw("\xff\xff junk"),
                      {a1}));
  rows.push_back(Good("signatures are skipped",
                      Www(4)
                          .Pointer(12)
                          .Record(kCname, Wire("a.example"))
                          .Pointer(12)
                          .Record(kRrsig, Bytes(40, 1))
                          .Name("a.example")
                          .A(192, 0, 2, 7)
                          .Name("a.example")
                          .Record(kRrsig, Bytes(40, 1)),
                      {a7}));
  rows.push_back(Good("DNSSEC flags and AA", WithFlags(0x85b0), {a1}));

  AnswerRow v6 = Good("AAAA", Www(1, kAaaa).Pointer(12).Aaaa(kV6), {kV6});
  v6.type = kAaaa;
  rows.push_back(v6);
  const Address nat64 = {0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, 192, 0, 2, 1};
  AnswerRow nat = Good("NAT64 is the address inside", Www(1, kAaaa).Pointer(12).Aaaa(nat64), {a1});
  nat.type = kAaaa;
  rows.push_back(nat);
  const Address nat64_here = {0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, 127, 0, 0, 1};
  AnswerRow here = Good("NAT64 of loopback is not loopback", Www(1, kAaaa).Pointer(12).Aaaa(nat64_here), {nat64_here});
  here.type = kAaaa;
  rows.push_back(here);
  AnswerRow mapped = Good("mapped IPv4", Www(1, kAaaa).Pointer(12).Aaaa(a2), {a2});
  mapped.type = kAaaa;
  rows.push_back(mapped);

  Message many = Www(64);
  AnswerRow row = Good("64 addresses", many, {});
  for (int i = 0; i < 64; i++) {
    many.Pointer(12).A(198, 51, 100, static_cast<std::uint8_t>(i));
    row.addresses.push_back(V4(198, 51, 100, static_cast<std::uint8_t>(i)));
  }
  row.message = many.bytes();
  rows.push_back(row);

  for (const auto& name : {LongName(), ManyLabels()}) {
    AnswerRow longest =
        Good("name of 255 bytes, owner written out", Answer(name, kA, 1).Name(name).A(192, 0, 2, 1), {a1});
    longest.asked = name;
    rows.push_back(longest);
  }
}

void AddForeign(std::vector<AnswerRow>& rows) {
  rows.push_back(Bad("foreign owner", Www(1).Name("evil.example").A(6, 6, 6, 6), WEIR_DNS_E_OWNER));
  rows.push_back(Bad("own record, then a foreign one",
                     Www(2).Pointer(12).A(192, 0, 2, 1).Name("evil.example").A(6, 6, 6, 6), WEIR_DNS_E_OWNER));
  rows.push_back(Bad("owner is the parent", Www(1).Pointer(16).A(6, 6, 6, 6), WEIR_DNS_E_OWNER));
  rows.push_back(Bad("owner is a child", Www(1).Raw("\1x").Pointer(12).A(6, 6, 6, 6), WEIR_DNS_E_OWNER));
  rows.push_back(Bad("owner joined by a dot", Www(1).Raw("\13www.example\3org").U8(0).A(6, 6, 6, 6), WEIR_DNS_E_OWNER));
  rows.push_back(
      Bad("owner with a zero inside a label",
          Www(1).Raw(Bytes{3, 'w', 'w', 'w', 8, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0}).Raw("\3org").U8(0).A(6, 6, 6, 6),
          WEIR_DNS_E_OWNER));
  rows.push_back(Bad("CNAME with a foreign owner",
                     Www(2).Name("evil.example").Record(kCname, Wire("a.example")).Name("a.example").A(6, 6, 6, 6),
                     WEIR_DNS_E_OWNER));
  rows.push_back(Bad("A of the question behind its CNAME",
                     Www(2).Pointer(12).Record(kCname, Wire("a.example")).Pointer(12).A(6, 6, 6, 6), WEIR_DNS_E_OWNER));
  rows.push_back(Bad("chain out of order",
                     Www(2).Name("a.example").A(192, 0, 2, 1).Pointer(12).Record(kCname, Wire("a.example")),
                     WEIR_DNS_E_OWNER));
  rows.push_back(Bad("CNAME behind an address",
                     Www(2).Pointer(12).A(192, 0, 2, 1).Pointer(12).Record(kCname, Wire("a.example")),
                     WEIR_DNS_E_CHAIN));
  rows.push_back(Bad("DNAME", Www(1).Pointer(16).Record(kDname, Wire("example.net")), WEIR_DNS_E_TYPE));
  rows.push_back(Bad("TXT", Www(1).Pointer(12).Record(kTxt, {1, 'x'}), WEIR_DNS_E_TYPE));
  rows.push_back(Bad("class CH", Www(1).Pointer(12).Record(kA, {6, 6, 6, 6}, 300, 3), WEIR_DNS_E_CLASS));

  for (const char* other : {"evilwww.example.org", "www.example.org.evil.net", "example.org", "www.example.orh", ""}) {
    rows.push_back(
        Bad(std::string("question ") + other, Answer(other, kA, 1).Pointer(12).A(6, 6, 6, 6), WEIR_DNS_E_MISMATCH));
  }
  rows.push_back(
      Bad("question joined by a dot",
          Message(kId, kAnswerFlags, 1, 1).Raw("\13www.example\3org").U8(0).U16(kA).U16(1).Pointer(12).A(6, 6, 6, 6),
          WEIR_DNS_E_MISMATCH));
  rows.push_back(Bad("question of another type", Www(1, kAaaa).Pointer(12).A(6, 6, 6, 6), WEIR_DNS_E_MISMATCH));
  rows.push_back(Bad("another id", Message(kId + 1, kAnswerFlags, 1, 1).Question(kWww, kA).Pointer(12).A(6, 6, 6, 6),
                     WEIR_DNS_E_MISMATCH));
}

void AddForms(std::vector<AnswerRow>& rows) {
  rows.push_back(Bad("pointer to itself", Www(1).Pointer(33).A(6, 6, 6, 6), WEIR_DNS_E_POINTER));
  rows.push_back(Bad("pointer forward", Www(1).Pointer(35).A(6, 6, 6, 6), WEIR_DNS_E_POINTER));
  rows.push_back(Bad("pointer over the end", Www(1).Pointer(0x3fff).A(6, 6, 6, 6), WEIR_DNS_E_POINTER));
  rows.push_back(Bad("pointer into the header", Www(1).Pointer(2).A(6, 6, 6, 6), WEIR_DNS_E_POINTER));
  rows.push_back(Bad("pointer into its own label", Www(1).Raw("\3www").Pointer(33).A(6, 6, 6, 6), WEIR_DNS_E_POINTER));
  rows.push_back(
      Bad("CNAME target points at itself", Www(1).Pointer(12).Record(kCname, {0xc0, 45}), WEIR_DNS_E_POINTER));
  Message maze = Www(2).Pointer(12).Record(kTxt, Bytes(0));
  {
    // 400 pointers, each to the one before, the first to the question; an owner at the last one.
    Bytes pointers{0xc0, 12};
    const unsigned first = Www(2).at() + 12u;
    for (unsigned i = 1; i < 400; i++) {
      const unsigned target = first + 2 * (i - 1);
      pointers.push_back(static_cast<std::uint8_t>(0xc0 | target >> 8));
      pointers.push_back(static_cast<std::uint8_t>(target));
    }
    const unsigned last = first + 2 * 399;
    maze = Www(2).Pointer(12).Record(kRrsig, pointers).Pointer(last).A(6, 6, 6, 6);
  }
  rows.push_back(Bad("maze of pointers", maze, WEIR_DNS_E_LONG));
  rows.push_back(Bad("A of 5 bytes", Www(1).Pointer(12).Record(kA, {6, 6, 6, 6, 6}), WEIR_DNS_E_RDATA));
  rows.push_back(Bad("A of 3 bytes", Www(1).Pointer(12).Record(kA, {6, 6, 6}), WEIR_DNS_E_RDATA));
  rows.push_back(Bad("A of 16 bytes", Www(1).Pointer(12).Record(kA, Bytes(16, 6)), WEIR_DNS_E_RDATA));
  rows.push_back(Bad("AAAA of 4 bytes", Www(1).Pointer(12).Record(kAaaa, {6, 6, 6, 6}), WEIR_DNS_E_RDATA));
  Bytes more = Wire("a.example");
  more.push_back(0);
  rows.push_back(Bad("CNAME with bytes behind its name", Www(1).Pointer(12).Record(kCname, more), WEIR_DNS_E_RDATA));
  rows.push_back(Bad("CNAME name longer than its data",
                     Www(1).Pointer(12).U16(kCname).U16(1).U32(1).U16(4).Name("a.example"), WEIR_DNS_E_RDATA));
  rows.push_back(Bad("empty CNAME", Www(2).Pointer(12).Record(kCname, {}).Pointer(12).A(6, 6, 6, 6), WEIR_DNS_E_RDATA));
  rows.push_back(
      Bad("data over the end", Www(1).Pointer(12).U16(kA).U16(1).U32(1).U16(4).Raw("\1\2\3"), WEIR_DNS_E_SHORT));
  rows.push_back(Bad("record ends in its header", Www(1).Pointer(12).U16(kA).U16(1).U32(1), WEIR_DNS_E_SHORT));
  rows.push_back(Bad("fewer records than counted", Www(2).Pointer(12).A(6, 6, 6, 6), WEIR_DNS_E_SHORT));
  rows.push_back(Bad("half a pointer", Www(1).U8(0xc0), WEIR_DNS_E_SHORT));
  rows.push_back(
      Bad("owner with length byte 0x41", Www(1).U8(0x41).Raw(Bytes(65, 'a')).U8(0).A(6, 6, 6, 6), WEIR_DNS_E_LABEL));
  Message many = Www(65);
  for (int i = 0; i < 65; i++) many.Pointer(12).A(6, 6, 6, 6);
  rows.push_back(Bad("65 records", many, WEIR_DNS_E_RECORDS));
  rows.push_back(Bad("TC", WithFlags(0x8380), WEIR_DNS_E_TRUNCATED));
  rows.push_back(Bad("NXDOMAIN", WithFlags(0x8183), WEIR_DNS_E_RCODE));
  rows.push_back(Bad("SERVFAIL", WithFlags(0x8182, 0), WEIR_DNS_E_RCODE));
  rows.push_back(Bad("a query", WithFlags(0x0100), WEIR_DNS_E_DIRECTION));
  rows.push_back(Bad("opcode", WithFlags(0xa980), WEIR_DNS_E_OPCODE));
  rows.push_back(Bad("no question", Message(kId, kAnswerFlags, 0, 1).Name(kWww).A(6, 6, 6, 6), WEIR_DNS_E_QUESTIONS));
  rows.push_back(Bad("two questions",
                     Message(kId, kAnswerFlags, 2, 1).Question(kWww, kA).Question(kWww, kA).Pointer(12).A(6, 6, 6, 6),
                     WEIR_DNS_E_QUESTIONS));
  rows.push_back(Bad("question of class CH",
                     Message(kId, kAnswerFlags, 1, 1).Question(kWww, kA, 3).Pointer(12).A(6, 6, 6, 6),
                     WEIR_DNS_E_CLASS));
  rows.push_back(Bad("header only", Message(kId, kAnswerFlags, 1, 1), WEIR_DNS_E_SHORT));
  rows.push_back({"11 bytes", Bytes(11, 0x80), WEIR_DNS_E_SHORT, {}, 0});
}

}  // namespace

std::vector<AnswerRow> AnswerRows() {
  std::vector<AnswerRow> rows;
  AddUsed(rows);
  AddForeign(rows);
  AddForms(rows);
  return rows;
}

}  // namespace weir::dnstest

// SPDX-License-Identifier: Apache-2.0
#include "collector/report/refused.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "collector/report/words.h"

namespace weir::report {
namespace {

// So many attempts of one process at one kind of target are told as one.
constexpr std::size_t kJoin = 5;
constexpr std::size_t kExamples = 4;

std::string TargetOf(const store::Flow& flow) {
  if (flow.key.hook == store::Hook::kSocket) return "socket " + flow.socket_kind;
  if (flow.key.hook == store::Hook::kDns && flow.name.empty()) return "(unreadable)";
  return flow.name.empty() ? flow.key.address : flow.name;
}

void AddDistinct(std::vector<std::string>& list, const std::string& item) {
  if (!item.empty() && std::find(list.begin(), list.end(), item) == list.end()) list.push_back(item);
}

// What attempts of one process have in common when they are one scan, or one leak through DNS. Empty: nothing.
std::string Family(const Attempt& attempt) {
  const store::Flow& flow = attempt.first->stored.flow;
  if (flow.key.hook == store::Hook::kSocket) return "";
  if (flow.key.hook != store::Hook::kDns) {
    return flow.name.empty() ? "port " + std::to_string(flow.key.port) + "/" + flow.key.protocol : "";
  }
  const std::size_t dot = flow.name.find('.');
  const bool below = dot != std::string::npos && flow.name.find('.', dot + 1) != std::string::npos;
  return below ? flow.name.substr(dot + 1) : "";
}

std::vector<Attempt> Joined(std::vector<Attempt> attempts) {
  using Key =
      std::tuple<std::uint64_t, std::uint32_t, store::Verdict, store::Hook, std::string, std::string, std::string>;
  std::map<Key, std::vector<std::size_t>> families;
  for (std::size_t i = 0; i < attempts.size(); ++i) {
    const store::Flow& flow = attempts[i].first->stored.flow;
    const std::string family = Family(attempts[i]);
    if (family.empty()) continue;
    const std::uint32_t step = attempts[i].first->stored.step.number;
    families[{flow.key.exec_id, step, flow.key.verdict, flow.key.hook, flow.key.why, flow.rule, family}].push_back(i);
  }
  for (const auto& [key, members] : families) {
    if (members.size() < kJoin) continue;
    Attempt& all = attempts[members.front()];
    const bool lookups = std::get<store::Hook>(key) == store::Hook::kDns;
    const std::string& family = std::get<6>(key);
    all.target = Grouped(members.size()) + (lookups ? " names below " + family : " addresses");
    all.examples = {lookups ? all.first->stored.flow.name : all.first->stored.flow.key.address};
    for (std::size_t i = 1; i < members.size(); ++i) {
      Attempt& one = attempts[members[i]];
      for (const std::string& address : one.addresses) {
        if (lookups) AddDistinct(all.addresses, address);
      }
      if (all.examples.size() < kExamples) {
        all.examples.push_back(lookups ? one.first->stored.flow.name : one.first->stored.flow.key.address);
      }
      all.contacts += one.contacts;
      all.times += one.times;
      one.first = nullptr;
    }
    all.title = lookups ? "lookups of " + all.target : all.target + ", " + family;
    all.members = members.size();
  }
  std::erase_if(attempts, [](const Attempt& attempt) { return attempt.first == nullptr; });
  return attempts;
}

}  // namespace

std::vector<Attempt> Attempts(const JobReport& report) {
  // Addresses without a name are told apart by the title.
  using Key = std::tuple<std::uint64_t, std::uint32_t, store::Verdict, std::string, std::string, std::string>;
  std::map<Key, std::size_t> places;
  std::vector<Attempt> attempts;
  std::vector<std::vector<std::string>> types;
  for (const Contact& contact : report.refused) {
    const store::Flow& flow = contact.stored.flow;
    const bool lookup = flow.key.hook == store::Hook::kDns;
    const std::string title = lookup ? "lookup of " + TargetOf(flow) : Endpoint(flow);
    const auto [place, fresh] = places.try_emplace(
        {flow.key.exec_id, contact.stored.step.number, contact.verdict(), flow.key.why, flow.rule, title},
        attempts.size());
    if (fresh) {
      Attempt attempt;
      attempt.first = &contact;
      attempt.title = title;
      attempt.target = TargetOf(flow);
      attempts.push_back(std::move(attempt));
      types.emplace_back();
    }
    Attempt& attempt = attempts[place->second];
    AddDistinct(attempt.addresses, flow.key.address);
    if (lookup) AddDistinct(types[place->second], contact.stored.query_type);
    ++attempt.contacts;
    attempt.times += contact.stored.totals.count;
  }
  for (std::size_t i = 0; i < attempts.size(); ++i) {
    for (std::size_t type = 0; type < types[i].size(); ++type) {
      attempts[i].title += (type == 0 ? " " : ", ") + types[i][type];
    }
  }
  return Joined(std::move(attempts));
}

std::string AncestryLine(const Contact& contact) {
  std::string line;
  for (std::size_t i = 0; i < contact.ancestry.size();) {
    const std::string_view name = BaseName(contact.ancestry[i]);
    const std::size_t begin = i;
    while (i < contact.ancestry.size() && BaseName(contact.ancestry[i]) == name) ++i;
    line += (line.empty() ? "" : " › ") + std::string(name);
    if (i - begin > 2) {
      line += " × " + std::to_string(i - begin);
    } else if (i - begin == 2) {
      line += " › " + std::string(name);
    }
  }
  return line;
}

std::string_view BaseName(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos || slash + 1 == path.size() ? path : path.substr(slash + 1);
}

}  // namespace weir::report

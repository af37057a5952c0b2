// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "collector/report/escape.h"
#include "collector/report/html_parts.h"
#include "collector/report/refused.h"
#include "collector/report/words.h"

namespace weir::report::html {
namespace {

using store::Hook;
using store::Verdict;

constexpr std::size_t kMaxPrograms = 12;
constexpr std::size_t kMaxDestinations = 16;
constexpr std::size_t kLabelColumns = 38;

// The drawing's own units; the page scales it.
constexpr double kWidth = 1000;
constexpr double kLetter = 8.2;  // about the width of one, so that labels have the room that they need
constexpr double kRow = 32;
constexpr double kTop = 44;
constexpr double kFoot = 12;
constexpr double kBar = 20;  // height of a node
constexpr double kMinStroke = 1.5;
constexpr double kMaxStroke = 14;
constexpr double kEdgeGap = 3;

struct Node {
  std::string label;
  std::string title;
  std::uint64_t bytes = 0;
  std::uint64_t denied = 0;
  std::uint64_t would_deny = 0;
  double y = 0;       // middle
  double bar = kBar;  // height
  double extent = 0;  // of its edges side by side
  double drawn = 0;   // so much of the extent is taken
};

struct Edge {
  std::size_t program = 0;
  std::size_t destination = 0;
  Verdict verdict = Verdict::kAllow;
  std::uint64_t bytes = 0;
  std::uint64_t count = 0;
};

class Side {
 public:
  std::vector<Node> nodes;
  std::map<std::string, std::size_t> by_label;

  std::size_t Find(const std::string& label, const std::string& title) {
    const auto [at, inserted] = by_label.emplace(label, nodes.size());
    if (inserted) nodes.push_back({label, title});
    return at->second;
  }

  /// 0 denied, 1 would be denied, 2 allowed.
  static std::size_t Rank(const Node& node) { return node.denied != 0 ? 0 : node.would_deny != 0 ? 1 : 2; }

  /// Keeps the most telling nodes of each rank and joins its others into one: what was denied is never joined with what
  /// was allowed. Says where each node went.
  std::vector<std::size_t> Reduce(std::size_t most, const std::string& noun) {
    std::array<std::vector<std::size_t>, 3> ranks;
    for (std::size_t i = 0; i < nodes.size(); ++i) ranks[Rank(nodes[i])].push_back(i);
    std::vector<std::size_t> place(nodes.size());
    std::vector<Node> kept;
    for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
      std::vector<std::size_t>& order = ranks[rank];
      std::stable_sort(order.begin(), order.end(),
                       [this](std::size_t a, std::size_t b) { return nodes[a].bytes > nodes[b].bytes; });
      const std::size_t room = Room(ranks, rank, most);
      const std::size_t base = kept.size();
      for (std::size_t i = 0; i < order.size(); ++i) {
        const Node& node = nodes[order[i]];
        const bool join = order.size() > room && i + 1 >= room;
        place[order[i]] = base + (join ? room - 1 : i);
        if (!join) {
          kept.push_back(node);
          continue;
        }
        if (kept.size() < base + room)
          kept.push_back({Grouped(order.size() - room + 1) + " more " + noun, "joined in this picture"});
        kept.back().denied += node.denied;
        kept.back().would_deny += node.would_deny;
        kept.back().bytes += node.bytes;
      }
    }
    nodes = std::move(kept);
    return place;
  }

 private:
  /// How many of `most` nodes a rank may have: what the others need is left to them, up to equal shares.
  static std::size_t Room(const std::array<std::vector<std::size_t>, 3>& ranks, std::size_t rank, std::size_t most) {
    std::size_t others = 0;
    for (std::size_t i = 0; i < ranks.size(); ++i) {
      if (i != rank) others += std::min(ranks[i].size(), most / 3);
    }
    return std::max(most - others, most / 3);
  }
};

std::string Number(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f", value);
  return text.data();
}

class Drawing {
 public:
  explicit Drawing(const JobReport& report) : block_(report.job.begin.mode != store::Mode::kAudit) {
    for (const Contact& contact : report.refused) {
      if (contact.stored.flow.key.hook != Hook::kDns) connected_.insert(contact.stored.flow.name);
    }
    for (const Contact& contact : report.refused) Add(contact);
    for (const Contact& contact : report.allowed) Add(contact);
    Reduce();
  }

  std::string Render() {
    if (edges_.empty()) return "";
    left_ = LabelRoom(programs_, 110) + 8;
    right_ = kWidth - LabelRoom(destinations_, 200) - 8;
    weir_ = (left_ + right_) / 2;
    const double height =
        kTop + kRow * static_cast<double>(std::max(programs_.nodes.size(), destinations_.nodes.size())) + kFoot;
    Place(programs_, height);
    Place(destinations_, height);
    std::string out =
        "<figure><div class=\"wide\"><svg viewBox=\"0 0 " + Number(kWidth) + " " + Number(height) +
        "\" role=\"img\" aria-labelledby=\"picture-title picture-desc\"><title id=\"picture-title\">Egress of "
        "the job</title><desc id=\"picture-desc\">Programs on the left, destinations on the right. The "
        "tables below say the same in words.</desc>";
    out += "<text class=\"soft\" x=\"" + Number(left_) + "\" y=\"20\" text-anchor=\"end\">programs</text>";
    out += std::string("<text class=\"soft\" x=\"") + Number(weir_) + "\" y=\"20\" text-anchor=\"middle\">" +
           (block_ ? "weir" : "weir (audit)") + "</text>";
    out += "<text class=\"soft\" x=\"" + Number(right_) + "\" y=\"20\">destinations</text>";
    out += std::string("<line class=\"weir") + (block_ ? "" : " open") + "\" x1=\"" + Number(weir_) + "\" x2=\"" +
           Number(weir_) + "\" y1=\"32\" y2=\"" + Number(height - 6) + "\"/>";
    for (const Edge& edge : edges_) DrawEdge(edge, out);
    for (const Node& node : programs_.nodes) DrawNode(node, true, out);
    for (const Node& node : destinations_.nodes) DrawNode(node, false, out);
    out += "</svg></div><figcaption>" + Caption() + "</figcaption></figure>";
    return out;
  }

 private:
  void Add(const Contact& contact) {
    const store::Flow& flow = contact.stored.flow;
    const bool refused = contact.refused();
    // Allowed lookups and sockets lead nowhere by themselves; loopback never leaves the host.
    if (!refused && (flow.key.hook == Hook::kDns || flow.key.hook == Hook::kSocket || flow.key.why == "loopback"))
      return;
    const bool lookup = flow.key.hook == Hook::kDns;
    // A connection to the name tells more than the lookup before it.
    if (lookup && connected_.contains(flow.name)) return;
    const std::string title = lookup ? "lookup of " + (flow.name.empty() ? "(unreadable)" : flow.name) : Endpoint(flow);
    const std::size_t program = programs_.Find(std::string(BaseName(contact.executable)), contact.executable);
    const std::size_t destination = destinations_.Find(title, title + " " + flow.key.address);
    const std::uint64_t bytes = contact.stored.totals.bytes_out + contact.stored.totals.bytes_in;
    Edge& edge = sums_[{program, destination, contact.verdict()}];
    edge = {program, destination, contact.verdict(), edge.bytes + bytes, edge.count + contact.stored.totals.count};
    for (Node* node : {&programs_.nodes[program], &destinations_.nodes[destination]}) {
      node->bytes += bytes;
      if (contact.verdict() == Verdict::kDeny) node->denied += contact.stored.totals.count;
      if (contact.verdict() == Verdict::kWouldDeny) node->would_deny += contact.stored.totals.count;
    }
  }

  void Reduce() {
    const auto programs = programs_.Reduce(kMaxPrograms, "programs");
    const auto destinations = destinations_.Reduce(kMaxDestinations, "destinations");
    std::map<std::tuple<std::size_t, std::size_t, Verdict>, Edge> joined;
    for (const auto& [key, edge] : sums_) {
      const std::size_t program = programs[edge.program];
      const std::size_t destination = destinations[edge.destination];
      Edge& sum = joined[{program, destination, edge.verdict}];
      sum = {program, destination, edge.verdict, sum.bytes + edge.bytes, sum.count + edge.count};
    }
    for (const auto& [key, edge] : joined) {
      edges_.push_back(edge);
      most_bytes_ = std::max(most_bytes_, edge.bytes);
    }
    for (const Edge& edge : edges_) {
      programs_.nodes[edge.program].extent += Stroke(edge) + kEdgeGap;
      destinations_.nodes[edge.destination].extent += Stroke(edge) + kEdgeGap;
    }
  }

  /// Only what is drawn.
  std::string Caption() const {
    std::set<Verdict> drawn;
    for (const Edge& edge : edges_) drawn.insert(edge.verdict);
    std::string text;
    if (drawn.contains(Verdict::kAllow)) text += "Solid: allowed, the wider the more bytes. ";
    if (drawn.contains(Verdict::kDeny)) text += "Dashed, ending in ✕ at the weir: denied. ";
    if (drawn.contains(Verdict::kWouldDeny)) {
      text += "Dotted, destination marked !: let through in audit mode, would be denied in block mode. ";
    }
    text.pop_back();
    return text;
  }

  static double LabelRoom(const Side& side, double least) {
    std::size_t widest = 0;
    for (const Node& node : side.nodes) widest = std::max(widest, Columns(ForTerminal(node.label)));
    // Two more for the sign in front.
    return std::max(least, kLetter * static_cast<double>(std::min(widest, kLabelColumns) + 2));
  }

  /// Spreads the nodes over the height; a bar is as high as its edges are wide together, as far as there is room.
  static void Place(Side& side, double height) {
    const double room = (height - kTop - kFoot) / static_cast<double>(side.nodes.size());
    double y = kTop + room / 2;
    for (Node& node : side.nodes) {
      node.y = y;
      node.bar = std::clamp(node.extent, kBar, room - 8);
      y += room;
    }
  }

  /// Where on its bar the node's next edge, `stroke` wide, begins.
  static double Slot(Node& node, double stroke) {
    const double scale = std::min(1.0, node.bar / node.extent);
    const double at = node.drawn + (stroke + kEdgeGap) / 2;
    node.drawn += stroke + kEdgeGap;
    return node.y + (at - node.extent / 2) * scale;
  }

  void DrawEdge(const Edge& edge, std::string& out) {
    const double from = Slot(programs_.nodes[edge.program], Stroke(edge));
    const double to = Slot(destinations_.nodes[edge.destination], Stroke(edge));
    const bool denied = edge.verdict == Verdict::kDeny;
    const double middle = (from + to) / 2;
    const double begin = left_ + 16;
    // A denied edge ends at the weir, half way.
    const double end = denied ? weir_ - 8 : right_ - 16;
    const double target = denied ? middle : to;
    const double bend = (begin + end) / 2;
    out += std::string("<path class=\"") +
           (denied                                ? "deny"
            : edge.verdict == Verdict::kWouldDeny ? "would"
                                                  : "flow") +
           "\" d=\"M" + Number(begin) + " " + Number(from) + "C" + Number(bend) + " " + Number(from) + " " +
           Number(bend) + " " + Number(target) + " " + Number(end) + " " + Number(target) + "\"";
    if (edge.verdict == Verdict::kAllow) out += " stroke-width=\"" + Number(Stroke(edge)) + "\"";
    out += "><title>" + ForHtml(programs_.nodes[edge.program].label) + " → " +
           ForHtml(destinations_.nodes[edge.destination].label) + ": " + std::string(VerdictWord(edge.verdict)) + ", " +
           Plural(edge.count, "time") + ", " + Bytes(edge.bytes) + "</title></path>";
    if (!denied) return;
    // Where it would have gone.
    const double stop = right_ - 18, half = (weir_ + 10 + stop) / 2;
    out += "<path class=\"ghost\" d=\"M" + Number(weir_ + 10) + " " + Number(target) + "C" + Number(half) + " " +
           Number(target) + " " + Number(half) + " " + Number(to) + " " + Number(stop) + " " + Number(to) + "\"/>";
    DrawCross(weir_, target, out);
  }

  static void DrawCross(double x, double y, std::string& out) {
    constexpr double kArm = 5;
    for (const double slope : {1.0, -1.0}) {
      out += "<line class=\"cross\" x1=\"" + Number(x - kArm) + "\" x2=\"" + Number(x + kArm) + "\" y1=\"" +
             Number(y - kArm * slope) + "\" y2=\"" + Number(y + kArm * slope) + "\"/>";
    }
  }

  double Stroke(const Edge& edge) const {
    if (most_bytes_ == 0 || edge.verdict != Verdict::kAllow) return kMinStroke;
    // Square root: a small leak beside a large download stays visible.
    return kMinStroke +
           (kMaxStroke - kMinStroke) * std::sqrt(static_cast<double>(edge.bytes) / static_cast<double>(most_bytes_));
  }

  void DrawNode(const Node& node, bool program, std::string& out) const {
    const double bar = program ? left_ + 8 : right_ - 16;
    const char* kind = node.denied != 0 ? "bad" : node.would_deny != 0 ? "warn" : "";
    out += std::string("<g><title>") + ForHtml(node.title) + "</title><rect class=\"" + kind + "node\" x=\"" +
           Number(bar) + "\" y=\"" + Number(node.y - node.bar / 2) + "\" width=\"8\" height=\"" + Number(node.bar) +
           "\" rx=\"3\"/><text x=\"" + Number(program ? left_ : right_) + "\" y=\"" + Number(node.y + 4.5) + "\"" +
           (program ? " text-anchor=\"end\"" : "") + (*kind ? std::string(" class=\"") + kind + "text\"" : "") + ">";
    // Not by colour alone.
    if (!program && node.denied != 0) out += "✕ ";
    if (!program && node.denied == 0 && node.would_deny != 0) out += "! ";
    out += ForHtml(node.label, kLabelColumns) + "</text></g>";
  }

  const bool block_;
  double left_ = 0;   // right edge of the programs' labels
  double right_ = 0;  // left edge of the destinations' labels
  double weir_ = 0;
  std::set<std::string_view> connected_;  // names that more than lookups led to
  Side programs_;
  Side destinations_;
  std::map<std::tuple<std::size_t, std::size_t, Verdict>, Edge> sums_;
  std::vector<Edge> edges_;
  std::uint64_t most_bytes_ = 0;
};

}  // namespace

std::string Picture(const JobReport& report) { return Drawing(report).Render(); }

}  // namespace weir::report::html

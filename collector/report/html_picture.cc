// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "collector/report/escape.h"
#include "collector/report/html_parts.h"
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
constexpr double kLeft = 300;   // right edge of the programs' labels
constexpr double kRight = 690;  // left edge of the destinations' labels
constexpr double kWeir = 495;
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

struct Side {
  std::vector<Node> nodes;
  std::map<std::string, std::size_t> by_label;

  std::size_t Find(const std::string& label, const std::string& title) {
    const auto [at, inserted] = by_label.emplace(label, nodes.size());
    if (inserted) nodes.push_back({label, title});
    return at->second;
  }

  /// Keeps the most telling nodes, joins the others into one, and says where each went.
  std::vector<std::size_t> Reduce(std::size_t most, const std::string& noun) {
    std::vector<std::size_t> order(nodes.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(), [this](std::size_t a, std::size_t b) {
      const auto rank = [this](std::size_t i) {
        const Node& node = nodes[i];
        return std::tuple(node.denied != 0, node.would_deny != 0, node.bytes);
      };
      return rank(a) > rank(b);
    });
    std::vector<std::size_t> place(nodes.size());
    std::vector<Node> kept;
    const bool join = order.size() > most;
    for (std::size_t i = 0; i < order.size(); ++i) {
      const Node& node = nodes[order[i]];
      place[order[i]] = join ? std::min(i, most - 1) : i;
      if (!join || i + 1 < most) {
        kept.push_back(node);
        continue;
      }
      if (kept.size() < most)
        kept.push_back({Grouped(order.size() - most + 1) + " more " + noun, "joined in this picture"});
      kept.back().denied += node.denied;
      kept.back().would_deny += node.would_deny;
      kept.back().bytes += node.bytes;
    }
    nodes = std::move(kept);
    return place;
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
    for (const Contact& contact : report.refused) Add(contact);
    for (const Contact& contact : report.allowed) Add(contact);
    Reduce();
  }

  std::string Render() {
    if (edges_.empty()) return "";
    const double height =
        kTop + kRow * static_cast<double>(std::max(programs_.nodes.size(), destinations_.nodes.size())) + kFoot;
    Place(programs_, height);
    Place(destinations_, height);
    std::string out =
        "<figure><svg viewBox=\"0 0 " + Number(kWidth) + " " + Number(height) +
        "\" role=\"img\" aria-labelledby=\"picture-title picture-desc\"><title id=\"picture-title\">Egress of "
        "the job</title><desc id=\"picture-desc\">Programs on the left, destinations on the right. The "
        "tables below say the same in words.</desc>";
    out += "<text class=\"soft\" x=\"" + Number(kLeft) + "\" y=\"20\" text-anchor=\"end\">programs</text>";
    out += std::string("<text class=\"soft\" x=\"") + Number(kWeir) + "\" y=\"20\" text-anchor=\"middle\">" +
           (block_ ? "weir" : "weir (audit)") + "</text>";
    out += "<text class=\"soft\" x=\"" + Number(kRight) + "\" y=\"20\">destinations</text>";
    out += std::string("<line class=\"weir") + (block_ ? "" : " open") + "\" x1=\"" + Number(kWeir) + "\" x2=\"" +
           Number(kWeir) + "\" y1=\"32\" y2=\"" + Number(height - 6) + "\"/>";
    for (const Edge& edge : edges_) DrawEdge(edge, out);
    for (const Node& node : programs_.nodes) DrawNode(node, true, out);
    for (const Node& node : destinations_.nodes) DrawNode(node, false, out);
    out +=
        "</svg><figcaption>Solid: allowed, the wider the more bytes. Dashed, ending in ✕ at the weir: denied. Dotted, "
        "destination marked !: let through in audit mode, would be denied in block mode.</figcaption></figure>";
    return out;
  }

 private:
  void Add(const Contact& contact) {
    const store::Flow& flow = contact.stored.flow;
    const bool refused = contact.refused();
    // Allowed lookups and sockets lead nowhere by themselves; loopback never leaves the host.
    if (!refused && (flow.key.hook == Hook::kDns || flow.key.hook == Hook::kSocket || flow.key.why == "loopback"))
      return;
    const std::string title = ContactTitle(contact);
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
    const double begin = kLeft + 16;
    // A denied edge ends at the weir, half way.
    const double end = denied ? kWeir - 8 : kRight - 16;
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
    if (denied) DrawCross(kWeir, target, out);
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

  static void DrawNode(const Node& node, bool program, std::string& out) {
    const double bar = program ? kLeft + 8 : kRight - 16;
    const char* kind = node.denied != 0 ? "bad" : node.would_deny != 0 ? "warn" : "";
    out += std::string("<g><title>") + ForHtml(node.title) + "</title><rect class=\"" + kind + "node\" x=\"" +
           Number(bar) + "\" y=\"" + Number(node.y - node.bar / 2) + "\" width=\"8\" height=\"" + Number(node.bar) +
           "\" rx=\"3\"/><text x=\"" + Number(program ? kLeft : kRight) + "\" y=\"" + Number(node.y + 4.5) + "\"" +
           (program ? " text-anchor=\"end\"" : "") + (*kind ? std::string(" class=\"") + kind + "text\"" : "") + ">";
    // Not by colour alone.
    if (!program && node.denied != 0) out += "✕ ";
    if (!program && node.denied == 0 && node.would_deny != 0) out += "! ";
    out += ForHtml(node.label, kLabelColumns) + "</text></g>";
  }

  const bool block_;
  Side programs_;
  Side destinations_;
  std::map<std::tuple<std::size_t, std::size_t, Verdict>, Edge> sums_;
  std::vector<Edge> edges_;
  std::uint64_t most_bytes_ = 0;
};

}  // namespace

std::string Picture(const JobReport& report) { return Drawing(report).Render(); }

}  // namespace weir::report::html

// SPDX-License-Identifier: Apache-2.0
#include "collector/report/html_parts.h"

namespace weir::report::html {

std::string_view Style() {
  return R"css(
:root{color-scheme:light dark;--paper:#fbfaf8;--card:#fff;--ink:#1d2327;--soft:#5b666e;--line:#e2dfd9;--water:#2f6f8f;
--water-soft:#cfe1ea;--bad:#b3261e;--bad-soft:#fbe9e7;--warn:#8a5a00;--warn-soft:#fdf1d8;--good:#1f6b45;--good-soft:#e3f2e9}
@media (prefers-color-scheme:dark){:root{--paper:#14181b;--card:#1b2125;--ink:#e6e8ea;--soft:#9aa6ae;--line:#2e363c;
--water:#7fb9d6;--water-soft:#27414f;--bad:#ff8a80;--bad-soft:#3b2020;--warn:#f0c060;--warn-soft:#382d16;--good:#7fd1a4;
--good-soft:#17332a}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,"Segoe UI",Roboto,"Helvetica Neue",sans-serif}
main{max-width:70rem;margin:0 auto;padding:2.5rem 1.5rem 4rem}
h1{font-size:1.35rem;line-height:1.3;margin:.5rem 0 .3rem;letter-spacing:-.01em;overflow-wrap:anywhere}
h2{font-size:1.15rem;margin:2.6rem 0 .8rem;letter-spacing:.01em}
p{margin:.4rem 0;max-width:48rem}
code{font:0.86em/1.5 ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;unicode-bidi:isolate;
overflow-wrap:anywhere;white-space:pre-wrap}
.hero{border:1px solid var(--line);border-left:.5rem solid var(--tone);border-radius:.9rem;padding:1.3rem 1.6rem 1.4rem;
background:linear-gradient(115deg,var(--tone-soft),var(--card) 75%)}
.hero.bad{--tone:var(--bad);--tone-soft:var(--bad-soft)}
.hero.warn{--tone:var(--warn);--tone-soft:var(--warn-soft)}
.hero.good{--tone:var(--good);--tone-soft:var(--good-soft)}
.brand{display:flex;align-items:center;gap:.5rem;margin:0;color:var(--soft);font-size:.8rem;letter-spacing:.08em;
text-transform:uppercase}
.mark{width:1.25rem;flex:none;fill:none;stroke:var(--water);stroke-width:2;stroke-linecap:round}
.mark .dam{stroke:var(--ink);stroke-width:3.4}
.culprits{list-style:none;margin:1rem 0 0;padding:0;display:grid;gap:.55rem}
.culprits li{display:flex;gap:.7rem;font-size:1.05rem}
.culprits li>span{color:var(--tone);font-weight:700}
.culprits code{font-weight:600}
.culprits .sub{display:block;color:var(--soft);font-size:.84em}
.culprits .sub code{font-weight:400}
.stamp{display:flex;align-items:center;gap:.7rem;font-weight:800;letter-spacing:.02em;font-size:clamp(1.7rem,5vw,2.6rem);
line-height:1.1;color:var(--tone);margin:.7rem 0 0}
.lead{font-size:1.08rem}
.facts{color:var(--soft);font-size:.92rem;max-width:none;margin:.8rem .2rem 0}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.8rem;margin:1.6rem 0 0;padding:0}
.cards div{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:.8rem 1rem}
.cards dt{color:var(--soft);font-size:.82rem}
.cards dd{margin:0;font-size:1.55rem;font-weight:650;font-variant-numeric:tabular-nums;line-height:1.25}
.cards .bad dd{color:var(--bad)}
.cards .warn dd{color:var(--warn)}
.callout{border:1px solid var(--line);border-left:.35rem solid var(--warn);background:var(--warn-soft);border-radius:.5rem;
padding:.7rem 1.1rem;margin:1.4rem 0}
.callout.bad{border-left-color:var(--bad);background:var(--bad-soft)}
.callout h2{margin:.1rem 0 .3rem}
.callout ul{margin:.2rem 0;padding-left:1.2rem}
.scroll{overflow-x:auto;background:var(--card);border:1px solid var(--line);border-radius:.6rem}
table{border-collapse:collapse;width:100%;font-size:.92rem}
th,td{text-align:left;vertical-align:top;padding:.55rem .8rem;border-top:1px solid var(--line)}
thead th{border-top:0;color:var(--soft);font-weight:600;font-size:.82rem;white-space:nowrap}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td.what,td.who{min-width:17rem}
td.why{min-width:11rem}
td .sub{display:block;color:var(--soft);font-size:.88em}
.tag{display:inline-block;font-size:.78rem;font-weight:650;border-radius:.3rem;padding:.05rem .45rem;white-space:nowrap;
border:1px solid currentColor}
.tag.bad{color:var(--bad)}
.tag.warn{color:var(--warn)}
.tag.plain{color:var(--soft);font-weight:500}
.more{color:var(--soft);font-size:.9rem;margin:.5rem .2rem}
figure{margin:0;background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:1rem}
figcaption{color:var(--soft);font-size:.86rem;margin-top:.4rem}
.wide{overflow-x:auto}
figure svg{display:block;width:100%;min-width:44rem;height:auto;font:13px system-ui,"Segoe UI",Roboto,sans-serif}
svg text{fill:var(--ink)}
svg .soft{fill:var(--soft)}
svg .node{fill:var(--water)}
svg .badnode{fill:var(--bad)}
svg .warnnode{fill:var(--warn)}
svg .badtext{fill:var(--bad);font-weight:600}
svg .warntext{fill:var(--warn);font-weight:600}
svg .flow{fill:none;stroke:var(--water);stroke-opacity:.38}
svg .flow:hover{stroke-opacity:.75}
svg .deny{fill:none;stroke:var(--bad);stroke-dasharray:6 4;stroke-width:2}
svg .would{fill:none;stroke:var(--warn);stroke-dasharray:2 4;stroke-width:2.2}
svg .ghost{fill:none;stroke:var(--bad);stroke-opacity:.5;stroke-width:1.2;stroke-dasharray:1 5;stroke-linecap:round}
svg .cross{stroke:var(--bad);stroke-width:2.6;stroke-linecap:round}
svg .weir{stroke:var(--line);stroke-width:5;stroke-linecap:round}
svg .open{stroke-dasharray:1 11}
.tree,.tree ul{list-style:none;margin:0;padding:0}
.tree{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:.7rem 1rem;font-size:.92rem}
.tree ul{margin-left:.55rem;padding-left:1rem;border-left:1px solid var(--line)}
.tree li{padding:.1rem 0}
.tree .leaf{padding-left:1.05rem}
summary{cursor:pointer}
summary:focus-visible,.scroll:focus-visible{outline:2px solid var(--water);outline-offset:2px;border-radius:.2rem}
.meta{color:var(--soft);font-size:.86em;white-space:nowrap}
details.card{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:.7rem 1rem;margin:.8rem 0}
pre{margin:.6rem 0 0;overflow-x:auto;white-space:pre-wrap;overflow-wrap:anywhere}
footer{margin-top:3rem;color:var(--soft);font-size:.85rem}
@media (max-width:40rem){main{padding:1rem .8rem 3rem}.hero{padding:1rem}h2{margin-top:2rem}}
@media print{body{background:#fff}main{max-width:none;padding:0}.scroll,.wide{overflow:visible}section,figure{break-inside:avoid}}
)css";
}

}  // namespace weir::report::html

/** How the page looks: by the reader's own choice of dark or light, on any width. Nothing moves. */
import { Markup } from './markup.ts';

export const style = new Markup(`
:root { color-scheme: light dark; --paper: #fff; --ink: #1f2328; --faint: #59636e; --line: #d1d9e0; --shade: #f6f8fa;
  --ran: #0a6ebd; --good: #1a7f37; --bad: #c21f2c; --off: #8a5300; --link: #0a5fb0; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #0d1117; --ink: #e6edf3; --faint: #9da7b1; --line: #3d444d; --shade: #161b22;
    --ran: #58a6ff; --good: #3fb950; --bad: #ff7b72; --off: #d29922; --link: #79b8ff; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem 1rem 4rem; max-width: 72rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
header p { margin: .25rem 0; }
h1 { font-size: 1.6rem; margin: 1rem 0 .5rem; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .75rem; padding-bottom: .25rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1.05rem; margin: 1.5rem 0 .25rem; }
h4 { font-size: 1rem; margin: 1rem 0 .25rem; }
a { color: var(--link); }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; padding: 0; margin: 1rem 0; list-style: none; }
nav a { display: inline-block; padding: .25rem 0; }
.verdict-done { color: var(--good); } .verdict-failed, td.failed, p.failed { color: var(--bad); } .verdict-interrupted { color: var(--off); }
small, caption, figcaption, footer { color: var(--faint); font-size: .875rem; }
figure { margin: 0; } figcaption, caption { text-align: left; padding: .25rem 0 .5rem; }
.wide { overflow-x: auto; margin: .5rem 0; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); font-weight: 400;
  overflow-wrap: break-word; }
thead th { font-weight: 600; white-space: nowrap; }
tbody th, td code, .seen { overflow-wrap: anywhere; }
tbody th { min-width: 9rem; } td { min-width: 5rem; }
tr.task th { font-weight: 600; } tr.step th { padding-left: 1.25rem; font-size: .875rem; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.seen { min-width: 15rem; }
td code { min-width: 14rem; display: inline-block; }
.parts { min-width: 14rem; } .parts ul { list-style: none; margin: .25rem 0 0; padding: 0; font-size: .875rem; } .parts li { display: inline-block; margin-right: .75rem; }
code, pre { font-family: ui-monospace, monospace; font-size: .85rem; }
pre { background: var(--shade); border: 1px solid var(--line); border-radius: 6px; padding: .75rem; overflow-x: auto; overflow-wrap: normal; max-height: 32rem; }
.failure { border-left: 4px solid var(--bad); padding-left: 1rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.5rem; margin: 0; } dt { color: var(--faint); } dd { margin: 0; }
summary { cursor: pointer; padding: .5rem 0; color: var(--link); }
img { max-width: 100%; height: auto; border: 1px solid var(--line); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.timeline .grid { stroke: var(--line); stroke-opacity: 1; } .timeline .whole { stroke: var(--faint); }
.timeline .bar { fill: var(--ran); stroke: var(--paper); }
.timeline .failed { fill: var(--bad); } .timeline .cancelled { fill: var(--off); }
.timeline .cached, .timeline .reused { fill: var(--paper); stroke: var(--faint); }
@media (max-width: 40rem) { body { padding: .5rem .75rem 3rem; } dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; }
  th, td { padding-right: .5rem; } tbody th { min-width: 7rem; } td { min-width: 0; } .seen { min-width: 13rem; } tr.step th { padding-left: .75rem; } }
@media (prefers-reduced-motion: reduce) { * { scroll-behavior: auto; } }
@media print { body { max-width: none; } pre { max-height: none; } }
`);

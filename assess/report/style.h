// The report's style sheet. Light and dark by the reader's preference; from 360 px upwards; every colour pair has a
// contrast of at least 4.5 to 1; ratings carry a sign and a word, so colour only repeats what they say.
#pragma once

namespace plumbline::assess {

inline constexpr char kStyle[] = R"css(
:root { color-scheme: light dark;
  --page: #fbfaf8; --sheet: #ffffff; --ink: #1d2126; --soft: #545b64; --line: #d9d6cf; --link: #14508c; --code: #f3f1ec;
  --met: #17603a; --met-bg: #e3f2e8; --partly: #74500a; --partly-bg: #faf0d7; --not: #94201a; --not-bg: #fbe6e3;
  --none: #4c535c; --none-bg: #eeedea; }
@media (prefers-color-scheme: dark) { :root {
  --page: #15181c; --sheet: #1c2025; --ink: #e8e6e1; --soft: #a9b0b8; --line: #363c44; --link: #8cc0f5; --code: #15181c;
  --met: #8fdcae; --met-bg: #173324; --partly: #f0cd7c; --partly-bg: #3a2f12; --not: #ffb0a6; --not-bg: #45201c;
  --none: #bcc2c9; --none-bg: #2a2f35; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body { margin: 0; background: var(--page); color: var(--ink); overflow-wrap: anywhere;
  font: 1rem/1.55 "Charter", "Bitstream Charter", "Sitka Text", Cambria, "Noto Serif", serif; }
header, main, footer { max-width: 76rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2.5rem; }
h1, h2, h3, summary, .rating, .id, nav, dt, .caption, .meta { font-family: system-ui, "Segoe UI", "Noto Sans", sans-serif; }
h1 { font-size: clamp(1.6rem, 1.2rem + 2vw, 2.4rem); line-height: 1.15; margin: 0 0 .4rem; letter-spacing: -.015em; text-wrap: balance; }
h2 { font-size: 1.35rem; line-height: 1.25; margin: 3rem 0 .75rem; padding-top: 1rem; border-top: 2px solid var(--ink); letter-spacing: -.01em; }
h3 { font-size: 1.02rem; margin: 1.75rem 0 .5rem; }
p { margin: 0 0 .75rem; max-width: 44rem; }
a { color: var(--link); text-underline-offset: .15em; }
a:focus-visible, summary:focus-visible, pre:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.skip { position: absolute; left: -100rem; }
.skip:focus { left: 1rem; top: .5rem; background: var(--sheet); padding: .5rem 1rem; }
.meta, .caption { color: var(--soft); font-size: .9rem; }
.verdict { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: baseline; margin: 1.25rem 0; padding: 1rem 1.25rem;
  border: 1px solid var(--line); border-left-width: 6px; background: var(--sheet); border-radius: 4px; }
.verdict p { margin: 0; }
.verdict.passed { border-left-color: var(--met); } .verdict.failed { border-left-color: var(--not); }
.verdict.undemonstrated { border-left-color: var(--partly); }
.verdict strong { font: 600 1.2rem system-ui, sans-serif; }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; padding: 0; margin: 0; font-size: .95rem; }
.rating { display: inline-block; white-space: nowrap; font-size: .82rem; font-weight: 600; line-height: 1.4; padding: .08rem .6rem;
  border-radius: 1rem; border: 1px solid currentColor; }
.met { color: var(--met); background: var(--met-bg); }
.partly { color: var(--partly); background: var(--partly-bg); }
.not-met { color: var(--not); background: var(--not-bg); }
.open { color: var(--none); background: var(--none-bg); border-style: dashed; }
.questions { list-style: none; margin: 0; padding: 0; }
.questions li { display: grid; grid-template-columns: 4rem 1fr auto; gap: .25rem 1rem; align-items: baseline; padding: .45rem 0;
  border-bottom: 1px solid var(--line); }
.id { font-size: .85rem; color: var(--soft); font-variant-numeric: tabular-nums; white-space: nowrap; }
.sides { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr)); gap: 1rem 2rem; align-items: start; }
.view { background: var(--sheet); border: 1px solid var(--line); border-radius: 4px; padding: .9rem 1.1rem; margin: 0 0 1rem; }
.view h4 { margin: 0; font: 600 1rem system-ui, sans-serif; }
.view .caption { margin: 0 0 .5rem; }
.view pre { max-height: 26rem; overflow-y: auto; }
pre { margin: .4rem 0 0; padding: .7rem .85rem; overflow-x: auto; background: var(--code); border: 1px solid var(--line); border-radius: 4px;
  font: .82rem/1.5 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; white-space: pre-wrap; }
.checks, .statements { list-style: none; padding: 0; margin: 0; }
.check { padding: .8rem 0; border-bottom: 1px solid var(--line); }
.check h3 { margin: 0; display: flex; flex-wrap: wrap; gap: .3rem .75rem; align-items: baseline; justify-content: space-between; font-weight: 600; }
.check p { margin: .25rem 0 0; max-width: 60rem; }
details { background: var(--sheet); border: 1px solid var(--line); border-radius: 4px; margin: 0 0 .6rem; }
summary { cursor: pointer; padding: .7rem 1rem; display: grid; grid-template-columns: 4rem 1fr auto; gap: .25rem 1rem; align-items: baseline; }
summary::-webkit-details-marker { display: none; }
details[open] > summary { border-bottom: 1px solid var(--line); }
.statements { padding: .25rem 1rem .75rem; }
.statements li { display: grid; grid-template-columns: 5.5rem 1fr auto; gap: .15rem 1rem; padding: .55rem 0; border-bottom: 1px dotted var(--line); align-items: baseline; }
.statements li:last-child { border: 0; }
.statements .shown { grid-column: 2 / -1; font-size: .9rem; color: var(--soft); }
.check details { margin: .5rem 0 0; background: none; }
.check summary { display: list-item; padding: .35rem .75rem; font-size: .9rem; list-style-position: inside; }
.check summary::-webkit-details-marker { display: inline; }
.check details div { padding: .25rem .75rem .75rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: 0; font-size: .95rem; }
dt { color: var(--soft); font-size: .88rem; } dd { margin: 0; }
footer { padding-top: 2rem; padding-bottom: 3rem; color: var(--soft); font-size: .9rem; }
@media (max-width: 40rem) {
  .questions li, summary, .statements li { grid-template-columns: 1fr auto; }
  .questions li > :nth-child(2), summary > :nth-child(2), .statements li > :nth-child(2) { grid-row: 2; grid-column: 1 / -1; }
  .statements .shown { grid-column: 1 / -1; }
  pre { font-size: .76rem; }
}
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
@media print { body { background: none; } details > * { display: block; } .view pre { max-height: none; } .skip, nav { display: none; } }
)css";

}  // namespace plumbline::assess

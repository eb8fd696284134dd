"""The look of the page: light and dark, wide and narrow, on paper; nothing is told by colour alone."""

STYLE = """
:root { color-scheme: light dark; --back: #fff; --card: #f6f7f9; --text: #1b1f24; --soft: #57606a; --line: #d0d7de;
  --pass: #1a6b2c; --fail: #b3261e; --known: #7a4b00; --link: #0b57d0; --mark: #ffe08a; --mark-text: #1b1f24; }
@media (prefers-color-scheme: dark) { :root { --back: #14171b; --card: #1d2127; --text: #e4e8ed; --soft: #a2abb5;
  --line: #3a424c; --pass: #7ccf8c; --fail: #ff9b93; --known: #f0b95a; --link: #8ab8ff; --mark: #5c4a00;
  --mark-text: #fff4cc; } }
* { box-sizing: border-box; }
html { scroll-padding-top: 3rem; -webkit-text-size-adjust: 100%; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--back); max-width: 76rem;
  margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; } h2 { font-size: 1.2rem; margin-top: 2.5rem; }
h3 { font-size: 1rem; margin: 0 0 .4rem; } p { max-width: 50rem; }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
code, pre { font: .85rem/1.45 ui-monospace, monospace; }
pre { margin: .5rem 0; padding: .6rem .8rem; overflow-x: auto; overflow-wrap: normal; background: var(--back);
  border: 1px solid var(--line); border-radius: .4rem; }
pre.again { white-space: pre-wrap; overflow-wrap: anywhere; }
mark { background: var(--mark); color: var(--mark-text); }
summary { cursor: pointer; } summary:hover { text-decoration: underline; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(20rem, 100%), 1fr)); gap: 1rem; }
.card, article { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .8rem 1rem; }
article { margin: 1rem 0; border-left: .3rem solid var(--fail); content-visibility: auto;
  contain-intrinsic-size: auto 24rem; }
article.known { border-left-color: var(--known); }
article:target { outline: 3px solid var(--link); }
.card h2 { margin: 0 0 .4rem; } .card p { margin: .4rem 0; } .card ul { margin: 0; padding-left: 1.2rem; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .2rem .8rem; margin: .5rem 0; }
dt { color: var(--soft); } dd { margin: 0; }
.pass { color: var(--pass); } .fail { color: var(--fail); font-weight: 600; } .known { color: var(--known); }
article.known { color: inherit; }
.soft { color: var(--soft); font-weight: 400; }
.group { margin: .8rem 0; }
.scroll { overflow: auto; max-height: 85vh; border: 1px solid var(--line); border-radius: .5rem; }
table { border-collapse: separate; border-spacing: 0; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .35rem .7rem; text-align: left; vertical-align: top; }
td { min-width: 7rem; overflow-wrap: normal; }
thead th { position: sticky; top: 0; z-index: 2; background: var(--card); }
tbody th { font-weight: 600; background: var(--back); min-width: 12rem; }
thead th:first-child, tbody th { position: sticky; left: 0; } thead th:first-child { z-index: 3; }
tbody th { z-index: 1; } th .soft { font-size: .85rem; max-width: 34rem; }
tbody .head > * { background: var(--card); } tbody .head th { scroll-margin-top: 4rem; }
thead th { overflow-wrap: normal; } td summary { white-space: nowrap; }
td ul { margin: .3rem 0; padding-left: 1rem; font-size: .85rem; min-width: 12rem; overflow-wrap: anywhere; }
nav a { display: inline-block; padding: .3rem .8rem .3rem 0; } label { display: inline-block; padding: .4rem 0; }
input { width: 1.1rem; height: 1.1rem; vertical-align: -.15rem; }
body:has(#only:checked) .whole { display: none; }
@media (max-width: 40rem) { body { padding: .7rem; } dl { grid-template-columns: minmax(0, 1fr); gap: 0; }
  dd { margin-bottom: .4rem; } th, td { padding: .3rem .45rem; } td { min-width: 5.5rem; }
  tbody th { min-width: 9rem; max-width: 55vw; } .scroll { max-height: none; }
  article, .card { padding: .6rem .7rem; } }
@media print { .scroll { max-height: none; overflow: visible; } nav, label { display: none; } }
"""

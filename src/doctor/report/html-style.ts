/** Of the HTML report. Light and dark as the reader's system is; on paper always light, with its colours. */
export const style = `:root {
  --text: #1c2024; --quiet: #60646c; --ground: #fcfcfd; --raised: #ffffff; --line: #d9d9e0;
  --error: #c62a2f; --error-ground: #ffefef; --warning: #915930; --warning-ground: #fff4d5;
  --info: #0b68cb; --info-ground: #edf6ff; --good: #18794e; --good-ground: #e9f9ee;
}
@media (prefers-color-scheme: dark) {
  :root {
    --text: #edeef0; --quiet: #b0b4ba; --ground: #111113; --raised: #18191b; --line: #363a3f;
    --error: #ff9592; --error-ground: #3b1219; --warning: #ffca16; --warning-ground: #302008;
    --info: #70b8ff; --info-ground: #0d2847; --good: #3dd68c; --good-ground: #132d21;
  }
}
@media print {
  :root {
    --text: #000000; --quiet: #444444; --ground: #ffffff; --raised: #ffffff; --line: #bbbbbb;
    --error: #a31d22; --error-ground: #ffefef; --warning: #7a4a25; --warning-ground: #fff4d5;
    --info: #0a5aae; --info-ground: #edf6ff; --good: #146340; --good-ground: #e9f9ee;
  }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  main { max-width: none !important; padding: 0 !important; }
  thead { display: table-header-group; }
  article, tr, .facts { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  pre { white-space: pre-wrap; }
  .scroll { overflow: visible !important; }
}
@page { margin: 15mm; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 15px/1.55 system-ui, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 32px 24px 64px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 12px; }
h2 { font-size: 20px; margin: 40px 0 8px; }
h3 { font-size: 16px; margin: 0 0 8px; }
h4 { font-size: 13px; margin: 12px 0 4px; color: var(--quiet); }
p { margin: 0 0 12px; }
a { color: var(--info); }
code, pre { font: 13px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.name, code, th[scope="row"] { overflow-wrap: anywhere; }
pre { margin: 0 0 12px; padding: 12px; overflow-x: auto; background: var(--ground); border: 1px solid var(--line); border-radius: 6px; }
ul { margin: 0 0 12px; padding-left: 20px; }
li { margin-bottom: 6px; }
.verdict { display: inline-block; margin: 0 0 20px; padding: 4px 12px; border-radius: 6px; font-weight: 600; }
.error { --own: var(--error); --own-ground: var(--error-ground); }
.warning { --own: var(--warning); --own-ground: var(--warning-ground); }
.info { --own: var(--info); --own-ground: var(--info-ground); }
.good { --own: var(--good); --own-ground: var(--good-ground); }
.verdict, .level { color: var(--own); background: var(--own-ground); }
dl { display: flex; flex-wrap: wrap; gap: 8px 32px; margin: 0; }
dd { margin: 0; overflow-wrap: anywhere; }
.facts dt { color: var(--quiet); font-size: 13px; }
.legend { gap: 2px 20px; margin-top: 8px; font-size: 13px; color: var(--quiet); }
.legend div { display: flex; gap: 6px; }
.legend dt { font-weight: 600; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px; background: var(--raised); }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { padding: 7px 10px; border-bottom: 1px solid var(--line); text-align: center; }
thead th { font-size: 12px; color: var(--quiet); font-weight: 600; vertical-align: bottom; }
th:first-child, .words th, .words td { text-align: left; }
th[scope="row"] { font-weight: 500; min-width: 160px; }
tfoot th, tfoot td { border-bottom: 0; font-size: 13px; font-weight: 600; }
tbody:last-child tr:last-child td { border-bottom: 0; }
.schema { color: var(--quiet); }
td.yes { color: var(--good); }
td.no { color: var(--error); background: var(--error-ground); font-weight: 700; }
td.none { color: var(--quiet); }
.word { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
article { margin: 12px 0; padding: 16px 18px 6px; background: var(--raised); border: 1px solid var(--line); border-left: 4px solid var(--own); border-radius: 8px; }
.level { padding: 1px 8px; border-radius: 4px; font-size: 13px; }
.rule { font-weight: 400; color: var(--quiet); white-space: nowrap; }
.source { font-size: 13px; overflow-wrap: anywhere; }
.rules ul { columns: 2 340px; font-size: 13px; list-style: none; padding: 0; }
`

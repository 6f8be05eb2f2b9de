/** What the metrics page adds to the report's style sheet. */
export const metricsStyle = `
.note{margin-top:12px}
section>*+.card,section>*+.beside,.beside+*{margin-top:16px}
.beside{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));gap:16px;align-items:start}
thead th{white-space:normal;vertical-align:bottom;min-width:4.5rem}
table{border-collapse:separate;border-spacing:0}
table:not(.facts) th:first-child{position:sticky;left:0;background:var(--card)}
tfoot th,tfoot td{border-top:2px solid var(--line);font-weight:600}
.card .bar{width:72px}
.chart{display:block;width:100%;max-width:540px;height:auto;margin:0 auto;padding:8px;font-size:12.5px}
.chart text{fill:var(--ink);text-anchor:middle}
.chart .ticks text{fill:var(--soft)}
.chart .ticks .end{text-anchor:end}
.chart .grid{fill:none;stroke:var(--line)}
.chart .line{fill:none;stroke:var(--accent);stroke-width:2.5;stroke-linejoin:round}
.chart .reference{fill:none;stroke:var(--soft);stroke-dasharray:5 4}
.chart circle{fill:var(--accent);stroke:var(--card);stroke-width:1.5}
.chart .bin{fill:var(--accent)}
@media (min-width:601px){.scores{grid-template-columns:repeat(auto-fit,minmax(200px,1fr))}.scores>.main{grid-column:span 2}}
@media (max-width:600px){.card .bar{width:48px}.chart{font-size:14.5px}.name{display:inline-block;width:9rem;white-space:normal;overflow-wrap:anywhere}}
@media print{*{print-color-adjust:exact;-webkit-print-color-adjust:exact}table{font-size:.75rem}th,td{padding:3px 6px}thead th{min-width:0;font-size:.7rem}table:not(.facts) th:first-child{position:static;background:none}.card .bar{display:none}.beside{break-inside:avoid}}
`

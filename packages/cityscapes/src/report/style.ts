/** The report page's style sheet. */
export const style = `
:root{color-scheme:light dark;--paper:#f6f6f4;--card:#fff;--line:#e0e2e5;--ink:#1c1f24;--soft:#59616c;--accent:#0b63a5;--track:#e6e9ed}
@media (prefers-color-scheme:dark){:root{--paper:#14161a;--card:#1d2026;--line:#333840;--ink:#e8eaee;--soft:#a3abb6;--accent:#6cb6ff;--track:#2c3138}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-behavior:smooth}
@media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;font-variant-numeric:tabular-nums}
header,main{max-width:1240px;margin:0 auto;padding:0 24px}
header{padding-top:32px}
main{padding-bottom:64px}
h1{margin:0;font-size:1.75rem;line-height:1.2;overflow-wrap:anywhere}
h2{margin:48px 0 12px;font-size:1.25rem}
h3{margin:0;font-size:1rem;font-weight:600;overflow-wrap:anywhere}
p{margin:0 0 12px}
a{color:var(--accent)}
a:focus-visible,[tabindex]:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.soft{color:var(--soft)}
nav ul{display:flex;flex-wrap:wrap;gap:4px 20px;margin:12px 0 0;padding:0;list-style:none}
.scores{display:grid;grid-template-columns:repeat(auto-fit,minmax(180px,1fr));gap:12px;margin:24px 0 0}
.scores>div,.card{background:var(--card);border:1px solid var(--line);border-radius:10px}
.scores>div{display:flex;flex-direction:column;padding:14px 18px}
.scores dt{color:var(--soft);font-size:.875rem}
.scores dd{margin:0;font-size:1.6rem;font-weight:600;line-height:1.25}
.scores dd small{font-size:.875rem;font-weight:400;color:var(--soft)}
.scores>.main{background:var(--accent);border-color:var(--accent)}
.scores>.main *{color:var(--card)}
.scores>.main dd{font-size:2.1rem}
.warning{margin:12px 0 0;padding:10px 14px;border-left:4px solid #ad4c00;background:var(--card)}
.card{overflow-x:auto}
.card+p{margin-top:10px}
table{width:100%;border-collapse:collapse;font-size:.9375rem}
th,td{padding:6px 14px;text-align:right;white-space:nowrap;border-top:1px solid var(--line)}
thead th{border-top:0;padding-top:10px;color:var(--soft);font-size:.8125rem;font-weight:600}
th[scope=row],th:first-child,.left{text-align:left;font-weight:500}
.facts th{width:1%;color:var(--soft);font-weight:400}
.facts td{text-align:left;white-space:normal;overflow-wrap:anywhere}
.facts tr:first-child>*{border-top:0}
.swatch{display:inline-block;width:14px;height:14px;margin-right:10px;border-radius:3px;vertical-align:-2px;box-shadow:inset 0 0 0 1px rgb(128 128 128/.5)}
.bar{display:inline-block;width:120px;height:8px;margin-left:12px;border-radius:4px;background:var(--track);overflow:hidden;vertical-align:1px}
.bar i{display:block;height:100%;border-radius:4px;background:var(--accent)}
.card .confusion{display:block;width:100%;min-width:640px;max-width:760px;height:auto;margin:0 auto}
.legend{display:flex;flex-wrap:wrap;gap:4px 20px;margin:0 0 12px;padding:0;list-style:none;font-size:.875rem;color:var(--soft)}
.legend .swatch{margin-right:6px}
article{margin:0 0 20px}
article header{display:flex;flex-wrap:wrap;justify-content:space-between;gap:0 20px;max-width:none;padding:12px 16px 0}
.panels{display:grid;grid-auto-flow:column;grid-auto-columns:minmax(216px,1fr);gap:12px;margin:0;padding:12px 16px 14px;list-style:none;overflow-x:auto;scroll-snap-type:x proximity}
.panels li{scroll-snap-align:start;scroll-margin-left:16px}
.panels a{display:block;color:inherit;text-decoration:none}
.panels img{display:block;width:100%;height:auto;min-height:40px;border-radius:6px;background:var(--track)}
.panels a:hover img{outline:2px solid var(--accent)}
figure{margin:0}
figcaption{margin-top:4px;font-size:.875rem;color:var(--soft)}
@media (max-width:600px){header,main{padding-left:16px;padding-right:16px}.scores{grid-template-columns:1fr 1fr}.scores>.main{grid-column:1/-1}th,td{padding:6px 10px}.bar{width:64px}.panels{grid-auto-columns:minmax(72vw,1fr)}}
@media print{body{background:none}.card,.panels{overflow:visible}article,tr{break-inside:avoid}}
`

import type { Rgb } from '../labels.js'
import type { ConfusionMatrix } from '../metrics/confusion.js'
import type { ScoreWarning } from '../metrics/warnings.js'
import { confusionSvg } from './confusion-svg.js'
import { escapeText, percent } from './format.js'

// All functions accept and return HTML; functions that escape plain text say so.

/** Facts about the run, in order; plain text. */
export type ReportFacts = readonly (readonly [name: string, value: string])[]

/** A box that scrolls horizontally, also by keyboard. */
export const scrollable = (label: string, content: string): string =>
  `<div class="card" tabindex="0" role="region" aria-label="${label}">${content}</div>`

export const swatch = (color: Rgb): string =>
  `<span class="swatch" style="background:rgb(${color.join()})"></span>`

/** A fraction as text and as a bar; screen readers skip the bar. */
export const withBar = (fraction: number): string =>
  `${percent(fraction)}<span class="bar" aria-hidden="true"><i style="width:${Number.isNaN(fraction) ? 0 : percent(fraction)}%"></i></span>`

/** A fraction in percent for the headline, with a small percent sign. */
export const percentage = (fraction: number): string =>
  percent(fraction) + (Number.isNaN(fraction) ? '' : ' <small>%</small>')

/** The main scores; the first one is larger. */
export const headline = (entries: readonly (readonly [name: string, value: string])[]): string =>
  `<dl class="scores">${entries
    .map(
      ([name, value], i) => `<div${i === 0 ? ' class="main"' : ''}><dt>${name}</dt><dd>${value}</dd></div>`,
    )
    .join('')}</dl>`

/** The warnings of scores, under their headline; empty without any. */
export const warningsHtml = (warnings: readonly ScoreWarning[] = []): string =>
  warnings
    .map(
      ({ message }) =>
        `\n<p class="warning" role="note"><strong>Warning:</strong> ${escapeText(message)}</p>`,
    )
    .join('')

/** Escapes the facts. */
export const factsTable = (facts: ReportFacts): string =>
  `<div class="card"><table class="facts"><tbody>${facts
    .map(([name, value]) => `<tr><th scope="row">${escapeText(name)}</th><td>${escapeText(value)}</td></tr>`)
    .join('')}</tbody></table></div>`

/** The cells of a table row; the first one is its heading. */
export type Row = readonly (string | number)[]

/** A table that scrolls horizontally, with the rows of `foot`, such as means, at its end. */
export function dataTable(
  label: string,
  columns: readonly string[],
  rows: readonly Row[],
  foot: readonly Row[] = [],
): string {
  const lines = (some: readonly Row[]): string =>
    some
      .map(
        ([name, ...cells]) =>
          `<tr><th scope="row">${name}</th>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`,
      )
      .join('\n')
  return scrollable(
    label,
    `<table><thead><tr>${columns.map((column) => `<th scope="col">${column}</th>`).join('')}</tr></thead>
<tbody>${lines(rows)}</tbody>${foot.length > 0 ? `\n<tfoot>${lines(foot)}</tfoot>` : ''}</table>`,
  )
}

/** A chart next to the table of its numbers; only the table without a chart. */
export const besideTable = (chart: string | undefined, table: string): string =>
  chart === undefined ? table : `<div class="beside"><figure class="card">${chart}</figure>${table}</div>`

/** Class names, escaped, each after its color if it has one. */
export const classHeads = (names: readonly string[], palette: readonly Rgb[]): string[] =>
  names.map((name, c) => (palette[c] ? swatch(palette[c]) : '') + escapeText(name))

export const confusionFigure = (confusion: ConfusionMatrix, names: readonly string[]): string =>
  `<p class="soft">Predictions for the pixels of each class, in percent of the class. Hover over a cell for its pixels.</p>
${scrollable('Confusion matrix', confusionSvg(confusion, names))}`

import type { Rgb } from '../labels.js'
import type { ConfusionMatrix } from '../metrics/confusion.js'
import { confusionSvg } from './confusion-svg.js'
import { escapeText, percent } from './format.js'

// Each takes and gives HTML, unless it says that it escapes.

/** What was evaluated and how, in order; plain text. */
export type ReportFacts = readonly (readonly [name: string, value: string])[]

/** A box that scrolls sideways where it is too narrow, by keyboard as well. */
export const scrollable = (label: string, content: string): string =>
  `<div class="card" tabindex="0" role="region" aria-label="${label}">${content}</div>`

export const swatch = (colour: Rgb): string =>
  `<span class="swatch" style="background:rgb(${colour.join()})"></span>`

/** The fraction as text and as a bar; the bar tells a screen reader nothing new. */
export const withBar = (fraction: number): string =>
  `${percent(fraction)}<span class="bar" aria-hidden="true"><i style="width:${Number.isNaN(fraction) ? 0 : percent(fraction)}%"></i></span>`

/** The fraction in percent, with its sign small, for the headline. */
export const percentage = (fraction: number): string =>
  percent(fraction) + (Number.isNaN(fraction) ? '' : ' <small>%</small>')

/** The scores that matter most, the first of them more than the others. */
export const headline = (entries: readonly (readonly [name: string, value: string])[]): string =>
  `<dl class="scores">${entries
    .map(
      ([name, value], i) => `<div${i === 0 ? ' class="main"' : ''}><dt>${name}</dt><dd>${value}</dd></div>`,
    )
    .join('')}</dl>`

/** Escapes the facts. */
export const factsTable = (facts: ReportFacts): string =>
  `<div class="card"><table class="facts"><tbody>${facts
    .map(([name, value]) => `<tr><th scope="row">${escapeText(name)}</th><td>${escapeText(value)}</td></tr>`)
    .join('')}</tbody></table></div>`

/** The cells of a table's row, the first of which names it. */
export type Row = readonly (string | number)[]

/** A table that scrolls sideways, with the rows of `foot`, such as means, below the others. */
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

/** A chart, if any, beside the table of its numbers. */
export const besideTable = (chart: string | undefined, table: string): string =>
  chart === undefined ? table : `<div class="beside"><figure class="card">${chart}</figure>${table}</div>`

/** Each class's name, escaped, after its colour where it has one. */
export const classHeads = (names: readonly string[], palette: readonly Rgb[]): string[] =>
  names.map((name, c) => (palette[c] ? swatch(palette[c]) : '') + escapeText(name))

export const confusionFigure = (confusion: ConfusionMatrix, names: readonly string[]): string =>
  `<p class="soft">What the pixels of each class were taken for, in percent of the class. Point at a cell for its pixels.</p>
${scrollable('Confusion matrix', confusionSvg(confusion, names))}`

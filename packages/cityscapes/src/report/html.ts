import { InverseFormError } from '@inverseform/errors'
import { errorColours } from '../colouring.js'
import { palette as cityscapesPalette, classNames, type Rgb } from '../labels.js'
import type { ConfusionMatrix, SegmentationScores } from '../metrics/confusion.js'
import { worstImages } from '../metrics/image-scores.js'
import { confusionSvg } from './confusion-svg.js'
import { count, escapeText, expectNames, percent } from './format.js'
import { style } from './style.js'

export interface ReportPanel {
  /** What it shows, such as `prediction`. */
  readonly title: string
  /** The picture's URL, relative to the page, with file names passed through encodeURIComponent. */
  readonly src: string
}

export interface ReportImage {
  readonly name: string
  /** Fraction in 0..1; NaN, or left out, where there is none. */
  readonly meanIou?: number
  readonly panels: readonly ReportPanel[]
}

/** Two runs over the same pixels, such as a network without and with its edge head. */
export interface ReportComparison {
  readonly runs: readonly [ReportRun, ReportRun]
  /** Number of pixels whose prediction differs, of `pixels`. */
  readonly differingPixels: number
  readonly pixels: number
}

export interface ReportRun {
  readonly name: string
  /** Fraction in 0..1. */
  readonly meanIou: number
}

export interface ReportOptions {
  readonly title: string
  readonly confusion: ConfusionMatrix
  /** Class names by train id; Cityscapes' by default. */
  readonly names?: readonly string[]
  /** Class colours by train id; Cityscapes' by default. */
  readonly palette?: readonly Rgb[]
  /** What was evaluated and how, in order: model, checkpoint, data set, options. */
  readonly facts?: readonly (readonly [name: string, value: string])[]
  readonly images?: readonly ReportImage[]
  readonly comparison?: ReportComparison
}

/**
 * An evaluation as one static HTML page: scores, facts, classes, confusion matrix and, per image, panels side by side;
 * scores, classes and matrix only where pixels were counted.
 * It needs nothing but the panels' pictures, has no scripts, and follows the reader's light or dark colour scheme.
 *
 * @throws InverseFormError `size-mismatch` when there is not one name a class; `invalid-argument` for a panel whose
 *   URL is not relative
 */
export function reportHtml(options: ReportOptions): string {
  const {
    confusion,
    names = classNames,
    palette = cityscapesPalette,
    facts = [],
    images = [],
    comparison,
  } = options
  expectNames(names, confusion.classes)
  const scores = confusion.compute()
  // Without truth there is nothing to score: the page then has the run and its pictures.
  const scored = scores.pixels > 0
  const sections = [
    comparison && section('comparison', 'Comparison', comparisonTable(comparison)),
    facts.length > 0 && section('run', 'Run', factsTable(facts)),
    scored && section('classes', 'Classes', classesTable(scores, names, palette)),
    scored && section('confusion', 'Confusion', confusionFigure(confusion, names)),
    images.length > 0 && section('images', 'Images', imageList(images)),
  ].filter((part) => part !== false && part !== undefined)
  const title = escapeText(options.title)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>${title}</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>${title}</h1>
<nav aria-label="Sections"><ul>${sections.map(({ id, heading }) => `<li><a href="#${id}">${heading}</a></li>`).join('')}</ul></nav>
</header>
<main>
${scored ? headline(scores) : '<p>No pixel was scored.</p>'}
${sections.map(({ html }) => html).join('\n')}
</main>
</body>
</html>
`
}

interface Section {
  readonly id: string
  readonly heading: string
  readonly html: string
}

const section = (id: string, heading: string, content: string): Section => ({
  id,
  heading,
  html: `<section aria-labelledby="${id}">\n<h2 id="${id}">${heading}</h2>\n${content}\n</section>`,
})

/** A box that scrolls sideways where it is too narrow, by keyboard as well. */
const scrollable = (label: string, content: string): string =>
  `<div class="card" tabindex="0" role="region" aria-label="${label}">${content}</div>`

const swatch = (colour: Rgb): string =>
  `<span class="swatch" style="background:rgb(${colour.join()})"></span>`

/** The fraction as text and as a bar; the bar tells a screen reader nothing new. */
const withBar = (fraction: number): string =>
  `${percent(fraction)}<span class="bar" aria-hidden="true"><i style="width:${Number.isNaN(fraction) ? 0 : percent(fraction)}%"></i></span>`

const points = (fraction: number): string =>
  `${fraction > 0 ? '+' : fraction < 0 ? '−' : ''}${percent(Math.abs(fraction))}`

function headline(scores: SegmentationScores): string {
  const { meanIou, seen, classes, accuracy, pixels, meanClassAccuracy, frequencyWeightedIou } = scores
  const percentage = (fraction: number): string =>
    percent(fraction) + (Number.isNaN(fraction) ? '' : ' <small>%</small>')
  const entries = [
    [`mean IoU, ${seen} of ${classes.length} classes`, percentage(meanIou)],
    ['pixel accuracy', percentage(accuracy)],
    ['mean class accuracy', percentage(meanClassAccuracy)],
    ['frequency-weighted IoU', percentage(frequencyWeightedIou)],
    ['pixels counted', count(pixels)],
  ]
  return `<dl class="scores">${entries
    .map(
      ([name, value], i) => `<div${i === 0 ? ' class="main"' : ''}><dt>${name}</dt><dd>${value}</dd></div>`,
    )
    .join('')}</dl>`
}

function comparisonTable({ runs, differingPixels, pixels }: ReportComparison): string {
  const rows = runs.map(
    ({ name, meanIou }) =>
      `<tr><th scope="row">${escapeText(name)}</th><td class="left">${withBar(meanIou)}</td></tr>`,
  )
  const [first, second] = runs
  return `${scrollable(
    'Comparison of two runs',
    `<table><thead><tr><th scope="col">run</th><th scope="col" class="left">mean IoU, %</th></tr></thead><tbody>${rows.join('')}</tbody></table>`,
  )}
<p class="soft">${points(second.meanIou - first.meanIou)} points; ${count(differingPixels)} of ${count(pixels)} pixels differ (${percent(differingPixels / pixels, 3)} %).</p>`
}

const factsTable = (facts: NonNullable<ReportOptions['facts']>): string =>
  `<div class="card"><table class="facts"><tbody>${facts
    .map(([name, value]) => `<tr><th scope="row">${escapeText(name)}</th><td>${escapeText(value)}</td></tr>`)
    .join('')}</tbody></table></div>`

function classesTable(scores: SegmentationScores, names: readonly string[], palette: readonly Rgb[]): string {
  const columns = ['id', 'IoU, %', 'precision, %', 'recall, %', 'TP', 'FP', 'FN']
  const rows = scores.classes.map(({ iou, precision, recall, tp, fp, fn }, id) => {
    const colour = palette[id]
    const name = `${colour ? swatch(colour) : ''}${escapeText(names[id]!)}`
    const cells = [id, withBar(iou), percent(precision), percent(recall), count(tp), count(fp), count(fn)]
    return `<tr><th scope="row">${name}</th>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`
  })
  return scrollable(
    'Scores by class',
    `<table><thead><tr><th scope="col">class</th>${columns.map((column) => `<th scope="col">${column}</th>`).join('')}</tr></thead>
<tbody>${rows.join('\n')}</tbody></table>`,
  )
}

const confusionFigure = (confusion: ConfusionMatrix, names: readonly string[]): string =>
  `<p class="soft">What the pixels of each class were taken for, in percent of the class. Point at a cell for its pixels.</p>
${scrollable('Confusion matrix', confusionSvg(confusion, names))}`

function imageList(images: readonly ReportImage[]): string {
  const numbered = images.map((image, i) => ({ meanIou: Number.NaN, ...image, id: `image-${i + 1}` }))
  const worst = worstImages(numbered, 5)
  const links = worst.map(
    ({ id, name, meanIou }) => `<a href="#${id}">${escapeText(name)}</a> (${percent(meanIou)} %)`,
  )
  return `${worst.length > 1 ? `<p>Lowest mean IoU: ${links.join(', ')}.</p>\n` : ''}<ul class="legend"><li>In error masks:</li><li>${swatch(errorColours.right)}right</li><li>${swatch(errorColours.wrong)}wrong</li><li>${swatch(errorColours.ignored)}not judged</li></ul>
${numbered.map(imageArticle).join('\n')}`
}

function imageArticle({ id, name, meanIou, panels }: ReportImage & { id: string; meanIou: number }): string {
  const title = escapeText(name)
  return `<article class="card" aria-labelledby="${id}"><header><h3 id="${id}">${title}</h3><span class="soft">mean IoU ${percent(meanIou)}${Number.isNaN(meanIou) ? '' : ' %'}</span></header>
<ul class="panels" aria-label="Pictures of ${title}">${panels.map((panel) => panelItem(panel, title)).join('')}</ul></article>`
}

function panelItem({ title, src }: ReportPanel, image: string): string {
  // A link with a scheme could run code (javascript:) or call home.
  if (/^\s*([a-z][a-z0-9+.-]*:|[/\\]{2})/i.test(src))
    throw new InverseFormError(
      'invalid-argument',
      `The panel "${title}" has the URL ${src}, which is not relative.`,
      {
        hint: "Put the pictures in a folder beside the page and pass paths such as 'images/name.png'.",
      },
    )
  const [name, url] = [escapeText(title), escapeText(src)]
  return `<li><a href="${url}"><figure><img src="${url}" alt="${name} of ${image}" loading="lazy"><figcaption>${name}</figcaption></figure></a></li>`
}

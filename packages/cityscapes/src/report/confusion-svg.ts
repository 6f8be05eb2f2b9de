import { classNames as cityscapesClassNames } from '../labels.js'
import { type ConfusionMatrix, checkMatrix } from '../metrics/confusion.js'
import { checkClassNames, count, escapeText, percent } from './format.js'

const CELL = 30
const LEFT = 124
const TOP = 124
const EDGE = 16

// No custom properties: other programs than browsers render this file.
const style = `
.confusion{font:12px system-ui,sans-serif}
.confusion .paper{fill:#fff}.confusion .grid{stroke:#e3e5e8}.confusion text{fill:#1c1f24}
.confusion .axis{font-weight:600}.confusion .none{fill:#676e79}
.confusion .right{fill:#0b63a5}.confusion .wrong{fill:#ad4c00}
.confusion .cell{font-size:10.5px;text-anchor:middle}.confusion .middle{fill:#0d1117}.confusion .strong{fill:#fff}
@media (prefers-color-scheme:dark){
.confusion .paper{fill:#1d2026}.confusion .grid{stroke:#333840}.confusion text{fill:#e8eaee}
.confusion .none{fill:#9aa3af}.confusion .right{fill:#6cb6ff}.confusion .wrong{fill:#ffab4a}.confusion .strong{fill:#0d1117}
}`

/**
 * Draws a confusion matrix as a standalone SVG: rows are target classes, columns predicted classes. The opacity of a
 * cell is the square root of its share of the row, so rare confusions are visible. The diagonal is blue, confusions are
 * orange. Cells from 1 % show their percentage; tooltips have pixels and percentage. The SVG follows the viewer's light
 * or dark color scheme.
 *
 * @param classNames one name per class, by train id
 * @throws InverseFormError `size-mismatch` without one name per class
 */
export function confusionSvg(
  matrix: ConfusionMatrix,
  classNames: readonly string[] = cityscapesClassNames,
): string {
  checkMatrix('matrix', matrix)
  checkClassNames(classNames, matrix.numClasses)
  const side = matrix.numClasses * CELL
  const [width, height] = [LEFT + side + EDGE, TOP + side + EDGE]
  const labels = classNames.map(escapeText)
  const rows = matrix.rows()
  const pixels = rows.map((row, t) => row.reduce((total, value) => total + value, matrix.missed[t]))

  const grid = Array.from({ length: matrix.numClasses + 1 }, (_, i) => {
    const at = i * CELL
    return `M${LEFT} ${TOP + at}h${side}M${LEFT + at} ${TOP}v${side}`
  }).join('')
  const rowNames = labels.map((name, t) => {
    const unseen = pixels[t] === 0 ? ' class="none"' : ''
    return `<text x="${LEFT - 8}" y="${TOP + t * CELL + 19}" text-anchor="end"${unseen}>${name}</text>`
  })
  const columnNames = labels.map((name, p) => {
    const x = LEFT + p * CELL + 19
    return `<text transform="translate(${x} ${TOP - 8}) rotate(-90)">${name}</text>`
  })
  const cells = rows.flatMap((row, t) =>
    row.map((value, p) => {
      if (value === 0) return ''
      const share = value / pixels[t]
      const strength = Math.sqrt(share)
      const [x, y] = [LEFT + p * CELL, TOP + t * CELL]
      const number =
        share >= 0.01
          ? `<text class="cell${strength > 0.8 ? ' strong' : strength > 0.55 ? ' middle' : ''}" x="${x + CELL / 2}" y="${y + 19}">${percent(share, 0)}</text>`
          : ''
      return (
        `<g><title>${labels[t]} predicted as ${labels[p]}: ${count(value)} pixels, ${percent(share)} %</title>` +
        `<rect class="${t === p ? 'right' : 'wrong'}" fill-opacity="${strength.toFixed(3)}" x="${x}" y="${y}" width="${CELL}" height="${CELL}"/>` +
        `${number}</g>`
      )
    }),
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" class="confusion" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="Confusion matrix of ${matrix.numClasses} classes in percent of each class's pixels">
<style>${style}
</style>
<rect class="paper" width="100%" height="100%"/>
<text class="axis" x="${LEFT + side / 2}" y="16" text-anchor="middle">prediction</text>
<text class="axis" transform="translate(14 ${TOP + side / 2}) rotate(-90)" text-anchor="middle">target, each row 100 %</text>
${rowNames.join('')}
${columnNames.join('')}
<path class="grid" d="${grid}" fill="none"/>
${cells.filter((cell) => cell !== '').join('\n')}
</svg>
`
}

import { describe, expect, it } from 'vitest'
import {
  ConfusionMatrix,
  classNames,
  classTable,
  confusionSvg,
  type EvaluationReportOptions,
  evaluationReportHtml,
  scoreSummary,
} from '../../src/index.js'
import golden from '../fixtures/pytorch-confusion.json' with { type: 'json' }
import { elements, expectReadable, expectStatic } from './markup.js'

const matrixOf = (counts: number[][]): ConfusionMatrix =>
  ConfusionMatrix.fromJSON({
    format: 'inverseform.confusion-matrix',
    version: 1,
    classes: counts.length,
    ignoreIndex: 255,
    counts,
    missed: counts.map(() => 0),
  })
const matrix = matrixOf(golden.confusion)
const small = matrixOf([
  [6, 2, 0],
  [0, 0, 0],
  [0, 0, 0],
])
const hostile = '<b title="x">&\'</b>'

describe('classTable', () => {
  it('aligns columns, with the units of the published table', () => {
    expect(classTable(small.compute(), { classNames: ['road', 'sidewalk', 'building'] })).toBe(
      [
        'Id  label       IoU     TP     FP     FN  FP/TP  FN/TP  precision  recall',
        '--  --------  -----  -----  -----  -----  -----  -----  ---------  ------',
        ' 0  road      75.00  75.00   0.00  25.00   0.00   0.33       1.00    0.75',
        ' 1  sidewalk   0.00   0.00  25.00   0.00    inf      –       0.00       –',
        ' 2  building      –   0.00   0.00   0.00      –      –          –       –',
        'IoU in %; TP, FP and FN in % of the counted pixels.\n',
      ].join('\n'),
    )
  })

  it('has the IoU of PyTorch in every line', () => {
    const lines = classTable(matrix.compute()).split('\n').slice(2, 21)
    lines.forEach((line, c) => {
      expect(line).toContain(classNames[c])
      expect(line.slice(19).trim().split(/\s+/)[0]).toBe((golden.iou[c] * 100).toFixed(2))
    })
  })

  it('rejects the wrong number of names', () => {
    expect(() => classTable(small.compute())).toThrow(
      '`classNames` must have 3 elements, one name per class, got 19.',
    )
  })
})

describe('scoreSummary', () => {
  it('has the mean scores', () => {
    expect(scoreSummary(matrix.compute())).toMatch(
      /^mean IoU +60\.00 % {2}over 19 of 19 classes\npixel accuracy +95\.19 % {2}of 3,053,816 pixels\n/,
    )
    expect(scoreSummary(new ConfusionMatrix({ numClasses: 2 }).compute())).toContain(
      '– %  over 0 of 2 classes',
    )
  })
})

describe('confusionSvg', () => {
  it('is well-formed, with a cell and tooltip for every count', () => {
    const svg = confusionSvg(matrix)
    const cells = golden.confusion.flat().filter((value) => value > 0).length
    const found = elements(svg)
    expect(found[0]).toMatchObject({ name: 'svg' })
    expect(found.filter(({ name }) => name === 'title')).toHaveLength(cells)
    expect(found.filter(({ attributes }) => attributes.get('class') === 'right')).toHaveLength(19)
    const row = golden.confusion[0].reduce((a, b) => a + b)
    expect(svg).toContain(
      `<title>road predicted as sidewalk: 2,818 pixels, ${((2818 / row) * 100).toFixed(2)} %</title>`,
    )
  })

  it('draws targets as rows and predictions as columns, each row normalized', () => {
    const svg = confusionSvg(small, ['a', 'b', 'c'])
    const cells = elements(svg).filter(({ attributes }) => attributes.has('fill-opacity'))
    const at = (key: string) => cells.map(({ attributes }) => Number(attributes.get(key)))
    expect(at('fill-opacity')).toEqual([expect.closeTo(Math.sqrt(0.75), 3), 0.5])
    expect(at('y')[0]).toBe(at('y')[1])
    expect(at('x')[0]).toBeLessThan(at('x')[1])
    expect(svg.match(/class="none">(.)</g)).toHaveLength(2)
  })

  it('escapes names', () => {
    expect(elements(confusionSvg(small, [hostile, 'b', 'c'])).some(({ name }) => name === 'b')).toBe(false)
  })
})

describe('evaluationReportHtml', () => {
  const options: EvaluationReportOptions = {
    title: 'a report',
    confusion: matrix,
    facts: [['model', 'hrnet16-slim']],
    images: [
      { name: 'ulm_0', meanIou: 0.5, panels: [{ title: 'input', src: 'images/ulm_0.png' }] },
      { name: 'ulm_1', meanIou: 0.25, panels: [{ title: 'input', src: 'images/ulm_1.png' }] },
      { name: 'ulm_2', panels: [] },
    ],
    comparison: {
      runs: [
        { name: 'without', meanIou: 0.6 },
        { name: 'with', meanIou: 0.59 },
      ],
      differingPixels: 1500,
      pixels: 1_000_000,
    },
  }
  const html = evaluationReportHtml(options)

  it('is well-formed and self-contained, without scripts', () => {
    expectStatic(html)
  })

  it('omits scores without counted pixels, but shows the run and its images', () => {
    const page = evaluationReportHtml({ ...options, confusion: new ConfusionMatrix() })
    const headings = elements(page).flatMap(({ name, attributes }) =>
      name === 'h2' ? [attributes.get('id')] : [],
    )
    expect(headings).toEqual(['comparison', 'run', 'images'])
    expect(page).toContain('No pixel was scored.')
  })

  it('is accessible by keyboard and screen reader', () => {
    expectReadable(html)
  })

  it('shows the scores, the comparison and the worst images first', () => {
    expect(html).toContain('60.00 <small>%</small>')
    expect(html).toContain('−1.00 points; 1,500 of 1,000,000 pixels differ (0.150 %)')
    expect(html).toMatch(
      /Lowest mean IoU: <a href="#image-2">ulm_1<\/a> \(25\.00 %\), <a href="#image-1">ulm_0<\/a>/,
    )
    expect(html).toContain('<th scope="row">model</th><td>hrnet16-slim</td>')
    for (const iou of golden.iou) expect(html).toContain(`<td>${(iou * 100).toFixed(2)}<span class="bar"`)
    expect(html).toContain(
      '<a href="images/ulm_0.png"><figure><img src="images/ulm_0.png" alt="input of ulm_0"',
    )
  })

  it('omits sections without data', () => {
    const page = evaluationReportHtml({ title: 't', confusion: small, classNames: ['a', 'b', 'c'] })
    expect(elements(page).filter(({ name }) => name === 'h2')).toHaveLength(2)
  })

  it('escapes every text', () => {
    const page = evaluationReportHtml({
      title: hostile,
      confusion: small,
      classNames: [hostile, hostile, hostile],
      facts: [[hostile, hostile]],
      images: [{ name: hostile, panels: [{ title: hostile, src: `${hostile}.png` }] }],
      comparison: {
        runs: [
          { name: hostile, meanIou: 0 },
          { name: hostile, meanIou: 1 },
        ],
        differingPixels: 0,
        pixels: 1,
      },
    })
    expect(elements(page).some(({ name }) => name === 'b')).toBe(false)
    expect(page).not.toContain('<b title')
  })

  it('rejects images with absolute URLs', () => {
    for (const src of [
      'javascript:alert(1)',
      'https://x.y/z.png',
      '//x.y/z.png',
      ' data:text/html,x',
      '\\\\x\\y',
    ]) {
      expect(() =>
        evaluationReportHtml({ ...options, images: [{ name: 'a', panels: [{ title: 'input', src }] }] }),
      ).toThrow(`The URL of the panel "input" must be relative, got ${src}.`)
    }
    expect(() => evaluationReportHtml({ ...options, classNames: ['a'] })).toThrow(
      '`classNames` must have 19 elements, one name per class, got 1.',
    )
  })
})

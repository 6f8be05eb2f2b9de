import { describe, expect, it } from 'vitest'
import { ConfusionMatrix } from '../../src/metrics/confusion.js'
import { PixelLevelEvaluation } from '../../src/metrics/official/pixel-level.js'
import type { MetricOptions } from '../../src/metrics/options.js'
import { warningsText } from '../../src/metrics/warnings.js'
import { metricsFromJSON, metricsToJSON } from '../../src/node/evaluate/metric-set.js'
import { evaluationReportHtml } from '../../src/report/evaluation/evaluation-report.js'
import { metricsReportHtml } from '../../src/report/metrics/metrics-report.js'
import { scoreSummary } from '../../src/report/text/class-table.js'
import { fromRows, imageOf, matrixOf } from './images.js'

/** Creates a map of 100 pixels: `count` of each id. */
const pixelsOf = (counts: Readonly<Record<number, number>>): Uint8Array =>
  Uint8Array.from(Object.entries(counts).flatMap(([id, count]) => Array<number>(count).fill(Number(id))))

function matrixFor(
  target: Readonly<Record<number, number>>,
  prediction: Readonly<Record<number, number>>,
  options: MetricOptions = { numClasses: 3 },
): ConfusionMatrix {
  return matrixOf([imageOf(pixelsOf(target), pixelsOf(prediction))], options)
}

const codesOf = (matrix: ConfusionMatrix): string[] => matrix.compute().warnings.map(({ code }) => code)

describe('warnings beside scores', () => {
  it('tell masks of 0 and 255 from classes, also where every pixel is right', () => {
    const right = matrixFor({ 0: 60, 255: 40 }, { 0: 60, 255: 40 }).compute()
    expect(right.meanIou).toBe(1)
    expect(right.warnings).toEqual([
      {
        code: 'mask',
        message:
          'The targets hold only the ids 0 and 255, as masks do, and pixels with 255 are ignored. Map 255 to class 1 with `idMap`.',
        share: 0.4,
      },
    ])
    expect(codesOf(matrixFor({ 0: 60, 255: 40 }, { 0: 50, 255: 50 }))).toEqual(['mask'])
    expect(codesOf(matrixFor({ 0: 60, 255: 40 }, { 0: 60, 1: 40 }))).toEqual(['mask'])
    const predicted = matrixFor({ 0: 60, 1: 40 }, { 0: 70, 255: 30 }).compute().warnings
    expect(predicted).toHaveLength(1)
    expect(predicted[0]).toMatchObject({ code: 'mask', share: 0.3 })
    expect(predicted[0].message).toContain('The predictions hold only the ids 0 and 255')
    expect(codesOf(matrixFor({ 0: 60, 1: 40 }, { 0: 70, 1: 30 }))).toEqual([])
    expect(codesOf(matrixFor({ 0: 60, 1: 30, 255: 10 }, { 0: 100 }))).toEqual([])
  })

  it('name the ids that no class has, from more than 5 % of the scored pixels on', () => {
    expect(codesOf(matrixFor({ 0: 50, 1: 50 }, { 0: 45, 1: 50, 255: 5 }))).toEqual([])
    const { warnings } = matrixFor({ 0: 50, 1: 50 }, { 0: 44, 1: 50, 255: 6 }).compute()
    expect(warnings).toEqual([
      {
        code: 'unknown-ids',
        message:
          '6.00 % of the scored pixels are predicted as ids that no scored class has: 255. They count as misses. `idMap` can map ids to others.',
        share: 0.06,
      },
    ])
  })

  it('say that most pixels are ignored, from more than 90 % on', () => {
    expect(codesOf(matrixFor({ 0: 5, 1: 5, 255: 90 }, { 0: 5, 1: 95 }))).toEqual([])
    const { warnings } = matrixFor({ 0: 5, 1: 4, 255: 91 }, { 0: 5, 1: 95 }).compute()
    expect(warnings).toMatchObject([{ code: 'mostly-ignored', share: 0.91 }])
    expect(warnings[0].message).toBe('91.00 % of the pixels are ignored: their target is 255.')
    expect(codesOf(matrixFor({ 255: 100 }, { 7: 100 }))).toEqual(['mostly-ignored'])
  })

  it('survive merging and threads, where stored states keep their form', () => {
    const half = () => matrixFor({ 0: 5, 1: 4, 255: 91 }, { 0: 5, 1: 95 })
    const merged = half()
    merged.merge(half())
    expect(merged.ignored).toBe(182)
    expect(merged.toJSON()).not.toHaveProperty('ignored')
    const sent = metricsFromJSON(structuredClone(metricsToJSON({ confusion: merged }))).confusion!
    expect(sent.compute()).toEqual(merged.compute())
    expect(sent.ignored).toBe(182)

    const stored = ConfusionMatrix.fromJSON(merged.toJSON())
    expect(stored.ignored).toBeNaN()
    expect(codesOf(stored)).toEqual([])
    sent.merge(stored)
    expect(sent.ignored).toBeNaN()
    expect(metricsToJSON({ confusion: sent })).toEqual({ confusion: sent.toJSON() })
    expect(() => ConfusionMatrix.fromJSON({ ...merged.toJSON(), ignored: -1 })).toThrow('ignored is -1')
  })

  it('tell train ids that the official evaluation reads as label ids', () => {
    const official = new PixelLevelEvaluation({ instances: false })
    official.update(imageOf(pixelsOf({ 7: 50, 26: 50 }), pixelsOf({ 0: 50, 13: 50 })))
    expect(official.compute().warnings).toEqual([
      {
        code: 'unknown-ids',
        message:
          '50.00 % of the scored pixels are predicted as label ids that no scored class has: 0. They count as misses. `idMap` can map ids to others.',
        share: 0.5,
      },
    ])
    const ignored = new PixelLevelEvaluation({ instances: false })
    ignored.update(imageOf(pixelsOf({ 3: 95, 7: 5 }), pixelsOf({ 7: 100 })))
    expect(ignored.compute().warnings).toMatchObject([{ code: 'mostly-ignored', share: 0.95 }])
  })

  it('are in the text and in both pages', () => {
    const confusion = matrixFor({ 0: 60, 255: 40 }, { 0: 60, 255: 40 })
    const scores = confusion.compute()
    expect(scoreSummary(scores)).toMatch(/\nwarning: The targets hold only the ids 0 and 255/)
    expect(scoreSummary(fromRows([[1]]).compute())).not.toContain('warning')
    expect(warningsText(scores.warnings)).toBe(`warning: ${scores.warnings[0].message}\n`)
    const options = { title: 'Masks', confusion, classNames: ['a', 'b', 'c'] }
    for (const page of [evaluationReportHtml(options), metricsReportHtml(options)]) {
      expect(page).toContain('<strong>Warning:</strong> The targets hold only the ids 0 and 255')
    }
  })
})

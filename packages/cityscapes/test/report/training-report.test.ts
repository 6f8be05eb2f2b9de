import { seededRandom } from '@inverseform/shared'
import { describe, expect, it } from 'vitest'
import { type TrainingReportOptions, trainingReportHtml } from '../../src/index.js'
import { smoothedCurve } from '../../src/report/training/curves.js'
import { expectReadable, expectStatic, tableOf, textOf } from './markup.js'

/** Steps whose loss falls from 3 towards 0.5, with noise. */
function stepsOf(length: number) {
  const next = seededRandom(3)
  return Array.from({ length }, (_, i) => {
    const loss = 0.5 + 2.5 * Math.exp(-i / (length / 5)) + 0.2 * next()
    return {
      step: i + 1,
      loss,
      terms: { crossEntropy: loss / 2, 'edges <b>': loss / 4 },
      learningRate: 0.01 * (1 - i / length),
      imagesPerSecond: 1.5,
    }
  })
}
const evaluation = (step: number, meanIou: number) => ({
  step,
  meanIou,
  boundaryF: { 1: 0.2, 3: 0.4, 5: Number.NaN },
  classIou: [0.5, null, 2 * meanIou - 0.5],
})
const full: TrainingReportOptions = {
  title: 'A <run>',
  steps: stepsOf(500),
  evaluations: [evaluation(100, 0.4), evaluation(300, 0.612), evaluation(500, 0.55)],
  totalSteps: 2000,
  facts: [['model', 'hrnet16-slim']],
  images: [{ name: 'a "city"', panels: [{ title: 'image', src: 'pictures/1-image.png?step=500' }] }],
  refresh: 5,
}

describe('trainingReportHtml', () => {
  it('is a static, readable page of all that is known', () => {
    const html = trainingReportHtml(full)
    expectStatic(html)
    expectReadable(html)
    expect(html).toContain('<meta http-equiv="refresh" content="5">')
    const text = textOf(html)
    expect(text).toContain('A &lt;run&gt;')
    expect(text).toContain('best mean IoU, step 30061.20 %')
    expect(text).toContain('steps done, running500 of 2,000')
    expect(tableOf(html, 'Scores of evaluations').map((row) => row[0])).toEqual([
      'step',
      '500 (latest)',
      '300 (best)',
    ])
    expect(tableOf(html, 'Latest scores by class').slice(1)).toEqual([
      ['class 0', '50.00'],
      ['class 1', '–'],
      ['class 2', '60.00'],
    ])
    expect(html).not.toMatch(/NaN|Infinity|undefined/)
  })

  it('is a page before the first step, after it, and without evaluations', () => {
    for (const steps of [[], stepsOf(1), stepsOf(2)]) {
      const html = trainingReportHtml({ title: 'Run', steps })
      expectStatic(html)
      expectReadable(html)
      expect(html).not.toMatch(/NaN|Infinity|undefined|http-equiv/)
    }
  })

  it('shows losses that are not finite as missing', () => {
    const broken = { ...stepsOf(3)[2], loss: Number.NaN, learningRate: 0 }
    const html = trainingReportHtml({ title: 'Run', steps: [...stepsOf(2), broken] })
    expectStatic(html)
    expect(tableOf(html, 'Loss')[1][1]).toBe('–')
    expect(html).not.toMatch(/NaN|Infinity/)
  })

  it('stays small for 100,000 steps', () => {
    expect(trainingReportHtml({ title: 'Run', steps: stepsOf(100_000) }).length).toBeLessThan(100_000)
  })

  it('refuses the wrong number of class names', () => {
    expect(() => trainingReportHtml({ ...full, classNames: ['one'] })).toThrow('one name per class, got 1')
  })
})

describe('smoothedCurve', () => {
  it('is an average within the raw values, which follows them and keeps all extremes', () => {
    const steps = stepsOf(1000)
    const values = steps.map(({ loss }) => loss)
    const { points, range = [] } = smoothedCurve(
      steps.map(({ step }) => step),
      values,
    )
    expect(points.length).toBeLessThanOrEqual(300)
    expect(points.at(-1)?.[0]).toBeGreaterThan(990)
    for (const [step, value] of points.slice(5, -5)) {
      const around = values.slice(step - 11, step + 10)
      expect(value).toBeCloseTo(around.reduce((sum, each) => sum + each, 0) / around.length, 10)
    }
    expect(Math.min(...range.map(([, low]) => low))).toBe(Math.min(...values))
    expect(Math.max(...range.map(([, , high]) => high))).toBe(Math.max(...values))
    const [first, last] = [points[0][1], points.at(-1)?.[1] as number]
    expect(first).toBeGreaterThan(2.7)
    expect(last).toBeGreaterThan(0.55)
    expect(last).toBeLessThan(0.7)
  })

  it('leaves constants as they are', () => {
    const { points } = smoothedCurve([1, 2, 3], [2, 2, 2])
    expect(points).toEqual([
      [1, 2],
      [2, 2],
      [3, 2],
    ])
  })
})

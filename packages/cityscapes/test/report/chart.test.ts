import { seededRandom } from '@inverseform/shared'
import { describe, expect, it } from 'vitest'
import { type Axis, histogram, lineChart, ticks } from '../../src/report/metrics/chart.js'
import { elements } from './markup.js'

const axis = (values: readonly number[]): Axis => ({ label: 'some <axis>', ticks: values, text: String })

/** The places of an axis's ticks in the picture, by their text. */
function places(svg: string, key: 'x' | 'y'): [value: number, place: number][] {
  const [, labels] = /<g class="ticks">(.*?)<\/g>/s.exec(svg)!
  const all = [...labels.matchAll(/<text( class="end")? x="([^"]*)" y="([^"]*)">([^<]*)</g)]
  return all
    .filter(([, end]) => (end === undefined) === (key === 'x'))
    .map(([, , x, y, text]) => [Number(text), key === 'x' ? Number(x) : Number(y) - 4])
}

/** What a place is on an axis, by its first and last ticks. */
function valueAt(svg: string, key: 'x' | 'y', place: number): number {
  const all = places(svg, key)
  const [[low, start], [high, end]] = [all[0], all.at(-1)!]
  return low + ((place - start) / (end - start)) * (high - low)
}

describe('ticks', () => {
  it('are a few evenly spaced round numbers that cover the data', () => {
    const next = seededRandom(5)
    for (let i = 0; i < 2000; i++) {
      const scale = 10 ** Math.floor(next() * 9 - 3)
      const [a, b] = [next() * scale, next() * scale]
      const [low, high] = [Math.min(a, b), Math.max(a, b)]
      const found = ticks(low, high, 1e-9)
      const step = found[1] - found[0]
      expect(found[0]).toBeLessThanOrEqual(low + step * 1e-6)
      expect(found.at(-1)).toBeGreaterThanOrEqual(high - step * 1e-6)
      expect(low - found[0]).toBeLessThan(step * 1.001)
      expect(found.at(-1)! - high).toBeLessThan(step * 1.001)
      expect(found.length).toBeGreaterThanOrEqual(3)
      expect(found.length).toBeLessThanOrEqual(7)
      found.slice(1).forEach((value, k) => {
        expect((value - found[k]) / step).toBeCloseTo(1, 5)
      })
      expect([1, 2, 5]).toContain(Number((step / 10 ** Math.floor(Math.log10(step * 1.001))).toPrecision(4)))
    }
  })

  it('respect the smallest step, and are two for a single value', () => {
    expect(ticks(0, 3, 1)).toEqual([0, 1, 2, 3])
    expect(ticks(0, 1, 1)).toEqual([0, 1])
    expect(ticks(0, 0, 1)).toEqual([0, 1])
    expect(ticks(0, 1, 0.01)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1])
    expect(ticks(1, 1, 0.01)).toEqual([0.99, 1])
    expect(ticks(0.613, 0.613, 0.01)).toEqual([0.61, 0.62])
    expect(ticks(2, 1000, 1)).toEqual([0, 200, 400, 600, 800, 1000])
  })
})

describe('lineChart', () => {
  const points = [
    { x: 1, y: 0.31, title: '<first>' },
    { x: 4, y: 0.5, title: 'second' },
    { x: 9, y: Number.NaN, title: 'missing' },
    { x: 40, y: 0.58, title: 'last' },
  ]
  const svg = lineChart({
    label: '"a curve"',
    x: axis(ticks(0, 40, 1)),
    y: axis(ticks(0.31, 0.58, 0.01)),
    points,
  })
  const found = elements(svg)

  it('places points by the axes, and omits NaN', () => {
    const dots = found.filter(({ name }) => name === 'circle')
    const seen = points.filter(({ y }) => !Number.isNaN(y))
    expect(dots).toHaveLength(seen.length)
    dots.forEach(({ attributes }, i) => {
      expect(valueAt(svg, 'x', Number(attributes.get('cx')))).toBeCloseTo(seen[i].x, 2)
      expect(valueAt(svg, 'y', Number(attributes.get('cy')))).toBeCloseTo(seen[i].y, 3)
    })
  })

  it('breaks the line at NaN', () => {
    const line = found.find(({ attributes }) => attributes.get('class') === 'line')!.attributes.get('d')!
    expect(line.replace(/[\d. ]/g, '')).toBe('MLM')
    expect(svg).not.toContain('NaN')
  })

  it('escapes texts, and draws the diagonal only on request', () => {
    expect(svg).toContain('<title>&lt;first&gt;</title>')
    expect(svg).toContain('aria-label="&quot;a curve&quot;"')
    expect(svg).not.toContain('reference')
    const both = axis([0, 0.5, 1])
    const diagram = lineChart({
      label: 'a diagram',
      x: both,
      y: both,
      points: [{ x: 0.5, y: 0.5, title: '' }],
      diagonal: true,
    })
    const [, x1, y1, x2, y2] = /class="reference" d="M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)"/.exec(diagram)!
    expect([valueAt(diagram, 'x', Number(x1)), valueAt(diagram, 'y', Number(y1))]).toEqual([0, 0])
    expect([valueAt(diagram, 'x', Number(x2)), valueAt(diagram, 'y', Number(y2))]).toEqual([1, 1])
  })
})

describe('histogram', () => {
  it('draws each count from 0, over its range', () => {
    const bars = [
      { low: 0, high: 0.5, count: 3, title: 'low' },
      { low: 0.5, high: 0.75, count: 0, title: 'none' },
      { low: 0.75, high: 1, count: 7, title: 'high' },
    ]
    const svg = histogram({ label: 'counts', x: axis([0, 0.5, 1]), y: axis([0, 5, 10]), bars })
    const rectangles = elements(svg).filter(({ name }) => name === 'rect')
    const seen = bars.filter(({ count }) => count > 0)
    expect(rectangles).toHaveLength(seen.length)
    rectangles.forEach(({ attributes }, i) => {
      const [x, y, width, height] = ['x', 'y', 'width', 'height'].map((key) => Number(attributes.get(key)))
      expect(valueAt(svg, 'y', y)).toBeCloseTo(seen[i].count, 1)
      expect(valueAt(svg, 'y', y + height)).toBeCloseTo(0, 5)
      expect(valueAt(svg, 'x', x)).toBeCloseTo(seen[i].low, 1)
      expect(valueAt(svg, 'x', x + width)).toBeCloseTo(seen[i].high, 1)
    })
    expect(svg).not.toContain('none<')
  })
})

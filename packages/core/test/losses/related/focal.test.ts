import { type Case, randomCase } from '@inverseform/testing/losses'
import { describe, expect, it } from 'vitest'
import { focalLoss } from '../../../src/index.js'
import { codeOf, ops, perfect, probabilities, scalar, tensorOf } from './support.js'

const random = randomCase(2, 4, 5, 7)
const inputs = (of: Case) => ({ logits: tensorOf(ops, of), target: of.target })
const alpha = [0.25, 0.5, 0, 1]

function meanOverPixels(of: Case, term: (n: number, i: number, label: number) => number): number {
  const pixels = of.height * of.width
  let sum = 0
  let counted = 0
  of.target.forEach((label, i) => {
    if (label === 255) return
    sum += term(Math.floor(i / pixels), i % pixels, label)
    counted++
  })
  return sum / counted
}

describe('focal loss', () => {
  it.each([0, 0.5, 1, 2, 5])('matches loops over softmax probabilities, gamma %d', (gamma) => {
    const p = probabilities(random)
    const term = (n: number, i: number, label: number) =>
      -((1 - p(n, label, i)) ** gamma) * Math.log(p(n, label, i))
    expect(scalar(focalLoss(ops, inputs(random), { gamma }))).toBeCloseTo(meanOverPixels(random, term), 12)
    const weighted = meanOverPixels(random, (n, i, label) => alpha[label] * term(n, i, label))
    expect(scalar(focalLoss(ops, inputs(random), { gamma, alpha }))).toBeCloseTo(weighted, 12)
  })

  it.each([0, 0.5, 1, 2, 5])('matches loops over sigmoids, gamma %d', (gamma) => {
    const expected = (weights?: readonly number[]) =>
      meanOverPixels(random, (n, i, label) => {
        let sum = 0
        for (let c = 0; c < 4; c++) {
          const p = 1 / (1 + Math.exp(-random.logits[(n * 4 + c) * 35 + i]))
          const right = label === c ? p : 1 - p
          const weight = weights ? (label === c ? weights[c] : 1 - weights[c]) : 1
          sum -= weight * (1 - right) ** gamma * Math.log(right)
        }
        return sum
      })
    const loss = (options: object) =>
      scalar(focalLoss(ops, inputs(random), { gamma, activation: 'sigmoid', ...options }))
    expect(loss({})).toBeCloseTo(expected(), 12)
    expect(loss({ alpha })).toBeCloseTo(expected(alpha), 12)
    expect(loss({ alpha: 0.25 })).toBeCloseTo(expected([0.25, 0.25, 0.25, 0.25]), 12)
  })

  it('has known values: 0 for a perfect prediction, (1 - 1/n)² log n for equal logits', () => {
    expect(scalar(focalLoss(ops, inputs(perfect(random))))).toBeCloseTo(0, 12)
    const unknowing = { ...random, logits: random.logits.map(() => 7) }
    expect(scalar(focalLoss(ops, inputs(unknowing)))).toBeCloseTo(0.75 ** 2 * Math.log(4), 12)
  })

  it('rejects invalid options', () => {
    expect(codeOf(() => focalLoss(ops, inputs(random), { gamma: -1 }))).toBe('invalid-argument')
    expect(codeOf(() => focalLoss(ops, inputs(random), { alpha: 2 }))).toBe('invalid-argument')
    expect(codeOf(() => focalLoss(ops, inputs(random), { alpha: [1, 1] }))).toBe('size-mismatch')
    expect(codeOf(() => focalLoss(ops, inputs(random), { activation: 'relu' as 'softmax' }))).toBe(
      'invalid-argument',
    )
  })
})

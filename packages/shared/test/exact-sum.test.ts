import { seededRandom } from '@inverseform/shared'
import { describe, expect, it } from 'vitest'
import { ExactSum } from '../src/exact-sum.js'

// Every finite double is an integer multiple of 2^-1074.
const SCALE = 1074

/** Returns a double as that integer. */
function exact(x: number): bigint {
  const bits = new BigUint64Array(Float64Array.of(x).buffer)[0]
  const exponent = (bits >> 52n) & 0x7ffn
  const mantissa = bits & 0xf_ffff_ffff_ffffn
  const size = exponent === 0n ? mantissa : (mantissa | (1n << 52n)) << (exponent - 1n)
  return bits >> 63n ? -size : size
}

/** Returns the double nearest to such an integer, ties to even. */
function nearest(sum: bigint): number {
  const size = sum < 0n ? -sum : sum
  const excess = BigInt(Math.max(0, size.toString(2).length - 53))
  let head = size >> excess
  const rest = size - (head << excess)
  const half = excess > 0n ? 1n << (excess - 1n) : 1n
  if (excess > 0n && (rest > half || (rest === half && head & 1n))) head++
  // Scales in two steps, since the power of 2 alone can be out of range.
  const exponent = Number(excess) - SCALE
  const value = Number(head) * 2 ** Math.floor(exponent / 2) * 2 ** Math.ceil(exponent / 2)
  return sum < 0n ? -value : value
}

const sumOf = (values: readonly number[]): ExactSum => {
  const sum = new ExactSum()
  for (const value of values) sum.add(value)
  return sum
}

/** Creates numbers of both signs over many magnitudes; some cancel one another. */
function numbers(seed: number, count: number, decades: number): number[] {
  const next = seededRandom(seed)
  return Array.from({ length: count }, () => {
    const x = (next() - 0.5) * 10 ** ((next() - 0.5) * decades)
    return next() < 0.3 ? [x, -x * (1 + 2 ** -40)] : [x]
  }).flat()
}

describe('ExactSum', () => {
  it('is the sum rounded once, in any order', () => {
    for (let seed = 0; seed < 60; seed++) {
      const values = numbers(seed, 1 + (seed % 40), [2, 30, 200, 600][seed % 4])
      const expected = nearest(values.reduce((sum, x) => sum + exact(x), 0n))
      expect(sumOf(values).value).toBe(expected)
      expect(sumOf(values.toReversed()).value).toBe(expected)
      expect(sumOf(values.toSorted((a, b) => a - b)).value).toBe(expected)
    }
  })

  it('rounds ties to even unless a far smaller part decides', () => {
    const [one, half] = [1, 2 ** -53]
    const tiny = 2 ** -200
    for (const values of [
      [one, half],
      [one, half, tiny],
      [one, half, -tiny],
      [one + 2 ** -52, half],
      [one + 2 ** -52, half, -tiny],
      [-one, -half, -tiny],
      [1e300, 1, -1e300],
      [0.1, 0.2, 0.3, -0.6],
    ]) {
      expect(sumOf(values).value).toBe(nearest(values.reduce((sum, x) => sum + exact(x), 0n)))
    }
  })

  it('has no parts out of the range of doubles, and terminates', () => {
    expect(new ExactSum([1.7e308, 1.7e308]).toJSON()).toEqual([])
  })

  it('is the same for any split, through JSON', () => {
    const values = numbers(99, 200, 60)
    const whole = sumOf(values).value
    for (const cut of [0, 1, 77, values.length]) {
      const parts = [sumOf(values.slice(cut)), sumOf(values.slice(0, cut))]
      const merged = new ExactSum(JSON.parse(JSON.stringify(parts[0])))
      merged.merge(new ExactSum(JSON.parse(JSON.stringify(parts[1]))))
      expect(merged.value).toBe(whole)
    }
    expect(new ExactSum().value).toBe(0)
  })
})

import { describe, expect, test } from 'vitest'
import {
  abortTogether,
  listFew,
  mean,
  nanMean,
  orList,
  product,
  randomInteger,
  seededRandom,
  shuffle,
  sum,
  untilAborted,
} from '../src/index.js'

test('sums, means and products of arrays', () => {
  expect([sum([1, 2, 3]), sum([]), mean([1, 2]), product([2, 3]), product([])]).toEqual([6, 0, 1.5, 6, 1])
  expect(mean([])).toBeNaN()
  expect(nanMean([1, Number.NaN, 3])).toBe(2)
  expect(nanMean([Number.NaN])).toBeNaN()
})

describe('random numbers', () => {
  test('repeat for a seed and stay in range', () => {
    const [a, b, c] = [seededRandom(7), seededRandom(7), seededRandom(8)]
    const draw = (next: () => number) => Array.from({ length: 100 }, next)
    const values = draw(a)
    expect(draw(b)).toEqual(values)
    expect(draw(c)).not.toEqual(values)
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true)
  })
  test('randomInteger includes both ends', () => {
    const random = seededRandom(1)
    const drawn = new Set(Array.from({ length: 200 }, () => randomInteger(random, -1, 2)))
    expect([...drawn].sort((a, b) => a - b)).toEqual([-1, 0, 1, 2])
  })
  test('shuffle keeps the elements', () => {
    const values = Array.from({ length: 50 }, (_, i) => i)
    const shuffled = [...values]
    shuffle(shuffled, seededRandom(3))
    expect(shuffled).not.toEqual(values)
    expect(shuffled.sort((a, b) => a - b)).toEqual(values)
  })
})

test('text lists', () => {
  expect([listFew([]), listFew(['a', 'b']), listFew(['a', 'b', 'c'], 2)]).toEqual([
    'nothing',
    'a, b',
    'a, b and 1 more',
  ])
  expect([orList([]), orList(['a']), orList(['a', 'b', 'c'])]).toEqual(['', 'a', 'a, b or c'])
})

describe('aborts', () => {
  test('untilAborted rejects with the reason, and passes results through', async () => {
    const controller = new AbortController()
    const waiting = untilAborted(new Promise(() => {}), controller.signal)
    controller.abort('stop')
    await expect(waiting).rejects.toBe('stop')
    expect(await untilAborted(Promise.resolve(1), new AbortController().signal)).toBe(1)
    expect(await untilAborted(Promise.resolve(2))).toBe(2)
  })
  test('abortTogether aborts with the caller and on failure', async () => {
    const caller = new AbortController()
    let inner: AbortSignal | undefined
    const work = abortTogether(caller.signal, async (signal) => {
      inner = signal
      caller.abort('stop')
      return signal.reason
    })
    expect(await work).toBe('stop')
    const failure = new Error('failed')
    const failing = abortTogether(undefined, async (signal) => {
      inner = signal
      throw failure
    })
    await expect(failing).rejects.toBe(failure)
    expect(inner?.reason).toBe(failure)
  })
})

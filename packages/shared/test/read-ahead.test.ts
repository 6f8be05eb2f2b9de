import { expect, test } from 'vitest'
import { readAhead } from '../src/read-ahead.js'

/** Loads numbers when told; keeps which were begun. */
function loader() {
  const begun: number[] = []
  const finish: (() => void)[] = []
  const load = (item: number) =>
    new Promise<number>((resolve) => {
      begun.push(item)
      finish.push(() => resolve(10 * item))
    })
  return { begun, finish, load }
}

const settled = () => new Promise((resolve) => setTimeout(resolve))

test.each([1, 2, 3])('%i at a time, in order', async (depth) => {
  const { begun, finish, load } = loader()
  const items = readAhead([1, 2, 3, 4], load, depth)
  for (let i = 0; i < 4; i++) {
    const next = items.next()
    await settled()
    expect(begun).toHaveLength(Math.min(4, depth + i))
    finish[i]()
    expect(await next).toEqual({ value: 10 * (i + 1), done: false })
  }
  expect(await items.next()).toEqual({ value: undefined, done: true })
})

test('what another gives', async () => {
  const twice = readAhead(
    readAhead([1, 2, 3], async (n) => n + 1),
    async (n) => 2 * n,
    2,
  )
  const values: number[] = []
  for await (const value of twice) values.push(value)
  expect(values).toEqual([4, 6, 8])
})

test('a failure is thrown when its turn comes, and ends what it loads from', async () => {
  let ended = false
  async function* source() {
    try {
      yield* [1, 2, 3]
    } finally {
      ended = true
    }
  }
  const load = async (n: number) => {
    if (n === 2) throw new Error('unreadable')
    return n
  }
  const values: number[] = []
  const reading = (async () => {
    for await (const value of readAhead(source(), load, 2)) values.push(value)
  })()
  await expect(reading).rejects.toThrow('unreadable')
  expect(values).toEqual([1])
  expect(ended).toBe(true)
})

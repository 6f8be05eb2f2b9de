import { InverseFormError } from '@inverseform/errors'
import type { RequestOptions, RequestProgress, RgbImage, Segmentation } from '@inverseform/runtime'
import { describe, expect, test } from 'vitest'
import { type PoolMember, startAll, WorkerPool } from '../src/worker/pool.js'
import type { SegmenterTask } from '../src/worker/tasks/segmenter.js'

type Request = SegmenterTask['request']

const failureOf = (work: Promise<unknown>) =>
  work.then(
    () => {
      throw new Error('it did not fail')
    },
    (error) => error,
  )

/** Returns an image that its first byte identifies. */
const image = (mark: number, width = 4): RgbImage => ({ data: Uint8Array.of(mark), width, height: 2 })

/** Returns the answer of a member, with the mark as the number of classes. */
const answerTo = ({ images }: Request) =>
  images.map(({ data, width, height }) => ({ numClasses: data[0], width, height }) as Segmentation)

/** Keeps its requests; the test finishes each. */
class FakeMember implements PoolMember {
  readonly requests: {
    readonly request: Request
    readonly options: RequestOptions
    readonly finish: () => void
    readonly fail: (error: unknown) => void
  }[] = []
  ended: Error | undefined
  disposed = 0

  checkRunning(): void {
    if (this.ended) throw this.ended
  }
  run(request: Request, options: RequestOptions = {}): Promise<Segmentation[]> {
    const { signal } = options
    let abort = () => {}
    return new Promise<Segmentation[]>((resolve, fail) => {
      abort = () => fail(signal?.reason)
      signal?.addEventListener('abort', abort)
      this.requests.push({ request, options, finish: () => resolve(answerTo(request)), fail })
    }).finally(() => signal?.removeEventListener('abort', abort))
  }
  async dispose(): Promise<void> {
    this.disposed++
  }
  marks(): number[][] {
    return this.requests.map(({ request }) => request.images.map(({ data }) => data[0]))
  }
}

/** Answers at once. */
class EagerMember extends FakeMember {
  override run(request: Request, options?: RequestOptions): Promise<Segmentation[]> {
    const answer = super.run(request, options)
    this.requests.at(-1)?.finish()
    return answer
  }
}

const settled = () => new Promise((resolve) => setTimeout(resolve))
const numbers = (count: number) => Array.from({ length: count }, (_, i) => i)

describe('images are distributed', () => {
  test.each([
    [1, 2],
    [2, 2],
    [3, 2],
    [20, 2],
    [33, 4],
    [100, 3],
  ])('%i to %i members, evenly and in order', async (count, memberCount) => {
    const members = numbers(memberCount).map(() => new EagerMember())
    const pool = new WorkerPool(members)
    const images = numbers(count).map((i) => image(i))
    const results = await pool.run({ images, options: {} })
    expect(results.map(({ numClasses: classes }) => classes)).toEqual(numbers(count))
    const parts = members.flatMap((member) => member.marks())
    const lengths = parts.map((part) => part.length)
    expect(Math.max(...lengths)).toBeLessThanOrEqual(8)
    expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThanOrEqual(1)
    expect(parts.flat().sort((a, b) => a - b)).toEqual(numbers(count))
    expect(members.filter(({ requests }) => requests.length > 0)).toHaveLength(Math.min(count, memberCount))
  })

  test('in parts of one size, in any order of sizes', async () => {
    const members = [new EagerMember(), new EagerMember()]
    const images = numbers(12).map((i) => image(i, i % 3 === 0 ? 8 : 4))
    const results = await new WorkerPool(members).run({ images, options: {} })
    expect(results.map(({ numClasses: classes }) => classes)).toEqual(numbers(12))
    expect(results.map(({ width }) => width)).toEqual(images.map(({ width }) => width))
    for (const { request } of members.flatMap(({ requests }) => requests)) {
      expect(new Set(request.images.map(({ width }) => width)).size).toBe(1)
    }
  })

  test('with their options', async () => {
    const member = new EagerMember()
    const options = { outputs: ['edges'], flip: true } as const
    await new WorkerPool([member, new EagerMember()]).run({ images: [image(1)], options })
    expect(member.requests[0].request.options).toEqual(options)
  })

  test('to no member if there are none', async () => {
    const members = [new EagerMember(), new EagerMember()]
    expect(await new WorkerPool(members).run({ images: [], options: {} })).toEqual([])
    expect(members.flatMap((member) => member.requests)).toEqual([])
  })

  test('to the member with the least work under way', async () => {
    const [a, b] = [new FakeMember(), new FakeMember()]
    const pool = new WorkerPool([a, b])
    const one = (mark: number) => pool.run({ images: [image(mark)], options: {} })
    const answers = [one(0), one(1), one(2)]
    expect([a.marks(), b.marks()]).toEqual([[[0], [2]], [[1]]])
    b.requests[0].finish()
    await answers[1]
    answers.push(one(3), one(4))
    expect(b.marks()).toEqual([[1], [3], [4]])
    for (const { finish } of [...a.requests, ...b.requests]) finish()
    await Promise.all(answers)
  })

  test('of several with equal work, to the one that began it first', async () => {
    const [a, b] = [new FakeMember(), new FakeMember()]
    const pool = new WorkerPool([a, b])
    const one = (mark: number) => pool.run({ images: [image(mark)], options: {} })
    const answers = [one(0), one(1), one(2)]
    a.requests[0].finish()
    await answers[0]
    // `a` has just begun its second image, `b` is within its first one.
    answers.push(one(3))
    expect([a.marks(), b.marks()]).toEqual([
      [[0], [2]],
      [[1], [3]],
    ])
    for (const { finish } of [...a.requests, ...b.requests]) finish()
    await Promise.all(answers)
  })

  test('one part after the other, so that a faster member gets more', async () => {
    const [slow, fast] = [new FakeMember(), new FakeMember()]
    const images = numbers(32).map((i) => image(i))
    const all = new WorkerPool([slow, fast]).run({ images, options: {} })
    for (let i = 0; i < 3; i++) {
      fast.requests[i].finish()
      await settled()
    }
    slow.requests[0].finish()
    expect((await all).map(({ numClasses: classes }) => classes)).toEqual(numbers(32))
    expect([slow.requests.length, fast.requests.length]).toEqual([1, 3])
  })
})

describe('progress', () => {
  test('is summed, and ends with all done', async () => {
    const [a, b] = [new FakeMember(), new FakeMember()]
    const seen: RequestProgress[] = []
    const images = numbers(6).map((i) => image(i))
    const all = new WorkerPool([a, b]).run({ images, options: {} }, { onProgress: (p) => seen.push(p) })
    a.requests[0].options.onProgress?.({ done: 1, total: 2 })
    b.requests[0].options.onProgress?.({ done: 1, total: 4 })
    b.requests[0].options.onProgress?.({ done: 4, total: 4 })
    a.requests[0].options.onProgress?.({ done: 2, total: 2 })
    // Until it says so, a member counts as having as much to do as the others.
    expect(seen).toEqual([
      { done: 1, total: 4 },
      { done: 2, total: 6 },
      { done: 5, total: 6 },
      { done: 6, total: 6 },
    ])
    for (const { finish } of [...a.requests, ...b.requests]) finish()
    await all
  })
})

describe('an early end', () => {
  test('by an error of a member aborts the rest and is thrown', async () => {
    const [a, b] = [new FakeMember(), new FakeMember()]
    const images = numbers(40).map((i) => image(i))
    const failure = failureOf(new WorkerPool([a, b]).run({ images, options: {} }))
    const error = new InverseFormError('out-of-memory', 'Full.', {})
    b.requests[0].fail(error)
    expect(await failure).toBe(error)
    expect(a.requests[0].options.signal?.aborted).toBe(true)
    await settled()
    expect([a.requests.length, b.requests.length]).toEqual([1, 1])
  })

  test('by the signal of the caller reaches all members', async () => {
    const [a, b] = [new FakeMember(), new FakeMember()]
    const controller = new AbortController()
    const images = [image(0), image(1)]
    const failure = failureOf(
      new WorkerPool([a, b]).run({ images, options: {} }, { signal: controller.signal }),
    )
    const reason = new Error('enough')
    controller.abort(reason)
    expect(await failure).toBe(reason)
    for (const { requests } of [a, b]) expect(requests[0].options.signal?.aborted).toBe(true)
  })

  test('of a member ends the pool', async () => {
    const [a, b] = [new FakeMember(), new FakeMember()]
    b.ended = new Error('exit code 1')
    const pool = new WorkerPool([a, b])
    expect(() => pool.checkRunning()).toThrow(b.ended)
    expect(await failureOf(pool.run({ images: [image(1)], options: {} }))).toBe(b.ended)
    expect(a.requests).toEqual([])
  })

  test('by `dispose` finishes waiting parts, rejects new requests, then disposes of every member', async () => {
    const members = [new EagerMember(), new EagerMember()]
    const pool = new WorkerPool(members)
    const running = pool.run({ images: numbers(40).map((i) => image(i)), options: {} })
    const disposing = pool.dispose()
    expect(await failureOf(pool.run({ images: [image(1)], options: {} }))).toMatchObject({ code: 'disposed' })
    expect(await running).toHaveLength(40)
    expect(members.map(({ disposed }) => disposed)).toEqual([0, 0])
    await disposing
    await pool.dispose()
    expect(members.map(({ disposed }) => disposed)).toEqual([1, 1])
  })

  test('by `dispose` waits for a request that is a promise', async () => {
    const members = [new EagerMember(), new EagerMember()]
    const pool = new WorkerPool(members)
    let made = (_: Request) => {}
    const request = new Promise<Request>((resolve) => {
      made = resolve
    })
    const answer = pool.run(request)
    const disposed = pool.dispose()
    expect(members.map((member) => member.disposed)).toEqual([0, 0])
    made({ images: [image(1), image(2)], options: {} })
    expect((await answer).map(({ numClasses: classes }) => classes)).toEqual([1, 2])
    await disposed
    expect(members.map((member) => member.disposed)).toEqual([1, 1])
  })

  test('by the signal of the caller does not wait for a request that is a promise', async () => {
    const controller = new AbortController()
    const pool = new WorkerPool([new FakeMember()])
    const failure = failureOf(pool.run(new Promise<Request>(() => {}), { signal: controller.signal }))
    const reason = new Error('enough')
    controller.abort(reason)
    expect(await failure).toBe(reason)
    await pool.dispose()
  })

  test('by `dispose` disposes of every member', async () => {
    const members = [new FakeMember(), new FakeMember(), new FakeMember()]
    await new WorkerPool(members).dispose()
    expect(members.map(({ disposed }) => disposed)).toEqual([1, 1, 1])
  })
})

describe('starting', () => {
  test('returns all in order', async () => {
    const starts = [2, 1].map((turns) => async () => {
      for (let i = 0; i < turns; i++) await settled()
      return turns
    })
    expect(await startAll(starts, async () => {})).toEqual([2, 1])
  })

  test('throws the first error, after started members are disposed of and the others are aborted', async () => {
    const error = new Error('no such GPU')
    const disposed: string[] = []
    const givenUp: unknown[] = []
    const starts = [
      async () => 'early',
      async () => {
        await settled()
        throw error
      },
      (signal: AbortSignal) =>
        new Promise<string>((_, reject) => {
          signal.addEventListener('abort', () => {
            givenUp.push(signal.reason)
            reject(signal.reason)
          })
        }),
    ]
    expect(await failureOf(startAll(starts, async (name) => void disposed.push(name)))).toBe(error)
    expect({ disposed, givenUp }).toEqual({ disposed: ['early'], givenUp: [error] })
  })

  test('ends with the signal of the caller', async () => {
    const controller = new AbortController()
    const start = (signal: AbortSignal) =>
      new Promise<string>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    const failure = failureOf(startAll([start, start], async () => {}, controller.signal))
    const reason = new Error('enough')
    controller.abort(reason)
    expect(await failure).toBe(reason)
  })
})

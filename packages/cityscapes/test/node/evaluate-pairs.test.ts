import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { seededRandom } from '@inverseform/shared'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { encodeLabelPng, labels, mmsegResults, officialJson, toLabelIds } from '../../src/index.js'
import { MetricsThread } from '../../src/node/evaluate/metrics-thread.js'
import {
  createMetrics,
  evaluatePairs,
  type MetricSelection,
  type Metrics,
  matchPairs,
  mergeMetrics,
  metricsFromJSON,
  type PairToEvaluate,
} from '../../src/node.js'

const golden = fileURLToPath(new URL('../fixtures/metrics/', import.meta.url))
const goldenPairs = () => matchPairs({ data: golden, predictions: join(golden, 'results') })
const threadCounts = [0, 1, 2]

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evaluate-pairs-'))
})
afterAll(() => rm(folder, { recursive: true }))

const [width, height] = [32, 16]

/** Writes a label map and returns its path. */
async function file(name: string, data: Uint8Array, rows = height): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, encodeLabelPng({ width, height: rows, data }))
  return path
}

/** Pairs of label ids, the prediction mostly right; also predictions of train ids and targets as in ADE20K. */
async function somePairs(count: number): Promise<(PairToEvaluate & { trainIds: string; ade: string })[]> {
  const next = seededRandom(5)
  const known = labels.filter(({ ignoreInEval }) => !ignoreInEval)
  const draw = () => Math.floor(next() * known.length)
  return Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const target = Uint8Array.from({ length: width * height }, () => (next() < 0.1 ? 255 : draw()))
      const prediction = target.map((id) => (id === 255 || next() < 0.3 ? draw() : id))
      return {
        name: `image_${i}`,
        target: await file(`target_${i}.png`, toLabelIds(target)),
        prediction: await file(`prediction_${i}.png`, toLabelIds(prediction)),
        trainIds: await file(`trainIds_${i}.png`, prediction),
        ade: await file(
          `ade_${i}.png`,
          target.map((id) => (id === 255 ? 0 : id + 1)),
        ),
      }
    }),
  )
}

const everything = {
  official: { instances: false },
  confusion: {},
  perImage: {},
  boundaryF: { tolerances: [1, 2] },
  boundaryIou: { ratios: [0.05] },
  trimap: { widths: [1, 3] },
  surface: {},
}

describe('evaluatePairs', () => {
  it.each(threadCounts)('reproduces the official file byte for byte with %i threads', async (workers) => {
    const { official } = await evaluatePairs(await goldenPairs(), { metrics: { official: {} }, workers })
    expect(officialJson(official.compute())).toBe(await readFile(join(golden, 'official.json'), 'utf8'))
  })

  it('returns the same states for any number of threads, and reports each pair', async () => {
    const pairs = await somePairs(7)
    const states = await Promise.all(
      threadCounts.map(async (workers) => {
        const seen: string[] = []
        const metrics = await evaluatePairs(pairs, {
          metrics: everything,
          workers,
          onProgress({ done, total, name }) {
            seen.push(name)
            expect([done, total]).toEqual([seen.length, 7])
          },
        })
        expect(seen.sort()).toEqual(pairs.map(({ name }) => name))
        return JSON.stringify(metrics)
      }),
    )
    expect(new Set(states).size).toBe(1)
    expect(Object.keys(JSON.parse(states[0]))).toEqual(Object.keys(everything))
  })

  it('changes ids first, in targets and predictions, of 8 and 16 bits', async () => {
    const write = async (name: string, data: Uint8Array | Uint16Array) => {
      const path = join(folder, `${name}.png`)
      await writeFile(path, encodeLabelPng({ width: 4, height: 1, data }))
      return path
    }
    const pair = async (name: string, map: (ids: number[]) => Uint8Array | Uint16Array) => ({
      name,
      target: await write(`${name}-target`, map([0, 255, 255, 0])),
      prediction: await write(`${name}-prediction`, map([0, 255, 0, 255])),
    })
    const pairs = [
      await pair('bytes', (ids) => Uint8Array.from(ids)),
      await pair('words', (ids) => Uint16Array.from(ids, (id) => id * 257)),
    ]
    for (const workers of [0, 1]) {
      for (const idMap of [
        { 255: 1, 65535: 1 },
        new Map([
          [255, 1],
          [65535, 1],
        ]),
      ]) {
        // biome-ignore format: one line
        const { confusion } = await evaluatePairs(pairs, {
          metrics: { confusion: { numClasses: 2 } },
          targetIds: 'trainIds',
          predictionIds: 'trainIds',
          idMap,
          workers,
        })
        expect([...confusion.counts]).toEqual([2, 2, 2, 2])
      }
    }
    const options = { metrics: { confusion: {} }, workers: 0 }
    await expect(evaluatePairs(pairs, { ...options, idMap: { 255: -1 } })).rejects.toThrow('`map` must map')
    await expect(evaluatePairs(pairs, { ...options, idMap: 5 as never })).rejects.toThrow('`map` must be')
  })

  it('accepts train ids, and targets whose 0 is void', async () => {
    const pairs = await somePairs(3)
    const metrics = { confusion: {}, perImage: {} }
    const expected = await evaluatePairs(pairs, { metrics, workers: 0 })
    const trainIds = pairs.map((pair) => ({ ...pair, prediction: pair.trainIds }))
    const options = { predictionIds: 'trainIds', workers: 0 } as const
    expect(
      await evaluatePairs(trainIds, { ...options, metrics: { ...metrics, official: { instances: false } } }),
    ).toMatchObject({ ...expected })
    const ade = trainIds.map((pair) => ({ ...pair, target: pair.ade }))
    const reduced = await evaluatePairs(ade, {
      ...options,
      metrics,
      targetIds: 'trainIds',
      reduceZeroLabel: true,
    })
    expect(JSON.stringify(reduced)).toBe(JSON.stringify(expected))
    expect(mmsegResults(reduced.confusion).summary).toEqual(mmsegResults(expected.confusion).summary)
  })

  it.each([0, 2])('names file and pixel of an invalid id with %i threads', async (workers) => {
    const pairs = await somePairs(3)
    const bad = await file('bad.png', new Uint8Array(width * height).fill(7).fill(99, 2 * width + 5))
    const run = (metrics: object) =>
      evaluatePairs([...pairs, { ...pairs[0], name: 'bad', prediction: bad }], { metrics, workers })
    await expect(run({ official: { instances: false } })).rejects.toMatchObject({
      code: 'invalid-dataset',
      message: expect.stringMatching(
        /^bad has the predicted id 99 at column 5, row 2; .*target_0\.png and .*bad\.png\.$/,
      ),
      hint: expect.stringContaining('label ids'),
      details: { id: 99, x: 5, y: 2, prediction: bad },
    })
    await expect(run({ confusion: {} })).rejects.toMatchObject({
      code: 'invalid-dataset',
      message: expect.stringMatching(/bad\.png has the id 99 at column 5, row 2/),
    })
  })

  it.each([0, 2])('names both files of a size mismatch with %i threads', async (workers) => {
    const [pair] = await somePairs(1)
    const small = await file('small.png', new Uint8Array(width * 3), 3)
    await expect(
      evaluatePairs([{ ...pair, prediction: small }], { metrics: { confusion: {} }, workers }),
    ).rejects.toMatchObject({
      code: 'size-mismatch',
      message: expect.stringMatching(/target_0\.png has 32 x 16 pixels, .*small\.png has 32 x 3\./),
    })
  })

  it('passes on file errors from a thread', async () => {
    const [pair] = await somePairs(1)
    const prediction = join(folder, 'nowhere.png')
    await expect(
      evaluatePairs([{ ...pair, prediction }], { metrics: { confusion: {} }, workers: 1 }),
    ).rejects.toMatchObject({ code: 'not-found', message: `${prediction} does not exist.` })
  })

  it('rejects invalid options', async () => {
    const run = (options: object) => evaluatePairs([], { metrics: { official: {} }, ...options })
    await expect(run({ workers: -1 })).rejects.toMatchObject({ code: 'invalid-argument' })
    await expect(run({ targetIds: 'trainIds' })).rejects.toMatchObject({ code: 'invalid-argument' })
    await expect(run({ reduceZeroLabel: true })).rejects.toMatchObject({ code: 'invalid-argument' })
    await expect(run({ metrics: { boundaryF: { tolerances: [] } } })).rejects.toMatchObject({
      code: 'invalid-argument',
    })
  })

  it('rejects invalid ids, metrics and names before any work', async () => {
    const [pair] = await somePairs(1)
    const missing = { ...pair, target: 'nowhere' }
    const run = (options: object, pairs = [missing]) =>
      evaluatePairs(pairs, { metrics: { perImage: {} }, ...options })
    for (const [options, message] of [
      [{ targetIds: 'bogus' }, "`targetIds` must be one of 'labelIds' or 'trainIds', got \"bogus\"."],
      [{ predictionIds: 'bogus' }, "`predictionIds` must be one of 'labelIds' or 'trainIds', got \"bogus\"."],
      [{ metrics: { foo: {} } }, 'The metric "foo" does not exist.'],
      [{ metrics: {} }, 'No metrics were selected.'],
      [{ metrics: undefined }, 'No metrics were selected.'],
      [{ metrics: { official: undefined } }, 'No metrics were selected.'],
    ] as const) {
      await expect(run(options)).rejects.toMatchObject({ code: 'invalid-argument', message })
    }
    for (const workers of threadCounts) {
      await expect(
        run({ workers }, [missing, { ...missing, name: 'b' }, { ...missing, prediction: 'second.png' }]),
      ).rejects.toMatchObject({
        code: 'invalid-argument',
        message: `Two pairs have the name image_0: ${pair.prediction} and second.png.`,
      })
    }
    // Metrics that keep no names can do with any.
    await evaluatePairs([pair, pair], { metrics: { confusion: {} }, workers: 0 })
  })

  it('names the files of maps that a metric rejects, and keeps its hint', async () => {
    const data = new Uint8Array(32768)
    const path = join(folder, 'long.png')
    await writeFile(path, encodeLabelPng({ width: 32768, height: 1, data }))
    const pair = { name: 'long', target: path, prediction: path }
    await expect(evaluatePairs([pair], { metrics: { boundaryIou: {} }, workers: 0 })).rejects.toMatchObject({
      code: 'limit-exceeded',
      message: expect.stringMatching(/^long of 32768 x 1 pixels .*long\.png and .*long\.png\.$/),
      hint: expect.stringContaining('32767'),
    })
    const [small] = await somePairs(1)
    await expect(evaluatePairs([small], { metrics: { official: {} }, workers: 0 })).rejects.toMatchObject({
      code: 'invalid-dataset',
      message: expect.stringMatching(/^image_0 has no instance ids\. The files: /),
      hint: expect.stringContaining('instances: false'),
    })
  })

  it.each([0, 1])('sends states of many classes with %i threads', async (workers) => {
    const [width, height, classes] = [64, 8, 2000]
    const ids = (step: number) => Uint16Array.from({ length: width * height }, (_, i) => (i * step) % classes)
    const [truth, prediction] = [join(folder, 'many_t.png'), join(folder, 'many_p.png')]
    await writeFile(truth, encodeLabelPng({ width, height, data: ids(7) }))
    await writeFile(prediction, encodeLabelPng({ width, height, data: ids(11) }))
    const { trimap, confusion } = await evaluatePairs([{ name: 'many', target: truth, prediction }], {
      metrics: { confusion: { numClasses: classes }, trimap: { numClasses: classes, widths: [1, 3] } },
      targetIds: 'trainIds',
      predictionIds: 'trainIds',
      workers,
    })
    expect(JSON.stringify(trimap).length + JSON.stringify(confusion).length).toBeLessThan(200_000)
    ids(7).forEach((t, i) => {
      expect(confusion.counts[t * classes + ids(11)[i]]).toBe(1)
    })
    expect(confusion.counts.reduce((sum, count) => sum + count)).toBe(width * height)
  })

  it('removes its listener from the signal', async () => {
    const { signal } = new AbortController()
    const kept = new Set<unknown>()
    const add = vi.spyOn(signal, 'addEventListener').mockImplementation((_, it) => void kept.add(it))
    vi.spyOn(signal, 'removeEventListener').mockImplementation((_, it) => void kept.delete(it))
    await evaluatePairs(await somePairs(2), { metrics: { confusion: {} }, workers: 0, signal })
    expect(add).toHaveBeenCalled()
    expect(kept.size).toBe(0)
  })

  it.each(threadCounts)('stops when aborted with %i threads', async (workers) => {
    const pairs = await somePairs(12)
    const controller = new AbortController()
    const told: number[] = []
    const run = evaluatePairs(pairs, {
      metrics: everything,
      workers,
      signal: controller.signal,
      onProgress({ done }) {
        told.push(done)
        if (done === 2) controller.abort(new Error('enough'))
      },
    })
    await expect(run).rejects.toThrow('enough')
    expect(told).toEqual([1, 2])
    await expect(
      evaluatePairs(pairs, { metrics: everything, signal: AbortSignal.abort(new Error('before')) }),
    ).rejects.toThrow('before')
  })

  it.each(['done', 'failed', 'aborted'])('leaves no thread behind: %s', async (how) => {
    // A process that ends by itself has no threads left; what it prints shows that it got so far.
    const script = `
      import { evaluatePairs } from ${JSON.stringify(new URL('../../src/node.ts', import.meta.url).href)}
      const how = ${JSON.stringify(how)}
      const pairs = ${JSON.stringify(await somePairs(6))}
      if (how === 'failed') pairs[3].target = 'nowhere'
      const controller = new AbortController()
      const onProgress = () => {
        if (how === 'aborted') controller.abort()
      }
      evaluatePairs(pairs, { metrics: { confusion: {} }, workers: 2, signal: controller.signal, onProgress }).then(
        ({ confusion }) => console.log('done', confusion.compute().pixels),
        (error) => console.log(error.code ?? error.name),
      )`
    const tsx = ['--conditions=@inverseform/source', '--import=tsx', '--input-type=module', '--eval', script]
    const { stdout } = await promisify(execFile)(process.execPath, tsx, { timeout: 60_000 })
    expect(stdout.trim()).toMatch(
      { done: /^done \d+$/, failed: /^not-found$/, aborted: /^(20|AbortError)$/ }[how]!,
    )
  })
})

describe('evaluatePairs with pairs that fail', () => {
  /** Pairs of which one has no prediction, and one a prediction that no metric but the official one accepts. */
  async function withBadPairs(): Promise<{ pairs: PairToEvaluate[]; good: PairToEvaluate[] }> {
    const pairs: PairToEvaluate[] = await somePairs(6)
    const bad = await file('bad.png', new Uint8Array(width * height).fill(99))
    const good = [...pairs]
    pairs.splice(1, 0, { ...pairs[0], name: 'missing', prediction: join(folder, 'none.png') })
    pairs.splice(4, 0, { ...pairs[0], name: 'bad ids', prediction: bad })
    return { pairs, good }
  }

  it.each(threadCounts)('counts them nowhere with onFailure and %i threads', async (workers) => {
    const { pairs, good } = await withBadPairs()
    const failed: string[] = []
    const metrics = await evaluatePairs(pairs, {
      metrics: everything,
      workers,
      onFailure: ({ name }, { code }) => failed.push(`${name}: ${code}`),
    })
    expect(failed.sort()).toEqual(['bad ids: invalid-dataset', 'missing: not-found'])
    const expected = await evaluatePairs(good, { metrics: everything, workers: 0 })
    expect(JSON.stringify(metrics)).toBe(JSON.stringify(expected))
  })

  it.each(threadCounts)(
    'hands over what was counted, with or without them, with %i threads',
    async (workers) => {
      const { pairs, good } = await withBadPairs()
      const run = async (of: readonly PairToEvaluate[]) => {
        const names: string[] = []
        const total = createMetrics(everything)
        const running = evaluatePairs(of, {
          metrics: everything,
          workers,
          async onCounted(counted) {
            names.push(...counted.pairs.map(({ name }) => name))
            mergeMetrics(total, counted.metrics)
          },
        })
        const code = await running.then(
          () => 'done',
          (error) => error.code,
        )
        return { code, names, total: JSON.stringify(total) }
      }
      const complete = await run(good)
      expect({ ...complete, names: complete.names.sort() }).toEqual({
        code: 'done',
        names: good.map(({ name }) => name),
        total: JSON.stringify(await evaluatePairs(good, { metrics: everything, workers: 0 })),
      })
      const { code, names, total } = await run(pairs)
      expect(['not-found', 'invalid-dataset']).toContain(code)
      const counted = good.filter(({ name }) => names.includes(name))
      expect(counted).toHaveLength(names.length)
      const expected =
        counted.length === 0
          ? createMetrics(everything)
          : await evaluatePairs(counted, { metrics: everything, workers: 0 })
      expect(total).toBe(JSON.stringify(expected))
    },
  )

  it('ends with the error of onCounted', async () => {
    const pairs = await somePairs(3)
    const onCounted = () => Promise.reject(new Error('full'))
    for (const workers of [0, 1]) {
      await expect(evaluatePairs(pairs, { metrics: everything, workers, onCounted })).rejects.toThrow('full')
    }
  })
})

describe('a thread that ends unexpectedly', () => {
  it('rejects its pairs and all later ones', async () => {
    const [pair] = await somePairs(1)
    const thread = new MetricsThread({
      metrics: { confusion: {} },
      targetIds: 'labelIds',
      predictionIds: 'labelIds',
      reduceZeroLabel: false,
      maxPixels: 2 ** 26,
    })
    const ended = {
      code: 'runtime-unavailable',
      message: expect.stringMatching(
        /^A thread that evaluated pairs ended before it finished image_0: exit code \d\.$/,
      ),
      hint: expect.stringContaining('metrics-worker.js'),
      details: { name: 'image_0', prediction: pair.prediction },
    }
    const run = expect(thread.evaluate(pair)).rejects.toMatchObject(ended)
    await thread.end()
    await run
    await expect(thread.evaluate(pair)).rejects.toMatchObject(ended)
  })
})

describe('sets of metrics', () => {
  it('stay unchanged when a merge fails, whichever metric fails', async () => {
    const [pair, other] = await somePairs(2)
    const metrics = { confusion: {}, boundaryF: { tolerances: [1] }, perImage: {} }
    const run = (some: readonly PairToEvaluate[], change: MetricSelection = {}): Promise<Partial<Metrics>> =>
      evaluatePairs(some, { metrics: { ...metrics, ...change }, workers: 0 })
    const into = await run([pair])
    const before = JSON.stringify(into)
    expect(() => mergeMetrics(into, into)).toThrow('The image image_0 was already added.')
    const again = await run([pair])
    expect(() => mergeMetrics(into, again)).toThrow('The image image_0 was already added.')
    const unlike = await run([other], { boundaryF: { tolerances: [2] } })
    expect(() => mergeMetrics(into, unlike)).toThrow('cannot be merged')
    expect(JSON.stringify(into)).toBe(before)
  })

  it('merge, through JSON, to the result of one run', async () => {
    const pairs = await somePairs(5)
    const run = (some: readonly PairToEvaluate[]) => evaluatePairs(some, { metrics: everything, workers: 0 })
    const read = async (some: readonly PairToEvaluate[]) =>
      metricsFromJSON(JSON.parse(JSON.stringify(await run(some))))
    const merged = await read(pairs.slice(3))
    mergeMetrics(merged, await read(pairs.slice(0, 3)))
    expect(JSON.stringify(merged)).toBe(JSON.stringify(await run(pairs)))
  })

  it('reject other metrics, options and JSON', () => {
    const some = createMetrics({ confusion: {} })
    expect(() => mergeMetrics(some, createMetrics({ confusion: {}, trimap: {} }))).toThrow(
      'The metrics confusion, trimap cannot be merged into confusion.',
    )
    expect(() => mergeMetrics(some, createMetrics({ confusion: { numClasses: 3 } }))).toThrow(
      'A confusion matrix with {"numClasses":3,"ignoreIndex":255} cannot be merged into one with {"numClasses":19,"ignoreIndex":255}.',
    )
    for (const json of [null, [], {}, 'text', { confusion: {} }, { speed: {} }]) {
      expect(() => metricsFromJSON(json)).toThrow(expect.objectContaining({ code: 'unreadable' }))
    }
  })
})

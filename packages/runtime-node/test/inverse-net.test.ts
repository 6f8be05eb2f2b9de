import { readdir } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'
import { relativeError } from '@inverseform/testing'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import {
  createInverseNet,
  type InverseNet,
  type InverseNetOptions,
  type TileTensor,
  type WeightPrecision,
} from '../src/index.js'
import { startWorker } from '../src/worker/client.js'
import { temporaryFolder, writeCheckpoint } from './support/checkpoint.js'
import { goldenTiles, writeInverseNet } from './support/inverse-net.js'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let checkpoint: string
let golden: Awaited<ReturnType<typeof goldenTiles>>
beforeAll(async () => {
  folder = await temporaryFolder()
  checkpoint = await writeInverseNet(folder.path)
  golden = await goldenTiles()
})
afterAll(() => folder[Symbol.asyncDispose]())

const failureOf = (work: Promise<unknown>) =>
  work.then(
    () => {
      throw new Error('it did not fail')
    },
    (error) => error,
  )

/** Returns some of the golden tiles. */
function tilesOf({ data }: TileTensor, start: number, end: number): TileTensor {
  const part = Array.prototype.slice.call(data, start * 224 ** 2, end * 224 ** 2)
  return { data: part, shape: [end - start, 1, 224, 224] }
}

/**
 * Returns five standard deviations of the rounding error of a coefficient, as a share of the largest coefficient. Rounding
 * errors are independent and uniform, of variance step²/12. The weights of a layer of K inputs, uniform in ±√(3/K), have
 * variance 1/K. So an error of variance v in each input causes one of at most v in each output (ReLU only reduces it), and
 * an error of variance e in each weight adds K·e times the mean square of the inputs. Only the first two layers are rounded.
 */
function tolerance(precision: WeightPrecision): number {
  const squares = [golden.prediction, golden.target].map(({ data }) => {
    return Array.from({ length: 36 }, (_, tile) => {
      const pixels = data.subarray(tile * 224 ** 2, (tile + 1) * 224 ** 2)
      return pixels.reduce((sum, x) => sum + x * x, 0) / 224 ** 2
    })
  })
  const input = Math.max(...squares[0].map((square, tile) => (square + squares[1][tile]) / 2))
  // Biases, uniform in ±0.1, add to the outputs of the first layer; ReLU does not increase them.
  const hidden = input + 0.1 ** 2 / 3
  const largest = Math.max(...golden.coefficients.data.map(Math.abs))
  const variances: Record<WeightPrecision, number> = {
    float32: 0,
    // Half a step is at most 2^-11 of a value: K · (2^-11 w)² / 3 per layer.
    float16: (2 ** -22 / 3) * (input + hidden),
    // Steps: √(3/K) / 127 for a weight; 1/127 of the largest input of a block, which is 1, and of a hidden value, for which
    // four deviations are assumed: the kernel also rounds the inputs.
    int8: (input / 4 + 1 / 12 + hidden / 4 + (16 * hidden) / 12) / 127 ** 2,
  }
  return precision === 'float32' ? 1e-4 : (5 * Math.sqrt(variances[precision])) / largest
}

describe.each([
  ['float32', 'cpu'],
  ['float16', 'cpu'],
  ['int8', 'cpu'],
  ['float32', 'wasm'],
  ['float16', 'wasm'],
  ['int8', 'wasm'],
] as const)('with weights in %s on %s', (precision, device) => {
  let inverseNet: InverseNet
  let whole: Awaited<ReturnType<InverseNet['coefficients']>>
  beforeAll(async () => {
    inverseNet = await createInverseNet({ checkpoint, precision, device })
    whole = await inverseNet.coefficients(golden.prediction, golden.target)
  })
  afterAll(() => inverseNet.dispose())

  test('reports what it loaded', () => {
    expect(inverseNet).toMatchObject({ precision, device })
    expect(inverseNet.report).toMatchObject({ missing: [], unexpected: [], unused: [] })
    expect(inverseNet.report.loaded).toHaveLength(6)
    expect(inverseNet.loadTimings.session).toBeGreaterThan(0)
  })

  test('computes the published coefficients, within the rounding of the weights', () => {
    const { data, shape } = whole
    expect(shape).toEqual([36, 4])
    expect(relativeError(data, golden.coefficients.data)).toBeLessThan(tolerance(precision))
    if (precision !== 'float32') {
      expect(relativeError(data, golden.coefficients.data)).toBeGreaterThan(1e-5)
    }
  })

  test('computes the same for some tiles in plain arrays, and does not transfer the arrays of the caller', async () => {
    const [prediction, target] = [golden.prediction, golden.target].map((tiles) => tilesOf(tiles, 7, 9))
    const two = await inverseNet.coefficients(prediction, target)
    expect(two.shape).toEqual([2, 4])
    expect(relativeError(two.data, whole.data.subarray(28, 36))).toBeLessThan(1e-5)
    expect(golden.prediction.data).toHaveLength(36 * 224 ** 2)
  })
})

test('the tolerances are far below the coefficients', () => {
  expect(tolerance('float16')).toBeLessThan(0.005)
  expect(tolerance('int8')).toBeLessThan(0.1)
})

describe('an InverseNet', () => {
  test('stays usable after errors and aborts, until it is disposed of', async () => {
    const { prediction, target } = golden
    let kept: InverseNet
    {
      await using inverseNet = await createInverseNet({
        checkpoint: pathToFileURL(checkpoint),
        precision: 'int8',
        threads: 1,
      })
      kept = inverseNet
      for (const wrong of [
        { data: new Float32Array(224 ** 2), shape: [1, 224, 224] },
        { data: new Float32Array(100), shape: [1, 1, 10, 10] },
        { data: new Float32Array(0), shape: [0, 1, 224, 224] },
        { data: new Float32Array(224 ** 2), shape: [2, 1, 224, 224] },
      ]) {
        expect(await failureOf(inverseNet.coefficients(prediction, wrong))).toMatchObject({
          code: 'size-mismatch',
          message: `\`target\` must have the shape [tiles, 1, 224, 224], got [${wrong.shape.join(', ')}] with ${wrong.data.length} values.`,
          hint: 'Pass at least one tile, in C order.',
        })
      }
      expect(await failureOf(inverseNet.coefficients(prediction, tilesOf(target, 0, 2)))).toMatchObject({
        code: 'size-mismatch',
        message: '`prediction` and `target` must have the same number of tiles, got 36 and 2.',
      })
      const reason = new Error('enough')
      const before = inverseNet.coefficients(prediction, target, { signal: AbortSignal.abort(reason) })
      expect(await failureOf(before)).toBe(reason)
      const controller = new AbortController()
      const during = inverseNet.coefficients(prediction, target, { signal: controller.signal })
      const queued = inverseNet.coefficients(prediction, target)
      setTimeout(() => controller.abort(reason), 1)
      expect(await failureOf(during)).toBe(reason)
      expect((await queued).shape).toEqual([36, 4])
      const last = inverseNet.coefficients(prediction, target)
      await inverseNet.dispose()
      expect((await last).shape).toEqual([36, 4])
    }
    expect(await failureOf(kept.coefficients(prediction, target))).toMatchObject({
      code: 'disposed',
      message: 'This InverseNet has been disposed of.',
    })
    await kept.dispose()
  })

  test('rejects requests if its thread dies', async () => {
    const settings = { checkpoint, device: 'cpu', precision: 'int8', threads: 1 } as const
    const { client, worker } = await startWorker('inverseNet', settings)
    const { prediction, target } = golden
    const request = failureOf(client.run({ prediction, target }))
    await worker.terminate()
    const died = { code: 'inference-failed', hint: expect.stringContaining('Create another InverseNet.') }
    expect(await request).toMatchObject(died)
    expect(await failureOf(client.run({ prediction, target }))).toMatchObject(died)
    await client.dispose()
  })

  test('leaves no temporary folder behind when loading is aborted', async () => {
    await using temporary = await temporaryFolder()
    vi.stubEnv('TMPDIR', temporary.path)
    vi.stubEnv('TEMP', temporary.path)
    const isClean = async () =>
      !(await readdir(temporary.path)).some((name) => name.startsWith('inverseform-'))
    try {
      const controller = new AbortController()
      const loading = failureOf(createInverseNet({ checkpoint, signal: controller.signal }))
      await vi.waitUntil(async () => !(await isClean()), { timeout: 60_000, interval: 1 })
      controller.abort(new Error('enough'))
      expect((await loading).message).toBe('enough')
      await vi.waitUntil(isClean, { timeout: 60_000 })
    } finally {
      vi.unstubAllEnvs()
    }
  })
})

describe('createInverseNet refuses', () => {
  test('missing options, and a signal that is none', async () => {
    await expect(createInverseNet(undefined as never)).rejects.toMatchObject({
      code: 'invalid-argument',
      message: '`options` must be an object with a `checkpoint`, got undefined.',
    })
    await expect(createInverseNet({ checkpoint: 'a.pth', signal: 5 as never })).rejects.toMatchObject({
      code: 'invalid-argument',
      message: '`signal` must be an AbortSignal, got 5.',
    })
  })

  test('a checkpoint of another network, and one that does not exist', async () => {
    const other = await writeCheckpoint(folder.path, 'hrnet16-slim')
    expect(await failureOf(createInverseNet({ checkpoint: other }))).toMatchObject({
      code: 'checkpoint-mismatch',
      message: expect.stringContaining('This is not the InverseNet regressor'),
      hint: 'Use the published distance_measures_regressor.pth, or a file of train-regressor.',
    })
    expect(await failureOf(createInverseNet({ checkpoint: `${checkpoint}.not` }))).toMatchObject({
      code: 'not-found',
    })
  })

  test.each<[string, object, string, string]>([
    [
      'an unknown precision',
      { precision: 'int4' },
      'invalid-argument',
      "`precision` must be one of 'float32', 'float16' or 'int8', got \"int4\".",
    ],
    [
      'no checkpoint',
      { checkpoint: undefined },
      'invalid-argument',
      '`checkpoint` must be the name of a published model, or the URL, path or bytes of a .pth, .safetensors or .onnx file, got undefined.',
    ],
    [
      'an unknown device',
      { device: 'tpu' },
      'runtime-unavailable',
      "`device` must be one of 'auto', 'cpu' or 'wasm', got \"tpu\".",
    ],
    [
      'half a thread',
      { threads: 0.5 },
      'invalid-argument',
      '`threads` must be an integer from 0 to 1024, got 0.5.',
    ],
  ])('%s', async (_, options, code, message) => {
    const error = await failureOf(createInverseNet({ checkpoint, ...options } as InverseNetOptions))
    expect(error).toMatchObject({ code, message })
  })
})

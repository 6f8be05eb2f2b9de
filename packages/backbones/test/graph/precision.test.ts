import { seededRandom } from '@inverseform/shared'
import {
  type FloatTensor,
  imageTensor,
  inferenceCheckpoint,
  randomValues,
  relativeError,
} from '@inverseform/testing'
import * as ort from 'onnxruntime-node'
import { describe, expect, test } from 'vitest'
import { halfToFloat } from '../../src/checkpoint/float32.js'
import { constant, type Graph, input, linear, relu, symbol } from '../../src/graph/index.js'
import { loadModel, memorySink } from '../../src/index.js'
import { encodeOnnx, type WeightPrecision, type Writable } from '../../src/onnx/index.js'
import { quantize, toFloat16 } from '../../src/onnx/precision.js'
import { messages, numbers, parseMessage, strings } from '../support/protobuf.js'

async function bytesOf(writable: Writable): Promise<Uint8Array> {
  const sink = memorySink(writable.byteLength)
  await writable.write(sink)
  return sink.finish()
}

async function run(graph: Graph, precision: WeightPrecision, feeds: Record<string, FloatTensor>) {
  const bytes = await bytesOf(encodeOnnx(graph, { precision }))
  const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 2 })
  const inputs = Object.entries(feeds).map(([name, { data, shape }]) => [
    name,
    new ort.Tensor('float32', data, shape),
  ])
  const outputs = await session.run(Object.fromEntries(inputs))
  await session.release()
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { data }]) => [name, data as Float32Array]),
  ) as Record<string, Float32Array>
}

/** The initializers of a model: type as in onnx.proto, sizes. */
async function initializers(writable: Writable) {
  const graph = messages(parseMessage(await bytesOf(writable)), 7)[0]
  return messages(graph, 5).map((tensor) => ({
    name: strings(tensor, 8)[0],
    dims: numbers(tensor, 1),
    type: numbers(tensor, 2)[0],
  }))
}

describe('float16', () => {
  const bits = Array.from({ length: 0x7c00 }, (_, half) => half)
  const values = bits.map(halfToFloat)

  test('every value of its own stays, with its sign', () => {
    const all = Float32Array.from([...values, ...values.map((value) => -value)])
    expect(toFloat16('w', all)).toEqual(Uint16Array.from([...bits, ...bits.map((half) => half | 0x8000)]))
  })

  test('others go to the nearest, ties to even', () => {
    const random = seededRandom(7)
    const samples = bits.slice(0, -1).flatMap((half) => {
      const [low, high] = [values[half], values[half + 1]]
      const between = Math.fround(low + random() * (high - low))
      return [(low + high) / 2, between]
    })
    const expected = samples.map((value, i) => {
      const half = Math.floor(i / 2)
      const [below, above] = [value - values[half], values[half + 1] - value]
      return below < above || (below === above && half % 2 === 0) ? half : half + 1
    })
    expect(toFloat16('w', Float32Array.from(samples))).toEqual(Uint16Array.from(expected))
    expect([...toFloat16('w', Float32Array.of(1e-40, -1e-40, 2 ** -25))]).toEqual([0, 0x8000, 0])
  })

  test.each([65520, -1e30, Number.POSITIVE_INFINITY, Number.NaN])('%d is refused by name', (value) => {
    expect([...toFloat16('w', Float32Array.of(65519))]).toEqual([0x7bff])
    expect(() => toFloat16('fc.0.weight', Float32Array.of(1, value))).toThrow(
      expect.objectContaining({
        code: 'limit-exceeded',
        message: expect.stringMatching(
          /^The weight fc\.0\.weight has the value .*, which float16 cannot hold\.$/,
        ),
      }),
    )
  })
})

describe('int8', () => {
  const random = seededRandom(8)
  const [rows, columns] = [37, 1003]
  const values = randomValues(random, rows * columns)
  values.forEach((value, i) => {
    values[i] = value * 10 ** (Math.floor(i / columns) - 30)
  })
  values.fill(0, 5 * columns, 6 * columns)

  test('is within half a step of each value, and uses its whole range', () => {
    const { codes, scales } = quantize('w', values, { rows, transpose: false })
    for (let row = 0; row < rows; row++) {
      const codesOfRow = codes.subarray(row * columns, (row + 1) * columns)
      expect(Math.max(...codesOfRow.map(Math.abs))).toBe(row === 5 ? 0 : 127)
      const errors = Array.from(codesOfRow, (code, i) =>
        Math.abs(code * scales[row] - values[row * columns + i]),
      )
      // The scale is itself rounded to float32.
      expect(Math.max(...errors)).toBeLessThanOrEqual((0.5 + 1e-4) * scales[row])
    }
    expect(scales[5]).toBe(0)
  })

  test('transposed holds the same codes', () => {
    const { codes, scales } = quantize('w', values, { rows, transpose: false })
    const transposed = quantize('w', values, { rows, transpose: true })
    expect(transposed.scales).toEqual(scales)
    const back = codes.map((_, i) => transposed.codes[(i % columns) * rows + Math.floor(i / columns)])
    expect(back).toEqual(codes)
  })

  test.each([Number.NaN, Number.NEGATIVE_INFINITY])('%d is refused by name', (value) => {
    expect(() => quantize('head.weight', Float32Array.of(1, value), { rows: 1, transpose: false })).toThrow(
      `The weight head.weight has the value ${value}, which int8 cannot hold.`,
    )
  })
})

describe('a network', () => {
  const graph = loadModel(inferenceCheckpoint('hrnet16-slim', { edgeHead: true }), { edgeHead: true }).graph
  const image = imageTensor('images', 32, 64)

  test('takes half and a quarter of the bytes; biases and small weights stay float32', async () => {
    const sizes = { float32: 1, float16: 10, int8: 3 } as const
    const whole = encodeOnnx(graph).byteLength
    expect(encodeOnnx(graph, { precision: 'float16' }).byteLength / whole).toBeLessThan(0.56)
    expect(encodeOnnx(graph, { precision: 'int8' }).byteLength / whole).toBeLessThan(0.36)
    for (const precision of ['float16', 'int8'] as const) {
      for (const { name, dims, type } of await initializers(encodeOnnx(graph, { precision }))) {
        const large = dims.length > 1 && dims.reduce((a, b) => a * b, 1) >= 4096
        if (!/int64|zero_point/.test(name)) {
          expect({ name, type }).toEqual({ name, type: large ? sizes[precision] : 1 })
        }
      }
    }
  })

  test('gives nearly the same outputs', async () => {
    const expected = await run(graph, 'float32', { image })
    for (const [precision, tolerance] of [
      ['float16', 2e-3],
      ['int8', 6e-2],
    ] as const) {
      const outputs = await run(graph, precision, { image })
      for (const name of ['logits', 'edge']) {
        const error = relativeError(outputs[name], expected[name])
        expect(error, `${name} in ${precision}`).toBeLessThan(tolerance)
        expect(error).toBeGreaterThan(1e-6)
      }
    }
  })
})

describe('a linear layer', () => {
  const random = seededRandom(9)
  // More than 16 MiB in float32: in float16 it is made float32 in blocks of rows.
  const [inputs, outputs] = [2 ** 19, 11]
  const weights = randomValues(random, inputs * outputs)
  const bias = randomValues(random, outputs)
  const x: FloatTensor = { data: randomValues(random, 2 * inputs), shape: [2, inputs] }
  let loads = 0
  const weight = constant('fc.weight', [outputs, inputs], async () => {
    loads++
    return weights
  })
  const layer = linear(
    input('x', [symbol('N'), inputs]),
    weight,
    constant('fc.bias', [outputs], async () => bias),
  )
  const graph: Graph = { outputs: { y: relu(layer), raw: layer } }

  /** The layer in double precision, for weights as they were stored, and what rounding of inputs to 1/127 may do. */
  const product = (stored: ArrayLike<number>) =>
    Float32Array.from({ length: 2 * outputs }, (_, i) => {
      const [row, output] = [Math.floor(i / outputs), i % outputs]
      let sum = bias[output]
      for (let k = 0; k < inputs; k++) sum += x.data[row * inputs + k] * stored[output * inputs + k]
      return sum
    })

  test('in float16 multiplies with the rounded weights', async () => {
    const stored = Float32Array.from(toFloat16('fc.weight', weights), halfToFloat)
    const { y, raw } = await run(graph, 'float16', { x })
    expect(relativeError(raw, product(stored))).toBeLessThan(1e-5)
    expect(y).toEqual(raw.map((value) => Math.max(0, value)))
  })

  test('in int8 multiplies with the rounded weights, and rounds its inputs', async () => {
    const { codes, scales } = quantize('fc.weight', weights, { rows: outputs, transpose: false })
    const stored = Float32Array.from(codes, (code, i) => code * scales[Math.floor(i / inputs)])
    const expected = product(stored)
    const { raw } = await run(graph, 'int8', { x })
    // Six deviations of inputs rounded to steps of at most 1/127: each adds (1/127)² / 12 times its weight's square.
    const deviation = Math.sqrt((inputs / 3) * (1 / 127 ** 2 / 12))
    raw.forEach((value, i) => {
      expect(Math.abs(value - expected[i])).toBeLessThan(6 * deviation)
    })
    expect(6 * deviation).toBeLessThan(0.05 * Math.max(...expected.map(Math.abs)))
  })

  test.each([undefined, 'weights.bin'])(
    'is read once, whatever it becomes (weight file: %s)',
    async (weightFile) => {
      for (const precision of ['float32', 'float16', 'int8'] as const) {
        loads = 0
        const encoded = encodeOnnx(graph, { precision, weightFile })
        await bytesOf(encoded)
        if (encoded.weights) await bytesOf(encoded.weights)
        expect(loads, precision).toBe(1)
      }
    },
  )

  test('that a precision cannot hold is refused when it is written', async () => {
    const infinite = constant('fc.weight', [8, 512], async () => new Float32Array(4096).fill(1e6))
    const y = linear(
      input('x', [symbol('N'), 512]),
      infinite,
      constant('fc.bias', [8], async () => bias.slice(0, 8)),
    )
    const encoded = encodeOnnx({ outputs: { y } }, { precision: 'float16' })
    await expect(bytesOf(encoded)).rejects.toMatchObject({
      code: 'limit-exceeded',
      details: { name: 'fc.weight', value: 1e6, precision: 'float16' },
    })
  })
})

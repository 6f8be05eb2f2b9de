import { product, seededRandom } from '@inverseform/shared'
import { chunksSource, onnxBytes, onnxChunks } from '@inverseform/testing'
import { expect, test } from 'vitest'
import { CheckpointFile } from '../../src/checkpoint/file.js'
import { defaultLimits } from '../../src/checkpoint/limits.js'
import {
  constant,
  conv2d,
  imageInput,
  input,
  linear,
  type PassName,
  passes,
  symbol,
  topologicalOrder,
} from '../../src/graph/index.js'
import { buildModel, bytesSource, openModel, toFloat32 } from '../../src/index.js'
import { StoredWeights } from '../../src/onnx/bind-weights.js'
import { readContents } from '../../src/onnx/contents.js'
import { type EncodeOnnxOptions, type OnnxDescription, onnxMetadata } from '../../src/onnx/index.js'
import { quantize, toFloat16 } from '../../src/onnx/precision.js'
import type { Constant } from '../../src/onnx/weight-store.js'
import { countReads } from '../checkpoint/support.js'

/** Positive and signed values: weights are pieces of them, for OCRNet has 70 million. */
const next = seededRandom(1)
const variances = Float32Array.from({ length: 2 ** 22 }, () => 0.5 + next())
const weights = variances.map((value, i) => (i % 3 ? value - 1 : 1 - value))

function piece(name: string, shape: readonly number[]): Constant {
  const hash = [...name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 100_003, 7)
  const all = name.endsWith('running_var') ? variances : weights
  const load = async () => all.subarray(hash, hash + product(shape))
  return constant(name, shape, load) as Constant
}

/** What a file that `encodeOnnx` wrote with these options holds for a weight, by the functions that it is tested with. */
async function stored({ attributes: { name, load }, shape }: Constant, options: EncodeOnnxOptions) {
  const values = await load()
  const compact = shape.length > 1 && values.length >= 4096
  const precision = options.compute ?? (compact ? options.precision : 'float32')
  if (precision === 'float16') {
    return toFloat32({ dtype: 'float16', shape: [], data: toFloat16(name, values) })
  }
  if (precision !== 'int8') return values
  const rows = shape[0] as number
  const { codes, scales } = quantize(name, values, { rows, transpose: false })
  const columns = codes.length / rows
  const dequantized = new Float32Array(codes)
  for (let i = 0; i < codes.length; i++) dequantized[i] *= scales[Math.floor(i / columns)]
  return dequantized
}

const constants = (graph: Parameters<typeof topologicalOrder>[0]) =>
  topologicalOrder(graph).filter((value) => value.op === 'constant')

const all = Object.keys(passes) as PassName[]
const fold: PassName[] = ['foldBatchNorm']
const [float32, float16, int8, compute]: EncodeOnnxOptions[] = [
  { precision: 'float32' },
  { precision: 'float16' },
  { precision: 'int8' },
  { compute: 'float16' },
]
type Case = [OnnxDescription['model'], boolean, OnnxDescription['outputSize'], PassName[], EncodeOnnxOptions]

test.each<Case>([
  ['hrnet16-slim', false, 'features', fold, float32],
  ['hrnet16-slim', false, 'features', fold, float16],
  ['hrnet16-slim', true, 'features', [], int8],
  ['hrnet16-slim', true, 'image', fold, float32],
  ['hrnet16-slim', true, 'image', fold, int8],
  ['hrnet16-slim', true, 'image', all, compute],
  ['hrnet18', true, 'features', all, float32],
  ['hrnet18', false, 'image', fold, float16],
  ['hrnet18', true, 'image', all, int8],
  ['hrnet18', true, 'features', fold, compute],
  ['ocrnet48', true, 'image', [], float32],
  ['ocrnet48', false, 'features', all, int8],
  ['ocrnet48-hms', true, 'features', [], float32],
  ['ocrnet48-hms', true, 'image', all, compute],
])(
  '%s, edge head %s, outputs of %s size, passes %j, %o: the weights are those of the file',
  async (...of) => {
    const [model, edgeHead, outputSize, chosen, options] = of
    const description = { model, numClasses: 7, edgeHead, outputSize, passes: chosen }
    const built = buildModel(model, { ...description, parameters: piece })
    const graph = chosen.reduce((rewritten, pass) => passes[pass](rewritten), built)
    const chunks = await onnxChunks(graph, { ...options, metadata: onnxMetadata(description) })

    const opened = await openModel(chunksSource(chunks), { edgeHead, outputSize, passes: chosen })
    expect(opened).toMatchObject({ model, numClasses: 7, edgeHead })
    const [found, expected] = [constants(opened.graph), constants(graph)]
    const shapes = (values: readonly Constant[]) =>
      values.map(({ attributes: { name }, shape }) => `${name} ${shape}`)
    expect(shapes(found)).toEqual(shapes(expected))
    // Of OCRNet's weights, one in five: names and shapes of the others were compared.
    const step = model.startsWith('ocrnet') ? 5 : 1
    for (let i = 0; i < found.length; i += step) {
      const [values, wanted] = [await found[i].attributes.load(), await stored(expected[i], options)]
      if (Buffer.compare(bytesOf(values), bytesOf(wanted)) !== 0) {
        expect(values, found[i].attributes.name).toEqual(wanted)
      }
    }
  },
)

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) =>
  new Uint8Array(buffer, byteOffset, byteLength)

test.each([float32, float16, int8])(
  'a linear layer, whose codes are transposed, with %o',
  async (options) => {
    const weight = piece('fc.weight', [64, 96])
    const graph = { outputs: { y: linear(input('x', [symbol('N'), 96]), weight, piece('fc.bias', [64])) } }
    const file = new CheckpointFile(bytesSource(await onnxBytes(graph, options)), defaultLimits)
    const inFile = new StoredWeights(file, (await readContents(file)).initializers)
    expect(inFile.neededBy(graph)).toEqual(
      new Map([...inFile.byName].map(([name, { shape }]) => [name, shape])),
    )
    const [bound] = constants(inFile.bind(graph))
    expect(await bound.attributes.load()).toEqual(await stored(weight, options))
  },
)

test('a zero point is taken off the codes of its row', async () => {
  const weight = piece('w', [64, 96, 1, 1])
  const graph = { outputs: { y: conv2d(imageInput('x', 96), weight) } }
  const bytes = await onnxBytes(graph, int8)
  const file = new CheckpointFile(bytesSource(bytes), defaultLimits)
  const inFile = new StoredWeights(file, (await readContents(file)).initializers)
  bytes[inFile.byName.get('w.zero_point')!.data.start + 1] = -5
  const [[bound], { codes, scales }] = [
    constants(inFile.bind(graph)),
    quantize('w', await weight.attributes.load(), { rows: 64, transpose: false }),
  ]
  const expected = Float32Array.from(codes, (code, i) => {
    const row = Math.floor(i / 96)
    return (row === 1 ? code + 5 : code) * scales[row]
  })
  expect(await bound.attributes.load()).toEqual(expected)
})

test('weights are read when they load, and no others', async () => {
  const built = buildModel('hrnet16-slim', { parameters: piece })
  const description = { model: 'hrnet16-slim', numClasses: 19, edgeHead: false, passes: [] } as const
  const bytes = await onnxBytes(built, { metadata: onnxMetadata(description) })
  const source = countReads(bytesSource(bytes))
  const { graph } = await openModel(source, { passes: [] })
  const opening = source.ranges.splice(0)
  expect(Math.max(...opening.map(([start, end]) => end - start))).toBeLessThan(2 ** 15)

  const weight = constants(graph).find(({ shape }) => product(shape as number[]) > 1e5)!
  const values = await weight.attributes.load()
  expect(source.ranges).toHaveLength(1)
  const [[start, end]] = source.ranges
  expect(Buffer.compare(bytes.subarray(start, end), bytesOf(values))).toBe(0)
})

import { isInverseFormError } from '@inverseform/errors'
import { product, seededRandom } from '@inverseform/shared'
import {
  chunksSource,
  imageTensor,
  inferenceCheckpoint,
  onnxBytes,
  relativeError,
} from '@inverseform/testing'
import * as ort from 'onnxruntime-node'
import { describe, expect, test } from 'vitest'
import {
  constant,
  conv2d,
  type Graph,
  graphInputs,
  imageInput,
  passes,
  topologicalOrder,
} from '../../src/graph/index.js'
import {
  type ByteSource,
  buildModel,
  bytesSource,
  type LoadModelOptions,
  loadModel,
  openCheckpoint,
  openModel,
} from '../../src/index.js'
import { buildInverseNet } from '../../src/models/inversenet.js'
import { type EncodeOnnxOptions, type OnnxDescription, onnxMetadata } from '../../src/onnx/index.js'
import { Message } from '../../src/onnx/message.js'
import { modelProto, tensorProto, valueInfoProto } from '../../src/onnx/schema.js'
import { mutate } from '../checkpoint/mutate.js'
import { errorOf, fixture } from '../checkpoint/support.js'

const cases = Number(process.env.FUZZ_CASES ?? 500)
const seed = Number(process.env.FUZZ_SEED ?? 1)

const zeros = (name: string, shape: readonly number[]) =>
  constant(name, shape, async () => new Float32Array(product(shape)))

function graphOf({ model, numClasses, edgeHead, outputSize, passes: run }: OnnxDescription): Graph {
  const built = buildModel(model, { parameters: zeros, numClasses, edgeHead, outputSize })
  return run.reduce((graph, pass) => passes[pass](graph), built)
}

const open = (bytes: Uint8Array, options?: LoadModelOptions) =>
  openModel(bytesSource(bytes, 'slim.onnx'), options)

const slim: OnnxDescription = {
  model: 'hrnet16-slim',
  numClasses: 19,
  edgeHead: true,
  outputSize: 'image',
  passes: ['foldBatchNorm'],
}

describe('an ONNX model gives what its checkpoint gives', () => {
  const checkpoint = inferenceCheckpoint('hrnet16-slim', { edgeHead: true })
  const fromCheckpoint: LoadModelOptions[] = [
    {},
    { edgeHead: true, outputSize: 'image' },
    { edgeHead: true, passes: [] },
    { edgeHead: true, outputSize: 'image', passes: ['foldBatchNorm', 'commuteResize'] },
  ]
  const fromModel: LoadModelOptions[] = [
    {},
    { edgeHead: true, numClasses: 19, model: 'hrnet16-slim' },
    { outputSize: 'image' },
    { edgeHead: true, outputSize: 'image', passes: ['foldBatchNorm', 'commuteResize', 'splitMiscomputed'] },
  ]

  async function convert(options: LoadModelOptions, encode: EncodeOnnxOptions = {}) {
    const loaded = loadModel(checkpoint, options)
    const { outputSize, passes: run } = options
    return onnxBytes(loaded.graph, {
      ...encode,
      metadata: onnxMetadata({ ...loaded, outputSize, passes: run }),
    })
  }

  test.each(fromCheckpoint)('to the byte, converted with %j', async (converted) => {
    const bytes = await convert(converted)
    for (const options of fromModel) {
      if (options.edgeHead && !converted.edgeHead) continue
      // What was converted with more passes than are asked for keeps them.
      const run = [...new Set([...(options.passes ?? ['foldBatchNorm']), ...(converted.passes ?? [])])]
      const expected = loadModel(checkpoint, { ...options, passes: run })
      const opened = await open(bytes, options)
      expect(opened).toMatchObject({
        model: 'hrnet16-slim',
        numClasses: 19,
        edgeHead: options.edgeHead ?? false,
      })
      expect(Buffer.compare(await onnxBytes(opened.graph), await onnxBytes(expected.graph))).toBe(0)
    }
  })

  test('and says which of its weights are not needed', async () => {
    const { report } = await open(await convert({ edgeHead: true }))
    expect(report).toMatchObject({ missing: [], mismatched: [], unexpected: [] })
    expect(report.unused).toEqual(['edgeocr_cls_head.weight', 'edgeocr_cls_head.bias'])
    expect(report.loaded).toContain('backbone.conv1.weight')
    expect(report.loaded).not.toContain('edgeocr_cls_head.bias')
  })

  const image = imageTensor('images', 32, 64)
  async function outputsOf(bytes: Uint8Array): Promise<Record<string, Float32Array>> {
    const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 2 })
    const outputs = await session.run({ image: new ort.Tensor('float32', image.data, image.shape) })
    await session.release()
    return Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, data as Float32Array]))
  }

  // ONNX Runtime makes the weights float32 by its own kernels, and with float16 sums in float16.
  test.each<[EncodeOnnxOptions, number]>([
    [{}, 0],
    [{ precision: 'float16' }, 1e-6],
    [{ precision: 'int8' }, 1e-6],
    [{ compute: 'float16' }, 0.01],
  ])('as ONNX Runtime runs its file, encoded with %o', async (encode, tolerance) => {
    const bytes = await convert({ edgeHead: true, outputSize: 'image' }, encode)
    const { graph } = await open(bytes, { edgeHead: true, outputSize: 'image' })
    const [expected, found] = [await outputsOf(bytes), await outputsOf(await onnxBytes(graph))]
    expect(Object.keys(found)).toEqual(['logits', 'edge'])
    for (const name of ['logits', 'edge']) {
      expect(found[name].length).toBe(expected[name].length)
      expect(relativeError(found[name], expected[name])).toBeLessThanOrEqual(tolerance)
    }
  })

  test('a checkpoint opens as loadModel does it', async () => {
    const file = fixture('checkpoint.zip.pth')
    const checkpointError = await errorOf(async () => loadModel(await openCheckpoint(bytesSource(file))))
    expect((await errorOf(open(file))).message).toBe(checkpointError.message)
  })
})

describe('what cannot be used is refused with what it is', () => {
  const metadata = onnxMetadata(slim)
  const described = (entries: Record<string, string>) =>
    onnxBytes(graphOf(slim), { metadata: entries, weightFile: 'w.bin' })
  const { model: _, ...nameless } = metadata

  test.each<[string, Record<string, string>, string]>([
    ['nothing', {}, 'the metadata of the ONNX model do not name its network'],
    ['no model', nameless, 'the metadata of the ONNX model do not name its network'],
    ['another model', { ...metadata, model: 'deeplab' }, 'name the unknown network "deeplab"'],
    ['a name of every object', { ...metadata, model: 'toString' }, 'name the unknown network "toString"'],
    ['a very long name', { model: 'x'.repeat(1e5) }, `name the unknown network "${'x'.repeat(60)}…"`],
    ['the regressor', { model: 'inversenet' }, 'InverseNet'],
    ['classes missing', { model: 'hrnet18' }, '"classes" of the ONNX model\'s metadata is missing'],
    [
      'classes that are no number',
      { ...metadata, classes: '19.5' },
      '"classes" of the ONNX model\'s metadata is "19.5"',
    ],
    [
      'an edge that is neither',
      { ...metadata, edge: 'constructor' },
      '"edge" of the ONNX model\'s metadata is "constructor"',
    ],
    ['a size', { ...metadata, outputSize: 'half' }, '"outputSize" of the ONNX model\'s metadata is "half"'],
    ['a pass', { ...metadata, passes: 'foldBatchNorm,prune' }, '"passes" of the ONNX model\'s metadata is'],
    [
      'passes run twice',
      { ...metadata, passes: 'mergeStem,mergeStem' },
      '"passes" of the ONNX model\'s metadata is',
    ],
    [
      'another edge',
      { ...metadata, edge: 'false' },
      'its inputs and outputs are "image [N, 3, H, W]", "logits [N, 19, H, W]", "edge',
    ],
    [
      'other classes',
      { ...metadata, classes: '7' },
      'by its metadata they should be "image [N, 3, H, W]", "logits [N, 7, H, W]"',
    ],
    ['another output size', { ...metadata, outputSize: 'features' }, 'floor((H + 6) / 8)'],
  ])('metadata that say: %s', async (_, entries, message) => {
    const error = await errorOf(open(await described(entries)))
    expect(error.code).toBe('invalid-checkpoint')
    expect(error.message).toContain(message)
    expect(error.message).toMatch(/^slim\.onnx: /)
    expect(error.hint).toContain('`inverseform convert`')
  })

  test('other files', async () => {
    const inverseNet = await onnxBytes(buildInverseNet(zeros), {
      metadata: { model: 'inversenet' },
      weightFile: 'w.bin',
    })
    const other = await onnxBytes(
      { outputs: { y: conv2d(imageInput('image', 3), zeros('w', [4, 3, 1, 1])) } },
      { metadata },
    )
    for (const [bytes, message] of [
      [inverseNet, 'slim.onnx: this is InverseNet, the InverseForm regressor.'],
      [other, 'slim.onnx: its inputs and outputs are "image [N, 3, H, W]", "y [N, 4, H, W]", but'],
      [new Uint8Array(), 'slim.onnx: this is an empty file.'],
      [new TextEncoder().encode('<!doctype html>'), 'slim.onnx: this is an HTML or XML page'],
      [await described(metadata), 'slim.onnx: the ONNX model\'s weights are in another file, "w.bin".'],
    ] as const) {
      const error = await errorOf(open(bytes))
      expect(error.code).toBe('invalid-checkpoint')
      expect(error.message).toContain(message)
    }
  })

  test('as a checkpoint, an ONNX model of ours points to openModel', async () => {
    const ours = await described(metadata)
    await expect(openCheckpoint(bytesSource(ours, 'slim.onnx'))).rejects.toMatchObject({
      code: 'invalid-checkpoint',
      message: expect.stringMatching(
        /^slim\.onnx: this is an ONNX model of hrnet16-slim that InverseForm wrote, not a checkpoint: inverseform, opset 17, from "image \[N, 3, H, W\]" to "logits \[N, 19, H, W\]", "edge \[N, 1, H, W\]", \d+ tensors\.$/,
      ),
      hint: expect.stringContaining('openModel'),
    })
  })

  test.each<[string, LoadModelOptions, string, string]>([
    [
      'model',
      { model: 'hrnet18' },
      ', not an ONNX model of hrnet18 with its edge head, 19 classes.',
      "`model: 'hrnet16-slim'`",
    ],
    ['number of classes', { numClasses: 7 }, 'with its edge head, 7 classes.', 'has 19 classes'],
  ])('another %s asked for', async (_, options, message, hint) => {
    const error = await errorOf(open(await described(metadata), options))
    expect(error.code).toBe('checkpoint-mismatch')
    expect(error.message).toMatch(/^slim\.onnx: this is /)
    expect(error.message).toContain(message)
    expect(error.message).toContain(
      'this is an ONNX model of hrnet16-slim with its edge head, 19 classes, not',
    )
    expect(error.hint).toContain(hint)
  })

  test('an edge head that is not there, and a model that does not exist', async () => {
    const without = { ...slim, edgeHead: false }
    const bytes = await onnxBytes(graphOf(without), { metadata: onnxMetadata(without), weightFile: 'w.bin' })
    const error = await errorOf(open(bytes, { edgeHead: true }))
    expect(error.code).toBe('checkpoint-mismatch')
    expect(error.message).toBe(
      'slim.onnx: this is an ONNX model of hrnet16-slim, 19 classes, not an ONNX model of hrnet16-slim with its edge head, 19 classes.',
    )
    expect(error.hint).toContain('Load it without the edge head')
    const options = { model: 'deeplab' } as unknown as LoadModelOptions
    expect((await errorOf(open(bytes, options))).message).toBe('The model "deeplab" is unknown.')
  })

  test.each<[string, (weights: Weight[]) => Weight[], string, string]>([
    ['missing', ([, ...others]) => others, '1 tensor is missing (backbone.', 'checkpoint-mismatch'],
    [
      'of another shape',
      ([first, ...others]) => [{ ...first, shape: first.shape.toReversed() }, ...others],
      '1 tensor has another shape (backbone.conv0.weight is [2,2,3,3], not [3,3,2,2])',
      'checkpoint-mismatch',
    ],
    [
      'more than needed',
      (all) => [...all, { ...all[0], name: 'x'.repeat(1e5) }, { ...all[0], name: 'y' }],
      `it has 2 more tensors ("${'x'.repeat(60)}…", "y").`,
      'checkpoint-mismatch',
    ],
    [
      'of another type',
      ([first, ...others]) => [{ ...first, type: 'int8' }, ...others],
      'the weight "backbone.conv0.weight" of the ONNX model has 144 bytes for int8 [3,3,2,2].',
      'invalid-checkpoint',
    ],
    [
      'quantized without its scales',
      ([first, ...others]) => [{ ...first, type: 'int8', itemSize: 1 }, ...others],
      '2 tensors are missing (backbone.conv0.weight.scale, backbone.conv0.weight.zero_point)',
      'checkpoint-mismatch',
    ],
    [
      'shorter than its shape',
      ([first, ...others]) => [{ ...first, itemSize: 3 }, ...others],
      'has 108 bytes for float32 [3,3,2,2].',
      'invalid-checkpoint',
    ],
  ])('a weight that is %s', async (_, change, message, code) => {
    const error = await errorOf(openModel(withZeros(pieces(change(weightsOf(graphOf(slim)))))))
    expect(error).toMatchObject({ code, hint: expect.stringContaining('`inverseform convert`') })
    expect(error.message).toContain('slim.onnx')
    expect(error.message).toContain(message)
  })

  test('a truncated file', async () => {
    const whole = await described(metadata)
    for (const length of [20, 1000, whole.length - 200, whole.length - 1]) {
      expect((await errorOf(open(whole.subarray(0, length)))).message).toMatch(
        /^slim\.onnx: the ONNX model is damaged: it has .*(bytes are left|a truncated number)\.$/,
      )
    }
  })
})

test('numbers and fields of all kinds that Protocol Buffers knows are stepped over', async () => {
  const whole = await onnxBytes(graphOf(slim), { metadata: onnxMetadata(slim) })
  // Field 100 as fixed64, field 101 as fixed32, field 5 as a negative int64 of ten bytes.
  const more = [0xa1, 6, 1, 2, 3, 4, 5, 6, 7, 8, 0xad, 6, 1, 2, 3, 4, 0x28, ...new Array(9).fill(0xff), 1]
  const withMore = (bytes: number[]) => openModel(chunksSource([whole, Uint8Array.from(bytes)]))
  expect(await withMore(more)).toMatchObject({ model: 'hrnet16-slim' })
  expect((await errorOf(withMore([0x0b]))).message).toContain('a field of the wire type 3')
  const endless = [0x28, ...new Array(10).fill(0xff), 1]
  expect((await errorOf(withMore(endless))).message).toContain('a number of more than 10 bytes')
  const many = new Array(2e6).fill([0x28, 0]).flat()
  expect((await errorOf(withMore(many))).message).toContain('more than 1000000 fields')
})

interface Weight {
  readonly name: string
  readonly shape: readonly number[]
  readonly type: 'float32' | 'float16' | 'int8'
  /** Bytes of a value, for files that lie as well. */
  readonly itemSize: number
}

function weightsOf(graph: Graph): Weight[] {
  const constants = topologicalOrder(graph).filter((value) => value.op === 'constant')
  return constants.map(({ attributes: { name }, shape }) => {
    return { name, shape: shape as readonly number[], type: 'float32', itemSize: 4 }
  })
}

/** A model in pieces, a number where as many zeros go. Most bytes of a real one are nodes: this has none. */
function pieces(weights: readonly Weight[]): (Uint8Array | number)[] {
  const proto = new Message().string(2, 'inverseform')
  const graph = graphOf(slim)
  for (const { name, shape, type, itemSize } of weights) {
    const byteLength = itemSize * product(shape)
    const load = async () => new Uint8Array(byteLength)
    proto.message(5, tensorProto(name, shape, type, { byteLength, load }))
  }
  for (const { attributes, shape } of graphInputs(graph)) {
    proto.message(11, valueInfoProto(attributes.name, shape))
  }
  for (const [name, { shape }] of Object.entries(graph.outputs)) {
    proto.message(12, valueInfoProto(name, shape))
  }
  const { chunks } = modelProto(proto, 'inverseform', 17, onnxMetadata(slim))
  return chunks.map((chunk) => (chunk instanceof Uint8Array ? chunk : chunk.byteLength))
}

const noughts = new Uint8Array(2 ** 21)
function withZeros(parts: readonly (Uint8Array | number)[]): ByteSource {
  const chunks: Uint8Array[] = []
  for (const part of parts) {
    if (typeof part === 'number') chunks.push(noughts.subarray(0, part), new Uint8Array())
    else chunks.push(Buffer.concat([chunks.pop() ?? part.subarray(0, 0), part]))
  }
  return chunksSource(chunks, 'slim.onnx')
}

/**
 * Damages what is between the weights' values: all of it, or a piece (a number, a name) whose length stays, so that
 * what comes after it is understood.
 */
function damage(parts: readonly (Uint8Array | number)[], next: () => number): (Uint8Array | number)[] {
  const below = (limit: number) => Math.floor(next() * limit)
  // One time in four each: anywhere; in the outputs and metadata, at the end; in a piece of those; in a piece anywhere.
  const start = below(2) === 0 ? 0 : parts.length - 100
  if (below(2) === 0) {
    const at = start + below(parts.length - start)
    const part = parts[at]
    if (typeof part === 'number') return damage(parts, next)
    const damaged = new Uint8Array(part.length)
    damaged.set(mutate(part, next).subarray(0, part.length))
    return parts.with(at, damaged)
  }
  const damaged = mutate(Buffer.concat(parts.slice(start).filter((part) => typeof part !== 'number')), next)
  let [from, to] = [0, 0]
  const result = parts.slice(start).map((part) => {
    if (typeof part === 'number') return part
    ;[from, to] = [to, to + part.length]
    return damaged.subarray(from, to)
  })
  return [...parts.slice(0, start), ...result, damaged.subarray(to)]
}

test('every file ends in a result or an InverseFormError', async () => {
  const weights = weightsOf(graphOf(slim)).flatMap((weight, i): Weight[] => {
    if (i % 3 === 0) return [weight]
    if (i % 3 === 1) return [{ ...weight, type: 'float16', itemSize: 2 }]
    const perRow = { ...weight, shape: weight.shape.slice(0, 1) }
    return [
      { ...weight, type: 'int8', itemSize: 1 },
      { ...perRow, name: `${weight.name}.scale` },
      { ...perRow, name: `${weight.name}.zero_point`, type: 'int8', itemSize: 1 },
    ]
  })
  const whole = pieces(weights)
  expect(await openModel(withZeros(whole), { edgeHead: true })).toMatchObject({
    model: 'hrnet16-slim',
    edgeHead: true,
  })

  const next = seededRandom(seed)
  const counts = { read: 0, 'checkpoint-mismatch': 0, 'invalid-checkpoint': 0, damaged: 0 }
  for (let i = 0; i < cases; i++) {
    const damaged = damage(whole, next)
    try {
      const { graph } = await openModel(withZeros(damaged))
      const weights = topologicalOrder(graph).filter((value) => value.op === 'constant')
      for (const { attributes, shape } of weights) {
        const elements = product(shape as number[])
        if (elements < 1e4) expect(await attributes.load()).toHaveLength(elements)
      }
      counts.read++
    } catch (error) {
      if (!isInverseFormError(error)) throw new Error(`case ${i} of seed ${seed}`, { cause: error })
      // What a file holds must not flood the message.
      expect(error.message.length).toBeLessThan(1000)
      const { code, message } = error
      if (code !== 'checkpoint-mismatch') expect(code).toBe('invalid-checkpoint')
      counts[message.includes('damaged') ? 'damaged' : (code as 'checkpoint-mismatch')]++
    }
  }
  // Each side is reached: damage that changes nothing, weights that are not those of the metadata, what the metadata or
  // the types of weights do not allow, what Protocol Buffers does not.
  expect(counts.read).toBeGreaterThan(cases / 20)
  expect(counts['checkpoint-mismatch']).toBeGreaterThan(cases / 50)
  expect(counts['invalid-checkpoint']).toBeGreaterThan(cases / 20)
  expect(counts.damaged).toBeGreaterThan(cases / 10)
})

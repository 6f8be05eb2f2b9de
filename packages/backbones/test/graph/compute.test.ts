import { seededRandom } from '@inverseform/shared'
import {
  deterministicSource,
  type FloatTensor,
  goldenOutputs,
  imageTensor,
  randomValues,
  relativeError,
} from '@inverseform/testing'
import * as ort from 'onnxruntime-node'
import { describe, expect, test } from 'vitest'
import {
  constant,
  conv2d,
  flattenSpatial,
  type Graph,
  imageInput,
  input,
  linear,
  matmul,
  type PassName,
  passes,
  relu,
  softmax,
  symbol,
  transpose,
} from '../../src/graph/index.js'
import { buildModel, memorySink } from '../../src/index.js'
import { type EncodeOnnxOptions, encodeOnnx, type Writable } from '../../src/onnx/index.js'
import { type Message, messages, numbers, parseMessage, strings } from '../support/protobuf.js'

const [FLOAT32, INT64, FLOAT16] = [1, 7, 10]
const allPasses = ['foldBatchNorm', 'commuteResize', 'splitConcat', 'splitHidden'] as const

function model(
  name: 'hrnet16-slim' | 'ocrnet48',
  chain: readonly PassName[] = ['foldBatchNorm'],
  outputSize: 'features' | 'image' = 'features',
): Graph {
  const built = buildModel(name, { parameters: deterministicSource(), edgeHead: true, outputSize })
  return chain.reduce((graph, pass) => passes[pass](graph), built)
}

async function bytesOf(writable: Writable): Promise<Uint8Array> {
  const sink = memorySink(writable.byteLength)
  await writable.write(sink)
  return sink.finish()
}

async function run(graph: Graph, options: EncodeOnnxOptions, feeds: Record<string, FloatTensor>) {
  const bytes = await bytesOf(encodeOnnx(graph, options))
  const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 2 })
  const inputs = Object.entries(feeds).map(([name, { data, shape }]) => [
    name,
    new ort.Tensor('float32', data, shape),
  ])
  const outputs = await session.run(Object.fromEntries(inputs))
  await session.release()
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { data, dims, type }]) => {
      expect(type).toBe('float32')
      return [name, { data: data as Float32Array, shape: dims }]
    }),
  ) as Record<string, FloatTensor>
}

interface Node {
  readonly type: string
  readonly inputs: readonly string[]
  readonly output: string
  /** Element type of the output, found by the rules of the operators that are used. */
  readonly element: number
}

/** The nodes of a model in order, their element types inferred from its inputs and weights. */
function typedNodes(graph: Message): Node[] {
  const types = new Map<string, number>()
  for (const tensor of messages(graph, 5)) types.set(strings(tensor, 8)[0], numbers(tensor, 2)[0])
  for (const info of messages(graph, 11)) types.set(strings(info, 1)[0], FLOAT32)
  return messages(graph, 1).map((node) => {
    const [type, output, inputs] = [strings(node, 4)[0], strings(node, 2)[0], strings(node, 1)]
    const to = messages(node, 5).find((attribute) => strings(attribute, 1)[0] === 'to')
    const first = types.get(inputs[0]) as number
    const element = type === 'Shape' ? INT64 : to ? numbers(to, 3)[0] : first
    types.set(output, element)
    // What comes second to these are sizes.
    const data = ['Reshape', 'Resize', 'Unsqueeze', 'Slice'].includes(type) ? inputs.slice(0, 1) : inputs
    expect(new Set(data.map((name) => types.get(name))), `${type} ${output}`).toEqual(new Set([first]))
    return { type, inputs, output, element }
  })
}

/** Encoded without its weights, whose types are in the model all the same. */
async function encodedGraph(graph: Graph): Promise<Message> {
  const encoded = encodeOnnx(graph, { compute: 'float16', weightFile: 'w.bin' })
  return messages(parseMessage(await bytesOf(encoded)), 7)[0]
}
const casts = (nodes: readonly Node[]) => nodes.filter(({ type }) => type === 'Cast')

describe('a network that computes in float16', () => {
  test('has float16 weights, and one cast of each input and output', async () => {
    for (const chain of [['foldBatchNorm'], allPasses, []] as const) {
      const graph = await encodedGraph(model('hrnet16-slim', chain))
      const types = messages(graph, 5).map((tensor) => numbers(tensor, 2)[0])
      expect(types.filter((type) => type === FLOAT16).length).toBeGreaterThan(200)
      expect(types.filter((type) => type !== FLOAT16 && type !== INT64)).toEqual([])
      const nodes = typedNodes(graph)
      expect(
        casts(nodes).map(({ inputs, output, element }) => [inputs[0] === 'image', output, element]),
      ).toEqual([
        [true, expect.any(String), FLOAT16],
        [false, 'logits', FLOAT32],
        [false, 'edge', FLOAT32],
      ])
      for (const { type, element } of nodes) {
        if (!['Cast', 'Shape'].includes(type)) expect([FLOAT16, INT64]).toContain(element)
      }
    }
  })

  test('sums over the whole image in float32, half of the pixel features at a time', async () => {
    const nodes = typedNodes(await encodedGraph(model('ocrnet48', allPasses)))
    const float32 = nodes.filter(
      ({ element, output }) => element === FLOAT32 && output !== 'logits' && output !== 'edge',
    )
    expect(float32.map(({ type }) => type)).toEqual([
      'Cast',
      'Softmax',
      'Transpose',
      ...['Cast', 'MatMul', 'Cast', 'MatMul'],
      'Concat',
      'Unsqueeze',
    ])
    // Those, the image, the objects back to float16, and two outputs.
    expect(casts(nodes)).toHaveLength(3 + 1 + 1 + 2)
  })

  test.each(['hrnet16-slim', 'ocrnet48'] as const)('%s gives nearly the published outputs', async (name) => {
    const golden = await goldenOutputs(name, '32x64')
    const graph = model(name, allPasses, 'image')
    const outputs = await run(graph, { compute: 'float16' }, { image: imageTensor('images', 32, 64) })
    for (const [output, expected] of Object.entries({ logits: golden.pred, edge: golden.edge_pred })) {
      expect(outputs[output].shape).toEqual(expected.shape)
      const error = relativeError(outputs[output].data, expected.data)
      expect(error, output).toBeLessThan(4e-3)
      // float32 is within 1e-6.
      expect(error, output).toBeGreaterThan(1e-5)
    }
  })

  test('of odd numbers of rows multiplies all of them', async () => {
    const features = conv2d(imageInput('image', 3), deterministicSource()('w', [5, 3, 1, 1]))
    const pixels = flattenSpatial(features)
    const share = softmax(pixels, 2)
    const graph: Graph = {
      outputs: { y: relu(matmul(pixels, transpose(share, 0, 2, 1))), share, again: share, raw: pixels },
    }
    const image = imageTensor('x', 33, 21, 2)
    const [expected, outputs] = [
      await run(graph, {}, { image }),
      await run(graph, { compute: 'float16' }, { image }),
    ]
    for (const name of Object.keys(expected)) {
      expect(outputs[name].shape).toEqual(expected[name].shape)
      expect(relativeError(outputs[name].data, expected[name].data)).toBeLessThan(3e-3)
    }
    expect(outputs.again).toEqual(outputs.share)
    // In float16 a share of 2^-10 would be rounded to 2^-21; its sum stays one to float32's rounding.
    const sum = outputs.share.data.subarray(0, 33 * 21).reduce((a, b) => a + b, 0)
    expect(Math.abs(sum - 1)).toBeLessThan(1e-5)
  })

  test('may have linear layers, and may give its input or a weight as an output', async () => {
    const source = deterministicSource()
    const x = input('x', [symbol('N'), 700])
    const y = linear(x, source('fc.weight', [50, 700]), source('fc.bias', [50]))
    const graph: Graph = { outputs: { y, same: x, bias: source('fc.bias', [50]) } }
    const feeds = { x: { data: randomValues(seededRandom(12), 3 * 700), shape: [3, 700] } }
    const [expected, outputs] = [await run(graph, {}, feeds), await run(graph, { compute: 'float16' }, feeds)]
    for (const name of ['y', 'bias']) {
      const error = relativeError(outputs[name].data, expected[name].data)
      expect(error, name).toBeLessThan(2e-3)
      expect(error, name).toBeGreaterThan(1e-6)
    }
    expect(outputs.same).toEqual(expected.same)
  })

  test('says so in its metadata', async () => {
    const encoded = encodeOnnx(model('hrnet16-slim'), {
      compute: 'float16',
      metadata: { a: 'b' },
      weightFile: 'w',
    })
    const entries = messages(parseMessage(await bytesOf(encoded)), 14)
    expect(entries.map((entry) => [strings(entry, 1)[0], strings(entry, 2)[0]])).toEqual([
      ['a', 'b'],
      ['compute', 'float16'],
    ])
  })
})

test.each(['float32', 'int8'] as const)('weights in %s do not go with computing in float16', (precision) => {
  const graph = model('hrnet16-slim')
  expect(() => encodeOnnx(graph, { compute: 'float16', precision })).toThrow(
    expect.objectContaining({ code: 'invalid-argument', hint: expect.stringContaining('`precision`') }),
  )
  expect(encodeOnnx(graph, { compute: 'float16', precision: 'float16' }).byteLength).toBe(
    encodeOnnx(graph, { compute: 'float16' }).byteLength,
  )
})

test('a bias beyond float16 is refused when it is written', async () => {
  const bias = constant('head.bias', [2], async () => Float32Array.of(0, 7e4))
  const graph = {
    outputs: { y: conv2d(imageInput('image', 3), deterministicSource()('w', [2, 3, 1, 1]), bias) },
  }
  await expect(bytesOf(encodeOnnx(graph, { compute: 'float16' }))).rejects.toMatchObject({
    code: 'limit-exceeded',
    details: { name: 'head.bias', value: 7e4, precision: 'float16' },
  })
})

import { inferenceCheckpoint } from '@inverseform/testing'
import { describe, expect, test } from 'vitest'
import { topologicalOrder } from '../../src/graph/value.js'
import {
  bytesSource,
  type Checkpoint,
  type DType,
  loadModel,
  memorySink,
  openModel,
  type TensorData,
} from '../../src/index.js'
import { weightValues } from '../../src/models/weight-values.js'
import { encodeOnnx, onnxMetadata } from '../../src/onnx/index.js'
import { errorOf } from '../checkpoint/support.js'

/** The checkpoint with one value of a tensor replaced. */
function withValue(checkpoint: Checkpoint, name: string, index: number, value: number): Checkpoint {
  const tensor = checkpoint.tensors.get(name)!
  const read = async (): Promise<TensorData> => {
    const { dtype, shape, data } = await tensor.read()
    const changed = Float32Array.from(data as Float32Array)
    changed[index] = value
    return { dtype, shape, data: changed }
  }
  return { ...checkpoint, tensors: new Map([...checkpoint.tensors, [name, { ...tensor, read }]]) }
}

async function loadAll({ graph }: ReturnType<typeof loadModel>): Promise<void> {
  for (const value of topologicalOrder(graph)) if (value.op === 'constant') await value.attributes.load()
}

const whole = inferenceCheckpoint('hrnet16-slim')
const conv1 = 'backbone.conv1.weight'

describe('a weight of a network', () => {
  test.each([
    [conv1, 14, Number.NaN, '[0, 1, 1, 2]', 'NaN'],
    [conv1, 0, Number.POSITIVE_INFINITY, '[0, 0, 0, 0]', 'Infinity'],
    [conv1, 1, Number.NEGATIVE_INFINITY, '[0, 0, 0, 1]', '-Infinity'],
    [conv1, 1, Math.fround(1e38), '[0, 0, 0, 1]', '1e+38'],
    ['backbone.bn1.weight', 3, Number.NaN, '[3]', 'NaN'],
    ['backbone.bn1.running_mean', 3, -1e30, '[3]', '-1e+30'],
    ['backbone.bn1.running_var', 5, -1, '[5]', '-1'],
    ['hrhead.last_layer.2.weight', 2279, Number.NaN, '[18, 119, 0, 0]', 'NaN'],
  ])('%s: %d is %d', async (name, index, value, position, text) => {
    for (const passes of [undefined, []] as const) {
      const error = await errorOf(loadAll(loadModel(withValue(whole, name, index, value), { passes })))
      expect(error.code).toBe('invalid-checkpoint')
      expect(error.message).toContain(
        `The weight "${name}" has the value ${text} at index ${position.replaceAll(' ', '')}.`,
      )
      expect(error.details).toEqual({ name, index: JSON.parse(position), value: Math.fround(value) })
      expect(error.hint).toContain('use an earlier checkpoint')
    }
  })

  test('may be large, and a variance may be as slightly negative as rounding makes it', async () => {
    await loadAll(loadModel(withValue(whole, conv1, 0, 1e15)))
    await loadAll(loadModel(withValue(whole, 'backbone.bn1.running_var', 0, -1e-6)))
  })

  test('is named as the checkpoint names it', async () => {
    const tensors = [...withValue(whole, conv1, 0, Number.NaN).tensors.values()].map(
      (tensor) => [`module.${tensor.name}`, { ...tensor, name: `module.${tensor.name}` }] as const,
    )
    const error = await errorOf(loadAll(loadModel({ ...whole, tensors: new Map(tensors) })))
    expect(error.message).toContain('"module.backbone.conv1.weight"')
  })

  test('of an ONNX model', async () => {
    const loaded = loadModel(whole)
    const model = encodeOnnx(loaded.graph, { metadata: onnxMetadata(loaded) })
    const sink = memorySink(model.byteLength)
    await model.write(sink)
    const bytes = sink.finish()
    await loadAll(await openModel(bytesSource(bytes)))
    const weight = topologicalOrder(loaded.graph).find(
      (v) => v.op === 'constant' && v.attributes.name === conv1,
    )
    const values = await (weight as Extract<typeof weight, { op: 'constant' }>).attributes.load()
    const at = Buffer.from(bytes.buffer).indexOf(Buffer.from(values.buffer, values.byteOffset, 64))
    new DataView(bytes.buffer).setFloat32(at + 4, Number.NaN, true)
    const error = await errorOf(openModel(bytesSource(bytes)).then(loadAll))
    expect(error.message).toContain(`The weight "${conv1}" has the value NaN at index [0,0,0,1].`)
  })
})

test.each<[DType, TensorData['data'], string]>([
  ['float16', Uint16Array.of(0x3c00, 0x7c00), 'Infinity at index [1]'],
  ['float16', Uint16Array.of(0x3c00, 0xfe00), 'NaN at index [1]'],
  ['bfloat16', Uint16Array.of(0x3f80, 0x7f80), 'Infinity at index [1]'],
  ['bfloat16', Uint16Array.of(0x7e96, 0x3f80), 'at index [0]'],
  ['float64', Float64Array.of(1, 1e300), '1e+300 at index [1]'],
])('%s values are checked', async (dtype, data, message) => {
  const error = await errorOf(() => weightValues('w', { dtype, shape: [2], data }))
  expect(error.message).toContain(message)
})

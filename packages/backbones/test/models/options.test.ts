import { deterministicSource, inferenceCheckpoint, onnxBytes } from '@inverseform/testing'
import { expect, test } from 'vitest'
import {
  type BuildModelOptions,
  buildModel,
  bytesSource,
  type LoadModelOptions,
  loadModel,
  openModel,
} from '../../src/index.js'
import { onnxMetadata } from '../../src/onnx/index.js'
import { errorOf } from '../checkpoint/support.js'

const checkpoint = inferenceCheckpoint('hrnet16-slim')

test.each<[object | null, string]>([
  [null, '`options` must be an object'],
  [{ passes: 'foldBatchNorm' }, '`passes` must be an array of pass names'],
  [{ passes: ['mergeStem', 'prune'] }, '`passes[1]` must be one of'],
  [{ outputSize: 'full' }, '`outputSize` must be one of'],
  [{ edgeHead: 'yes' }, '`edgeHead` must be true or false'],
  [{ numClasses: '19' }, '`numClasses` must be an integer'],
  [{ numClasses: 0 }, '`numClasses` must be an integer'],
])('loadModel and openModel refuse %o', async (options, message) => {
  for (const load of [
    () => loadModel(checkpoint, options as LoadModelOptions),
    openModel(bytesSource(new Uint8Array(4)), options as LoadModelOptions),
  ]) {
    const error = await errorOf(load)
    expect(error.code).toBe('invalid-argument')
    expect(error.message).toContain(message)
  }
})

test.each<[object, string]>([
  [{}, '`parameters` must be a function'],
  [{ edgeHead: 1 }, '`edgeHead` must be true or false'],
  [{ outputSize: 'x' }, '`outputSize` must be one of'],
])('buildModel refuses %o', async (options, message) => {
  const given = 'edgeHead' in options || 'outputSize' in options
  const all = { ...(given && { parameters: deterministicSource() }), ...options } as BuildModelOptions
  expect((await errorOf(() => buildModel('hrnet18', all))).message).toContain(message)
})

test.each([undefined, 'model.pth', new Uint8Array(10), {}])(
  'openModel refuses the source %o',
  async (source) => {
    const error = await errorOf(openModel(source as never))
    expect(error.code).toBe('invalid-argument')
    expect(error.message).toContain('`source` must be')
  },
)

test('a key is for checkpoints', async () => {
  const loaded = loadModel(checkpoint)
  const bytes = await onnxBytes(loaded.graph, { metadata: onnxMetadata(loaded) })
  const error = await errorOf(openModel(bytesSource(bytes), { key: 'model' }))
  expect(error).toMatchObject({ code: 'invalid-argument', hint: 'An ONNX model holds one network.' })
})

import { checkpointOf, inferenceCheckpoint } from '@inverseform/testing'
import { describe, expect, test } from 'vitest'
import { safetensorsByteLength } from '../../src/checkpoint/write-safetensors.js'
import {
  bytesSource,
  type Checkpoint,
  type CheckpointTensor,
  identifyModel,
  loadInverseNet,
  loadModel,
  memorySink,
  openModel,
  requiredParameters,
  type WritableTensor,
  writeSafetensors,
} from '../../src/index.js'
import { errorOf } from '../checkpoint/support.js'

function join(...checkpoints: Checkpoint[]): Checkpoint {
  const tensors = checkpoints.flatMap(({ tensors }) => [...tensors.values()])
  return { ...checkpoints[0], tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])) }
}

function renamed(checkpoint: Checkpoint, rename: (name: string) => string | undefined): Checkpoint {
  const tensors = [...checkpoint.tensors.values()].flatMap((tensor): CheckpointTensor[] => {
    const name = rename(tensor.name)
    return name === undefined ? [] : [{ ...tensor, name }]
  })
  return { ...checkpoint, tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])) }
}

const prefixed = (checkpoint: Checkpoint, prefix: string) => renamed(checkpoint, (name) => prefix + name)

const slim = inferenceCheckpoint('hrnet16-slim')
const beside = checkpointOf([
  ['criterion.weight', [19]],
  ['criterion.inverse.fc.0.weight', [3, 5]],
  ['epoch', []],
])
const names = [...requiredParameters('hrnet16-slim').keys()]

describe('one prefix is removed', () => {
  test.each([
    '_orig_mod.',
    'net.',
    'network.',
    'segmentor.',
    'model.model.',
    'module._orig_mod.',
    'net.module.',
    'state.net.segmentor.model.',
    'model.net.backbone.',
    'ema_model.module.',
  ])('%s', (prefix) => {
    const { model, numClasses, report } = loadModel(join(beside, prefixed(slim, prefix)))
    expect({ model, numClasses }).toEqual({ model: 'hrnet16-slim', numClasses: 19 })
    expect(report.loaded).toEqual(names.map((name) => prefix + name))
    expect([...report.unexpected].sort()).toEqual([...beside.tensors.keys()].sort())
  })

  test.each([
    ['_orig_mod. within names', (name: string) => name.replace('backbone.', 'backbone._orig_mod.')],
    ['wrappers within names', (name: string) => name.replace('stage4.0.', 'stage4.0._fsdp_wrapped_module.')],
    ['module. within names', (name: string) => `net.${name.replace('backbone.', 'backbone.module.')}`],
    ['without backbone.', (name: string) => `net.${name.replace(/^backbone\./, '')}`],
  ])('%s', (_, rename) => {
    expect(loadModel(renamed(slim, rename)).report.loaded).toEqual(names.map(rename))
  })

  test('of all models', () => {
    for (const model of ['hrnet18', 'ocrnet48', 'ocrnet48-hms'] as const) {
      const checkpoint = prefixed(inferenceCheckpoint(model, { edgeHead: true, numClasses: 35 }), 'net.')
      expect(loadModel(checkpoint, { edgeHead: true })).toMatchObject({ model, numClasses: 35 })
    }
    const regressor = checkpointOf([
      ...[0, 2, 4].map((layer, i) => [`inverse.fc.${layer}.bias`, [[1000], [32], [4]][i]] as const),
      ['inverse.fc.0.weight', [1000, 2 * 224 ** 2]],
      ['inverse.fc.2.weight', [32, 1000]],
      ['inverse.fc.4.weight', [4, 32]],
    ])
    expect(identifyModel(regressor)).toBe('inversenet')
    expect(loadInverseNet(regressor).report.loaded).toHaveLength(6)
    // The larger network is meant: the regressor is part of its loss.
    expect(loadModel(join(regressor, prefixed(slim, 'net.'))).model).toBe('hrnet16-slim')
  })

  test('a named model is searched for as well', () => {
    const { report } = loadModel(prefixed(slim, 'net.'), { model: 'hrnet16-slim' })
    expect(report.loaded).toHaveLength(names.length)
  })
})

test('names without a prefix are preferred', () => {
  const { report } = loadModel(join(prefixed(slim, 'ema.'), prefixed(slim, 'model.')))
  expect(report.loaded[0]).toBe(`model.${names[0]}`)
  expect(report.unexpected).toHaveLength(names.length)
})

test('two networks are refused, and both are named', async () => {
  const both = join(prefixed(slim, 'student.'), prefixed(slim, 'teacher.'))
  for (const options of [{}, { model: 'hrnet16-slim' }] as const) {
    const error = await errorOf(() => loadModel(both, options))
    expect(error).toMatchObject({
      code: 'checkpoint-mismatch',
      message:
        'The checkpoint holds 2 networks of hrnet16-slim, with the prefixes "student." and "teacher.".',
      hint: 'Choose one: pass its prefix as `key`, such as "student".',
      details: { prefixes: ['student.', 'teacher.'] },
    })
  }
})

test('a key chooses one of two networks', async () => {
  const both = join(prefixed(slim, 'student.'), prefixed(slim, 'teacher.'))
  const tensors = [...both.tensors.values()] as WritableTensor[]
  const sink = memorySink(safetensorsByteLength(tensors))
  await writeSafetensors(tensors, sink)
  const source = bytesSource(sink.finish())
  expect((await openModel(source, { key: 'teacher' })).report.loaded).toEqual(names)
  expect((await errorOf(openModel(source))).hint).toContain('`key`')
})

describe('the closest model is named', () => {
  test('with what is missing and has other shapes', async () => {
    const incomplete = renamed(slim, (name) => (name.includes('transition3') ? undefined : `net.${name}`))
    const conv1 = incomplete.tensors.get('net.backbone.conv1.weight')!
    const tensors = new Map([...incomplete.tensors, [conv1.name, { ...conv1, shape: [64, 6, 3, 3] }]])
    const error = await errorOf(() => loadModel({ ...incomplete, tensors }))
    expect(error.code).toBe('checkpoint-mismatch')
    expect(error.message).toBe(
      'The checkpoint fits no known model. The closest is hrnet16-slim with the prefix "net.": 5 tensors are missing (backbone.transition3.3.0.0.weight, backbone.transition3.3.0.1.weight, backbone.transition3.3.0.1.bias, …); 1 tensor has another shape (net.backbone.conv1.weight is [64,6,3,3], not [64,3,3,3]).',
    )
    expect(error.details.closest).toBe('hrnet16-slim')
  })

  test('also when the classifier is missing', async () => {
    const error = await errorOf(() =>
      loadModel(renamed(slim, (name) => (/^hrhead/.test(name) ? undefined : name))),
    )
    expect(error.message).toMatch(/The closest is hrnet16-slim: 6 tensors are missing \(hrhead\./)
  })
})

test('many names are searched in little time', async () => {
  const many = checkpointOf(
    Array.from({ length: 50_000 }, (_, i) => [`${'a.'.repeat(i % 40)}p${i}.conv1.weight`, [1]] as const),
  )
  const started = performance.now()
  expect((await errorOf(() => loadModel(many))).code).toBe('checkpoint-mismatch')
  expect(performance.now() - started).toBeLessThan(5000)
})

test('a weight that cannot be read is an error only if it is needed', async () => {
  const marked = (name: string): Checkpoint => {
    const tensor = {
      ...slim.tensors.get(names[3])!,
      name,
      dtype: 'float8_e5m2',
      unreadable: 'its element type float8_e5m2 is not supported',
    }
    return { ...slim, tensors: new Map([...slim.tensors, [name, tensor]]) }
  }
  expect(loadModel(marked('criterion.weight')).report.unexpected).toEqual(['criterion.weight'])
  expect(await errorOf(() => loadModel(marked(names[3])))).toMatchObject({
    code: 'invalid-checkpoint',
    message: `The weight "${names[3]}" cannot be read: its element type float8_e5m2 is not supported.`,
  })
})

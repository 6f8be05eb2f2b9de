import {
  checkpointOf,
  deterministicSource,
  expectClose,
  goldenStateDict,
  imageTensor,
  inferenceCheckpoint,
  publishedCheckpoint,
} from '@inverseform/testing'
import { describe, expect, test } from 'vitest'
import { safetensorsByteLength } from '../../src/checkpoint/write-safetensors.js'
import {
  buildModel,
  bytesSource,
  type Checkpoint,
  type CheckpointTensor,
  identifyModel,
  isInverseFormError,
  loadModel,
  memorySink,
  openCheckpoint,
  requiredParameters,
  type SegmentationModelName,
  type TensorData,
  writeSafetensors,
  zoo,
} from '../../src/index.js'
import { recordShapes } from '../../src/models/build.js'
import { runGraph } from '../support/session.js'

const models = Object.keys(zoo) as SegmentationModelName[]

/** The checkpoint with tensors left out, renamed, reshaped or added. */
function changed(
  checkpoint: Checkpoint,
  change: (tensor: CheckpointTensor) => CheckpointTensor | undefined,
  ...added: [string, number[]][]
): Checkpoint {
  const kept = [...checkpoint.tensors.values(), ...checkpointOf(added).tensors.values()].flatMap(
    (tensor) => change(tensor) ?? [],
  )
  return { ...checkpoint, tensors: new Map(kept.map((tensor) => [tensor.name, tensor])) }
}
const without = (checkpoint: Checkpoint, pattern: RegExp) =>
  changed(checkpoint, (tensor) => (pattern.test(tensor.name) ? undefined : tensor))
const renamed = (checkpoint: Checkpoint, rename: (name: string) => string) =>
  changed(checkpoint, (tensor) => ({ ...tensor, name: rename(tensor.name) }))
const reshaped = (checkpoint: Checkpoint, name: string, shape: number[]) =>
  changed(checkpoint, (tensor) => (tensor.name === name ? { ...tensor, shape } : tensor))

function errorOf(action: () => unknown) {
  try {
    action()
  } catch (error) {
    if (isInverseFormError(error)) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe.each(models)('a checkpoint of %s', (model) => {
  const published = publishedCheckpoint(model)

  test('is identified, and the report lists every tensor', () => {
    const loaded = loadModel(published, { edgeHead: true })
    expect(loaded).toMatchObject({ model, numClasses: 19, edgeHead: true })
    const { report } = loaded
    expect(report).toMatchObject({ unexpected: [], missing: [], mismatched: [] })
    expect(report.loaded).toEqual([...requiredParameters(model, { edgeHead: true }).keys()])
    expect([...report.loaded, ...report.unused].sort()).toEqual(
      goldenStateDict(model)
        .map(({ name }) => name)
        .sort(),
    )
  })

  test('loads without training-only tensors and the edge head', () => {
    const bare = without(published, /^(?:aux_head|edge_head|edgeocr_cls_head)\.|num_batches_tracked$/)
    expect(loadModel(bare)).toMatchObject({ model, report: { unused: [], unexpected: [], missing: [] } })
    const error = errorOf(() => loadModel(bare, { edgeHead: true }))
    expect(error).toMatchObject({
      code: 'checkpoint-mismatch',
      hint: 'The checkpoint has no edge head: load it without.',
    })
    expect(error.message).toMatch(
      new RegExp(`^This is not a checkpoint of ${model} with its edge head, 19 classes: .*edge.*\\.$`),
    )
  })

  test('of 7 classes is recognized', () => {
    const seven = inferenceCheckpoint(model, { numClasses: 7 })
    const { numClasses, graph } = loadModel(seven)
    expect(numClasses).toBe(7)
    expect(graph.outputs.logits.shape[1]).toBe(7)
    const error = errorOf(() => loadModel(seven, { numClasses: 19 }))
    expect(error.message).toContain(zoo[model].classWeight)
    expect(error.hint).toContain('7 classes')
  })

  test('is distinguished from the other models', () => {
    for (const other of models.filter((name) => name !== model)) {
      // ocrnet48 is part of ocrnet48-hms: what is left over is reported.
      if (model === 'ocrnet48-hms' && other === 'ocrnet48') {
        const { report } = loadModel(published, { model: other })
        expect(report.unexpected.every((name) => name.startsWith('scale_attn.'))).toBe(true)
        expect(report.unexpected.length).toBeGreaterThan(0)
      } else {
        const error = errorOf(() => loadModel(published, { model: other }))
        expect(error.message).toContain(`This is not a checkpoint of ${other}`)
        expect(error.hint).toBe(`Its tensors are those of ${model}: load it as that model.`)
      }
    }
  })
})

describe('mismatches', () => {
  const whole = inferenceCheckpoint('hrnet18', { edgeHead: true })
  const head = zoo.hrnet18.classWeight

  test('are reported by name', () => {
    const broken = reshaped(without(whole, /^backbone\.bn1\.bias$/), 'backbone.conv1.weight', [32, 3, 3, 3])
    const error = errorOf(() => loadModel(broken, { model: 'hrnet18' }))
    expect(error.code).toBe('checkpoint-mismatch')
    expect(error.message).toBe(
      'This is not a checkpoint of hrnet18, 19 classes: 1 tensor is missing (backbone.bn1.bias); 1 tensor has another shape (backbone.conv1.weight is [32,3,3,3], not [64,3,3,3]).',
    )
    expect(error.details).toEqual({
      missing: ['backbone.bn1.bias'],
      mismatched: [{ name: 'backbone.conv1.weight', expected: [64, 3, 3, 3], found: [32, 3, 3, 3] }],
    })
  })

  test('unexpected tensors are listed but allowed', () => {
    const more = changed(whole, (tensor) => tensor, ['extra.weight', [3]], ['optimizer', [2]])
    const { report } = loadModel(more)
    expect(report.unexpected).toEqual(['extra.weight', 'optimizer'])
    expect(report.unused).toEqual(['edgeocr_cls_head.weight', 'edgeocr_cls_head.bias'])
  })

  test('an unknown checkpoint is refused, and the message lists some of its tensors', () => {
    const unknown = checkpointOf([
      ['a.weight', [1]],
      ['b.weight', [1]],
      ['c.weight', [1]],
      ['d.weight', [1]],
    ])
    expect(identifyModel(unknown)).toBeUndefined()
    const { message, hint } = errorOf(() => loadModel(unknown))
    expect(message).toBe('The checkpoint fits no known model: 4 tensors (a.weight, b.weight, c.weight, …).')
    for (const model of models) expect(hint).toContain(model)
    expect(errorOf(() => loadModel(checkpointOf([]))).message).toContain('0 tensors.')
  })

  test('an unknown model is refused, and the hint lists the known models', () => {
    const { message, hint } = errorOf(() => loadModel(whole, { model: 'resnet' as SegmentationModelName }))
    expect(message).toBe('The model "resnet" is unknown.')
    expect(hint).toContain('hrnet16-slim')
  })

  test.each([0, -1, 2.5, Number.NaN])('%s classes are refused', (numClasses) => {
    expect(errorOf(() => buildModel('hrnet18', { parameters: deterministicSource(), numClasses })).code).toBe(
      'invalid-argument',
    )
  })

  test('two tensor names that differ only in prefixes are refused', () => {
    const both = changed(whole, (tensor) => tensor, [`module.${head}`, [19, 270, 1, 1]])
    expect(errorOf(() => loadModel(both)).message).toContain(`"${head}" and "module.${head}"`)
  })

  test('weights of a graph without a checkpoint cannot be loaded', async () => {
    const source = recordShapes(new Map())
    const weight = source('fc.weight', [2, 3])
    if (weight.op !== 'constant') throw new Error(weight.op)
    await expect(weight.attributes.load()).rejects.toThrow(/^The weight fc\.weight has no values: .*\.$/)
  })
})

describe('names and types of the tensors', () => {
  const checkpoint = inferenceCheckpoint('hrnet16-slim', { edgeHead: true })
  const image = imageTensor('images', 32, 64)
  const outputsOf = async (of: Checkpoint) => runGraph(loadModel(of, { edgeHead: true }).graph, { image })
  const expected = outputsOf(checkpoint)

  test.each([
    ['module.', (name: string) => `module.${name}`],
    ['modules.', (name: string) => `modules.${name}`],
    ['model.', (name: string) => `model.${name}`],
    ['module.model.', (name: string) => `module.model.${name}`],
    ['no backbone.', (name: string) => name.replace(/^backbone\./, '')],
    ['module. without backbone.', (name: string) => `module.${name.replace(/^backbone\./, '')}`],
  ])('prefix %s', (_, rename) => {
    // Values are read by the original names, so equal reports mean equal networks.
    const { model, report } = loadModel(renamed(checkpoint, rename), { edgeHead: true })
    expect(model).toBe('hrnet16-slim')
    expect(report.loaded).toEqual([...requiredParameters(model, { edgeHead: true }).keys()].map(rename))
    expect(report.unexpected).toEqual([])
  })

  test('a prefix does not change the outputs', async () => {
    const outputs = await outputsOf(renamed(checkpoint, (name) => `module.${name}`))
    expect(outputs).toEqual(await expected)
  })

  test.each([
    ['float64', 1e-6, (data: Float32Array) => Float64Array.from(data)],
    // 11 and 8 significant bits, over some thirty layers.
    ['float16', 0.01, (data: Float32Array) => Uint16Array.from(data, halfBits)],
    [
      'bfloat16',
      0.08,
      (data: Float32Array) =>
        new Uint16Array(new Uint32Array(data.slice().buffer).map((bits) => (bits + 0x8000) >>> 16)),
    ],
  ] as const)('%s', async (dtype, tolerance, convert) => {
    const converted = changed(checkpoint, (tensor) => ({
      ...tensor,
      dtype,
      read: async (): Promise<TensorData> => {
        const { data, shape } = await tensor.read()
        return { dtype, shape, data: convert(data as Float32Array) }
      },
    }))
    const sink = memorySink(safetensorsByteLength(converted.tensors.values()))
    await writeSafetensors(converted.tensors.values(), sink)
    const outputs = await outputsOf(await openCheckpoint(bytesSource(sink.finish())))
    for (const [name, output] of Object.entries(await expected)) expectClose(outputs[name], output, tolerance)
  })
})

/** Bits of the nearest binary16, for the magnitudes of network weights. */
function halfBits(x: number): number {
  const magnitude = Math.abs(x)
  const exponent = Math.max(-14, Math.floor(Math.log2(magnitude || 2 ** -30)))
  const fraction = Math.round((magnitude / 2 ** exponent) * 1024)
  const bits = exponent === -14 && fraction < 1024 ? fraction : (exponent + 14) * 1024 + fraction
  return (x < 0 ? 0x8000 : 0) + bits
}

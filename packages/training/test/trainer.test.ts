import { createHash } from 'node:crypto'
import { requiredParameters } from '@inverseform/backbones'
import { deterministicBatch, deterministicWeight } from '@inverseform/testing/training'
import { expect, test } from 'vitest'
import { type OpenSession, Trainer, type TrainerOptions, type TrainingState } from '../src/index.js'
import { nodeSession } from '../src/node/index.js'

const cropSize = [64, 64] as const
const openNode: OpenSession = (graph) => nodeSession(graph, { threads: 2 })

function slim(options: Partial<TrainerOptions>, openSession: OpenSession = openNode): Trainer {
  const trainer = new Trainer(
    {
      ...{ model: 'hrnet16-slim', loss: 'joint-without-inverseform', steps: 10, batchSize: 2, cropSize },
      ...options,
    },
    openSession,
  )
  for (const [name, { data, shape }] of trainer.state.tensors) data.set(deterministicWeight(name, shape))
  trainer.state.resetAverage()
  return trainer
}

/** Returns results in place of a network's: run `n` of the session gives what `result` returns for output `name`. */
function scripted(result: (run: number, name: string, at: number) => number): OpenSession {
  let run = 0
  return async () => ({
    async run(_, outputs) {
      for (const [name, { data }] of Object.entries(outputs)) {
        for (let at = 0; at < data.length; at++) data[at] = result(run, name, at)
      }
      run++
    },
    async close() {},
  })
}

const batch = (step: number, size = 2) => deterministicBatch(step, size, cropSize)

const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0))

const copyOf = (tensors: TrainingState['tensors']) =>
  Object.fromEntries([...tensors].map(([name, { data }]) => [name, data.slice()]))

/** Returns digests of everything that a run continues from: comparing millions of numbers one by one takes a minute. */
function digestsOf({ step, tensors, average, slots }: TrainingState) {
  const digest = (of: TrainingState['tensors'] = new Map()) =>
    Object.fromEntries(
      [...of].map(
        ([
          name,
          {
            data: { buffer, byteOffset, byteLength },
          },
        ]) => {
          const bytes = new Uint8Array(buffer, byteOffset, byteLength)
          return [name, createHash('sha256').update(bytes).digest('hex')]
        },
      ),
    )
  const slotDigests = Object.entries(slots).map(([name, slot]) => [name, digest(slot)])
  return {
    step,
    tensors: digest(tensors),
    average: digest(average),
    slots: Object.fromEntries(slotDigests),
  }
}

test('running statistics move by 0.1 to the mean and the unbiased variance of the batch', async () => {
  await using trainer = slim(
    { learningRate: 0 },
    scripted((_, name) => (name.endsWith('.mean') ? 3 : name.endsWith('.variance') ? 2 : 0)),
  )
  const before = copyOf(trainer.state.tensors)
  await trainer.step(batch(0))
  const after = trainer.state.tensors
  // conv1 sees half of 64x64 after conv0, and halves that again: 2 images of 16x16.
  const count = 2 * 16 * 16
  for (const [name, expected] of [
    ['backbone.bn1.running_mean', 3],
    ['backbone.bn1.running_var', (2 * count) / (count - 1)],
  ] as const) {
    after.get(name)?.data.forEach((value, i) => {
      expect(value).toBeCloseTo(0.9 * before[name][i] + 0.1 * expected, 6)
    })
  }
})

test('accumulation averages the gradients and losses of its batches', async () => {
  const gradients = [1, 4, -2]
  const open = scripted((run, name) => (name.endsWith('.grad') ? gradients[run] : run))
  await using trainer = slim(
    {
      ...{ accumulate: 3, learningRate: 0.5, schedule: { name: 'constant' } },
      optimizer: { name: 'sgd', momentum: 0, weightDecay: 0 },
    },
    open,
  )
  const name = 'backbone.conv1.weight'
  const before = copyOf(trainer.state.tensors)[name]
  const { loss, gradientNorm } = await trainer.step([batch(0), batch(1), batch(2)])
  expect(loss).toBe(1)
  expect(gradientNorm).toBeCloseTo(Math.sqrt(trainer.state.gradients.length), 1)
  trainer.state.tensors.get(name)?.data.forEach((value, i) => {
    expect(value).toBeCloseTo(before[i] - 0.5, 6)
  })
})

test('two accumulated batches of one image equal one batch of two, where norms are frozen', async () => {
  const norms = [...requiredParameters('hrnet16-slim', { auxiliaryHeads: true }).keys()]
    .filter((name) => name.endsWith('.running_mean'))
    .map((name) => name.replace(/\.running_mean$/, ''))
  const options: Partial<TrainerOptions> = {
    loss: 'cross-entropy',
    lossOptions: { crossEntropy: { perImage: true, reduction: 'mean' } },
    freeze: norms,
  }
  await using together = slim(options)
  await using apart = slim({ ...options, batchSize: 1, accumulate: 2 })
  const both = batch(0)
  const half = (of: 0 | 1) => {
    const part = <T extends Float32Array | Uint8Array>(array: T) =>
      array.slice((of * array.length) / 2, ((of + 1) * array.length) / 2) as T
    const { images, target, edgeTarget, names } = both
    return {
      images: part(images),
      target: part(target),
      edgeTarget: part(edgeTarget),
      names: [names[of]],
    }
  }
  const whole = await together.step(both)
  const halves = await apart.step([half(0), half(1)])
  expect(halves.loss).toBeCloseTo(whole.loss, 5)
  expect(halves.gradientNorm / whole.gradientNorm).toBeCloseTo(1, 4)
  for (const [name, { data }] of together.state.tensors) {
    const other = apart.state.tensors.get(name)?.data as Float32Array
    const difference = norm(data.map((value, i) => value - other[i]))
    expect(difference, name).toBeLessThan(1e-5 * norm(data) + 1e-8)
  }
})

test('the average follows the weights by its decay', async () => {
  const open = scripted((run, name, at) => (name.endsWith('.grad') ? Math.sin(run + at) : 0))
  await using trainer = slim({ ema: 0.75 }, open)
  const name = 'backbone.conv1.weight'
  const expected = Float64Array.from(trainer.state.tensors.get(name)?.data as Float32Array)
  for (let step = 0; step < 3; step++) {
    await trainer.step(batch(step))
    trainer.state.tensors.get(name)?.data.forEach((value, i) => {
      expected[i] = 0.75 * expected[i] + 0.25 * value
    })
  }
  trainer.state.average?.get(name)?.data.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i], 6)
  })
  expect(trainer.state.evaluated.get(name)).toBe(trainer.state.average?.get(name))
  const statistic = 'backbone.bn1.running_mean'
  expect(trainer.state.evaluated.get(statistic)).toBe(trainer.state.tensors.get(statistic))
})

test('clipping limits the norm of all gradients', async () => {
  const open = scripted((_, name) => (name.endsWith('.grad') ? 2 : 0))
  const optimizer = { name: 'sgd', momentum: 0, weightDecay: 0 } as const
  await using trainer = slim({ clip: 0.5, optimizer, learningRate: 1 }, open)
  const before = copyOf(trainer.state.tensors)
  const { gradientNorm } = await trainer.step(batch(0))
  expect(gradientNorm).toBeCloseTo(2 * Math.sqrt(trainer.state.gradients.length), 1)
  let sum = 0
  for (const [name, { data }] of trainer.state.tensors) {
    if (name.includes('.running_')) continue
    for (let i = 0; i < data.length; i++) sum += (data[i] - before[name][i]) ** 2
  }
  expect(Math.sqrt(sum)).toBeCloseTo(0.5, 3)
})

test('weight decay spares vectors if asked to', async () => {
  const optimizer = { name: 'sgd', weightDecay: 0.5 } as const
  const open = scripted(() => 0)
  await using trainer = slim({ optimizer, learningRate: 1, decayWeightsOnly: true }, open)
  const before = copyOf(trainer.state.tensors)
  await trainer.step(batch(0))
  for (const [name, { data, shape }] of trainer.state.tensors) {
    if (name.includes('.running_')) continue
    expect(data[0] / before[name][0], name).toBeCloseTo(shape.length < 2 ? 1 : 0.5, 6)
  }
})

test('a frozen part stays as it is, with its running statistics, and the rest learns', async () => {
  await using trainer = slim({ freeze: ['backbone'] })
  const before = digestsOf(trainer.state).tensors
  const losses: number[] = []
  for (let step = 0; step < 4; step++) losses.push((await trainer.step(batch(0))).loss)
  expect(losses[3]).toBeLessThan(losses[0])
  for (const [name, digest] of Object.entries(digestsOf(trainer.state).tensors)) {
    expect(digest === before[name], name).toBe(name.startsWith('backbone.'))
  }
  expect([...trainer.state.gradientTensors.keys()].some((name) => name.startsWith('backbone.'))).toBe(false)
})

test.each([
  ['loss', 'loss'],
  ['term.edgeBce', 'edgeBce'],
  ['backbone.conv1.weight.grad', 'gradient'],
  ['statistics.3.variance', 'statistics'],
])('stops when %s is not finite, and keeps its state', async (output, term) => {
  const found = new Set<string>()
  const open = scripted((run, name) => {
    found.add(name)
    return run === 3 && name === output ? Number.NaN : 0.5
  })
  await using trainer = slim({ accumulate: 2, ema: 0.9 }, open)
  await trainer.step([batch(0), batch(1)])
  expect(found).toContain(output)
  const before = digestsOf(trainer.state)
  await expect(trainer.step([batch(2), batch(3)])).rejects.toMatchObject({
    code: 'training-diverged',
    details: { term, step: 2 },
  })
  expect(digestsOf(trainer.state)).toEqual(before)
})

test('refuses crops that leave one value per channel, before the first batch', () => {
  expect(() => slim({ batchSize: 1, cropSize: [64, 64] })).toThrow(
    /`cropSize` 64x64 leaves one value per channel/,
  )
})

test('stops on an image that is not a number, names it, and goes on with the next', async () => {
  await using trainer = slim({ optimizer: { name: 'adamw' }, learningRate: 1e-4, ema: 0.9 })
  const bad = batch(1)
  bad.images[77] = Number.NaN
  await trainer.step(batch(0))
  const before = digestsOf(trainer.state)
  await expect(trainer.step(bad)).rejects.toMatchObject({
    code: 'training-diverged',
    message: expect.stringContaining('batch 1, image 0'),
  })
  expect(digestsOf(trainer.state)).toEqual(before)
  const { step, loss } = await trainer.step(batch(2))
  expect(step).toBe(2)
  expect(loss).toBeGreaterThan(0)
})

test('an ignored batch has no loss and no gradient', async () => {
  await using trainer = slim({ loss: 'cross-entropy', freeze: ['backbone'] })
  const { loss, gradientNorm } = await trainer.step({ ...batch(0), target: batch(0).target.fill(255) })
  expect([loss, gradientNorm]).toEqual([0, 0])
})

test.each([
  [{ accumulate: 0 }, /accumulate/],
  [{ clip: 0 }, /clip/],
  [{ ema: 2 }, /ema/],
  [{ freeze: ['head'] }, /`freeze` names "head".*hrnet16-slim/],
  [{ optimizer: { name: 'adam' } as never }, /optimizer\.name/],
  [{ schedule: { name: 'step' } as never }, /schedule\.name/],
  [{ model: 'resnet' as never }, /resnet/],
] satisfies (readonly [Partial<TrainerOptions>, RegExp])[])('refuses %j', (options, message) => {
  expect(() => slim(options)).toThrow(message)
})

test('refuses batches that do not fit', async () => {
  await using trainer = slim(
    {},
    scripted(() => 0),
  )
  await expect(trainer.step(batch(0, 1))).rejects.toThrow(/`images` must have 24576 elements/)
  await expect(trainer.step([batch(0), batch(1)])).rejects.toThrow(/must have 1 batches/)
})

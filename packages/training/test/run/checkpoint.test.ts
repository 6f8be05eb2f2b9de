import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openCheckpoint, openModel } from '@inverseform/backbones'
import { fileSource } from '@inverseform/backbones/node'
import { goldenStateDict } from '@inverseform/testing'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Trainer, TrainerOptions } from '../../src/index.js'
import { NodeTrainer } from '../../src/node/index.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'inverseform-training-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** A trainer that only updates: its gradients are given. */
const trainerWith = (options: Partial<TrainerOptions> = {}) =>
  new NodeTrainer({
    ...{ model: 'hrnet16-slim', loss: 'joint', steps: 10, batchSize: 1, cropSize: [64, 128] },
    ...options,
  })

/** Takes steps `from` to `to - 1` with gradients that depend on the step alone. */
function update({ state }: Trainer, from: number, to: number) {
  for (let step = from; step < to; step++) {
    const value = (i: number) => ((7 * i + 13 * step) % 101) / 100
    const gradients = state.gradients.map((_, i) => value(i) - 0.5)
    const statistics = [...state.tensors].flatMap(([name, { data }]) => {
      if (!name.endsWith('.running_mean')) return []
      const values = data.map((_, i) => value(i))
      const runningVariance = name.replace(/mean$/, 'var')
      return [{ runningMean: name, runningVariance, count: 100, mean: values, variance: values }]
    })
    state.update(gradients, 0.01, statistics)
  }
}

test.each<[string, Partial<TrainerOptions>]>([
  ['SGD', {}],
  ['AdamW with an average', { optimizer: { name: 'adamw' }, ema: 0.9 }],
  ['frozen parts', { freeze: ['backbone.stage4', 'aux_head'], numClasses: 5 }],
])('a resumed training goes on bit by bit: %s', async (_, options) => {
  const [path, other] = [join(folder, 'last.safetensors'), join(folder, 'other.safetensors')]
  const whole = trainerWith(options)
  update(whole, 0, 2)
  await whole.save(path)
  // Weights of another seed, which the checkpoint replaces.
  const resumed = trainerWith({ ...options, seed: 2 })
  await resumed.resume(path)
  expect(resumed.stepsDone).toBe(2)
  for (const trainer of [whole, resumed]) update(trainer, 2, 4)
  await whole.save(path)
  await resumed.save(other)
  expect(readFileSync(other).equals(readFileSync(path))).toBe(true)
  expect(readdirSync(folder)).toHaveLength(2)
})

test('values that are not finite are not saved: the file of before stays', async () => {
  const path = join(folder, 'last.safetensors')
  const trainer = trainerWith()
  await trainer.save(path)
  const before = readFileSync(path)
  update(trainer, 0, 1)
  const { data } = trainer.state.tensors.get('backbone.conv1.weight') as { data: Float32Array }
  data[5] = Number.POSITIVE_INFINITY
  await expect(trainer.save(path)).rejects.toMatchObject({
    code: 'training-diverged',
    message: 'backbone.conv1.weight is not finite after step 1, so it is not saved.',
  })
  expect(readFileSync(path).equals(before)).toBe(true)
  expect(readdirSync(folder)).toHaveLength(1)
})

test.each([
  ['last.safetensors', 'save'],
  ['last.pth', 'saveTorch'],
] as const)('a full disk leaves the %s of before, and nothing else', async (name, save) => {
  const path = join(folder, name)
  const trainer = trainerWith()
  await trainer[save](path)
  const before = readFileSync(path)
  update(trainer, 0, 1)
  const handle = await open(path)
  const write = vi.spyOn(Object.getPrototypeOf(handle), 'write')
  await handle.close()
  let written = 0
  write.mockImplementation(async (bytes) => {
    const { length } = bytes as Uint8Array
    written += length
    if (written < 100_000) return { bytesWritten: length }
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
  })
  await expect(trainer[save](path)).rejects.toMatchObject({
    code: 'write-failed',
    message: expect.stringContaining(`${name} could not be written: no space left on device.`),
    hint: expect.stringContaining('disk is full'),
  })
  write.mockRestore()
  expect(readFileSync(path).equals(before)).toBe(true)
  expect(readdirSync(folder)).toEqual([name])
})

test('a checkpoint of a training opens as a model', async () => {
  const path = join(folder, 'last.safetensors')
  await trainerWith({ ema: 0.99, numClasses: 7 }).save(path)
  await using source = await fileSource(path)
  const { model, numClasses } = await openModel(source, {})
  expect({ model, numClasses }).toEqual({ model: 'hrnet16-slim', numClasses: 7 })
})

test('a .pth file has the tensors of the published state dict, and the averages', async () => {
  const path = join(folder, 'best.pth')
  const trainer = trainerWith({ ema: 0.5, accumulate: 2 })
  update(trainer, 0, 3)
  await trainer.saveTorch(path, { mean_iou: 0.5 })
  await using source = await fileSource(path)
  const { format, tensors, metadata } = await openCheckpoint(source)
  expect(format).toBe('pth-zip')
  expect(metadata).toEqual({ model: 'hrnet16-slim', num_classes: 19, step: 3, mean_iou: 0.5 })
  const found = [...tensors.values()].map(({ name, shape, dtype }) => `${name} ${shape} ${dtype}`)
  const published = goldenStateDict('hrnet16-slim').map(
    ({ name, shape }) => `${name} ${shape} ${name.endsWith('num_batches_tracked') ? 'int64' : 'float32'}`,
  )
  expect(found.sort()).toEqual(published.sort())
  const { data } = (await tensors.get('backbone.bn1.num_batches_tracked')?.read()) ?? {}
  expect(data).toEqual(BigInt64Array.of(6n))
  for (const name of ['backbone.conv1.weight', 'backbone.bn1.running_mean']) {
    const wanted = trainer.state.average?.get(name) ?? trainer.state.tensors.get(name)
    expect((await tensors.get(name)?.read())?.data).toEqual(wanted?.data)
  }
})

describe('resuming refuses', () => {
  test.each<[string, Partial<TrainerOptions>, RegExp]>([
    ['another model', { model: 'hrnet18' }, /hrnet16-slim, 19 classes/],
    ['other classes', { numClasses: 3 }, /it differs in .*hrhead/],
    ['another optimizer', { optimizer: { name: 'adamw' } }, /optimizer\.mean/],
    ['an average', { ema: 0.9 }, /average\./],
    ['frozen parts', { freeze: ['backbone'] }, /optimizer\.momentum\.backbone/],
  ])('a training with %s', async (_, options, message) => {
    const path = join(folder, 'last.safetensors')
    await trainerWith().save(path)
    const trainer = trainerWith(options)
    const before = trainer.state.tensors.get('backbone.conv1.weight')?.data.slice()
    await expect(trainer.resume(path)).rejects.toThrow(message)
    expect(trainer.state.tensors.get('backbone.conv1.weight')?.data).toEqual(before)
    expect(trainer.stepsDone).toBe(0)
  })

  test('a checkpoint of something else', async () => {
    const path = join(folder, 'weights.pth')
    await trainerWith().saveTorch(path)
    await expect(trainerWith().resume(path)).rejects.toThrow(/is not a checkpoint of a training/)
    writeFileSync(path, 'text')
    await expect(trainerWith().resume(path)).rejects.toThrow(path)
  })
})

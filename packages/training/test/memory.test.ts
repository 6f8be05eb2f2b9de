import type { Graph } from '@inverseform/backbones/graph'
import { deterministicBatch } from '@inverseform/testing/training'
import { expect, test, vi } from 'vitest'
import { Trainer, type TrainerOptions } from '../src/index.js'
import { stepBytes } from '../src/memory.js'
import { createTrainer, nodeSession } from '../src/node/index.js'

const options = { model: 'hrnet16-slim', loss: 'joint-without-inverseform', steps: 1, batchSize: 1 } as const

function trainerOf(size: Pick<TrainerOptions, 'batchSize' | 'cropSize'>, graphs: Graph[] = []): Trainer {
  return new Trainer({ ...options, ...size }, async (graph) => {
    graphs.push(graph)
    throw new Error('not run')
  })
}

test('memory is estimated before a step as from its graph', async () => {
  const [batchSize, cropSize] = [3, [192, 256]] as const
  const graphs: Graph[] = []
  const trainer = trainerOf({ batchSize, cropSize }, graphs)
  await expect(trainer.step(deterministicBatch(0, batchSize, cropSize))).rejects.toThrow('not run')
  expect(trainer.estimateMemory() / stepBytes(graphs[0])).toBeCloseTo(1, 1)
})

test('a step that does not fit is refused before anything of its size exists', async () => {
  await expect(createTrainer({ ...options, batchSize: 4096, cropSize: [1024, 2048] })).rejects.toMatchObject({
    code: 'out-of-memory',
    message: expect.stringMatching(/^A step needs about \d+ GiB of memory, but [\d.]+ GiB are free\.$/),
    hint: expect.stringMatching(/smaller crop or batch.*`accumulate`/),
  })
  await using trainer = await createTrainer({ ...options, cropSize: [64, 128] })
  expect(trainer.stepsDone).toBe(0)
})

test('a step that is not checked before is checked when it is compiled', async () => {
  const cropSize = [64, 128] as const
  await using trainer = new Trainer({ ...options, cropSize }, nodeSession)
  const available = vi.spyOn(process, 'availableMemory').mockReturnValue(2 ** 20)
  await expect(trainer.step(deterministicBatch(0, 1, cropSize))).rejects.toMatchObject({
    code: 'out-of-memory',
  })
  available.mockRestore()
  expect((await trainer.step(deterministicBatch(0, 1, cropSize))).step).toBe(1)
})

import { expect, test } from 'vitest'
import type { TrainingSample } from '../../src/index.js'
import { NodeTrainer } from '../../src/node/index.js'

const samples: TrainingSample[] = [
  {
    name: 'street',
    load: async () => ({
      image: { data: new Uint8Array(3 * 64 * 64).fill(90), width: 64, height: 64 },
      target: new Uint8Array(64 * 64),
    }),
  },
]

test.each([
  ['weights are too large', '.weight', 1e30],
  ['outputs are not numbers', '.running_var', -1],
])('evaluation says that the training has diverged when %s', async (_, end, value) => {
  const trainer = new NodeTrainer({
    model: 'hrnet16-slim',
    loss: 'cross-entropy',
    steps: 1,
    batchSize: 1,
    cropSize: [64, 128],
  })
  for (const [name, { data }] of trainer.state.tensors) {
    if (name.endsWith(end)) data.fill(value)
  }
  await expect(trainer.evaluate(samples)).rejects.toMatchObject({
    code: 'training-diverged',
    message: expect.stringContaining('by step 0'),
    hint: expect.stringContaining('lower learning rate'),
  })
})

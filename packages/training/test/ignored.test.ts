import { smallInverseNet } from '@inverseform/core/small-inverse-net'
import { deterministicBatch } from '@inverseform/testing/training'
import { expect, test } from 'vitest'
import { Trainer } from '../src/index.js'
import { nodeSession } from '../src/node/index.js'

test('a batch of ignored pixels has finite terms in the joint loss, and no cross-entropy', async () => {
  const cropSize = [64, 128] as const
  const { weights, options } = smallInverseNet(cropSize)
  await using trainer = new Trainer(
    {
      ...{ model: 'hrnet16-slim', steps: 2, batchSize: 1, cropSize, regressor: weights, clip: 1 },
      lossOptions: { inverseForm: options },
    },
    nodeSession,
  )
  const batch = deterministicBatch(0, 1, cropSize)
  batch.target.fill(255)
  batch.edgeTarget.fill(0)
  for (const step of [1, 2]) {
    const result = await trainer.step(batch)
    expect(result).toMatchObject({ step, terms: { crossEntropy: 0, edgeBce: 0, edgeAttention: 0 } })
    expect(result.terms.inverseForm).toBeGreaterThan(0)
    expect(result.gradientNorm).toBeGreaterThan(0)
  }
})

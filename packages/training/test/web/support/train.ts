import { smallInverseNet } from '@inverseform/core/small-inverse-net'
import { deterministicBatch } from '@inverseform/testing/training'
import { type OpenSession, type StepResult, Trainer } from '../../../src/index.js'

const STEPS = 3
// On smaller crops, the deepest normalizations see so few pixels that rounding decides.
const cropSize = [128, 128] as const

/** Trains for some steps on fixed batches, in Node or in a browser. */
export async function* train(openSession: OpenSession): AsyncGenerator<StepResult> {
  const { weights, options } = smallInverseNet(cropSize)
  const trainer = new Trainer(
    {
      model: 'hrnet16-slim',
      loss: 'joint',
      lossOptions: { inverseForm: options },
      regressor: weights,
      steps: STEPS,
      batchSize: 1,
      cropSize,
      clip: 1,
    },
    openSession,
  )
  while (trainer.stepsDone < STEPS) {
    yield await trainer.step(deterministicBatch(trainer.stepsDone, 1, cropSize))
  }
  await trainer.close()
}

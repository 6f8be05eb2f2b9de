// What PyTorch computes in float64 is recorded in fixtures/parity.json by tools/bench/training/record.py. Rates are low, because
// training amplifies rounding: at the published rate, PyTorch's own float32 leaves float64 after three steps (docs/training.md).
import { readFileSync } from 'node:fs'
import {
  deterministicBatch,
  deterministicInverseForm,
  deterministicInverseNet,
  deterministicWeight,
} from '@inverseform/testing/training'
import { expect, test } from 'vitest'
import { type StepTensor, Trainer } from '../src/index.js'
import { nodeSession } from '../src/node/index.js'

interface Sample {
  readonly norm: number
  readonly values: readonly number[]
}

const recorded = JSON.parse(readFileSync(new URL('fixtures/parity.json', import.meta.url), 'utf8')) as {
  readonly model: 'hrnet16-slim'
  readonly batchSize: number
  readonly cropSize: readonly [number, number]
  readonly steps: number
  readonly rates: Readonly<Record<'sgd' | 'adamw', number>>
  readonly losses: Readonly<Record<'sgd' | 'adamw', readonly number[]>>
  readonly gradients: Readonly<Record<string, Sample>>
  readonly statistics: Readonly<Record<string, Sample>>
}

/** Returns the largest error of the norm and the sampled values, relative to the norm. */
function sampleError(
  tensors: ReadonlyMap<string, StepTensor>,
  name: string,
  { norm, values }: Sample,
): number {
  const data = tensors.get(name)?.data as Float32Array
  const every = Math.max(Math.floor(data.length / 6), 1)
  const errors = values.map((value, i) => Math.abs(data[i * every] - value))
  return Math.max(Math.abs(Math.hypot(...data) - norm), ...errors) / norm
}

test.each(['sgd', 'adamw'] as const)('trains with %s as PyTorch does', async (name) => {
  const { model, batchSize, cropSize, steps } = recorded
  await using trainer = new Trainer(
    {
      ...{ model, batchSize, cropSize, steps, optimizer: { name }, learningRate: recorded.rates[name] },
      loss: 'joint',
      lossOptions: { inverseForm: deterministicInverseForm },
      regressor: deterministicInverseNet(),
    },
    (graph) => nodeSession(graph, { threads: 2 }),
  )
  for (const [name, { data, shape }] of trainer.state.tensors) data.set(deterministicWeight(name, shape))
  for (let step = 0; step < steps; step++) {
    const { loss, terms } = await trainer.step(deterministicBatch(step, batchSize, cropSize))
    expect(Math.abs(loss - recorded.losses[name][step]), `loss of step ${step + 1}`).toBeLessThan(1e-3)
    const { crossEntropy, edgeBce, edgeAttention, inverseForm, auxiliary } = terms
    const sum = crossEntropy + 0.3 * edgeBce + 0.1 * edgeAttention + 0.3 * inverseForm + 0.4 * auxiliary
    expect(loss).toBeCloseTo(sum, 4)
    if (step > 0) continue
    for (const [tensor, sample] of Object.entries(recorded.gradients)) {
      const error = sampleError(trainer.state.gradientTensors, tensor, sample)
      // Another processor may round a value before a ReLU to the other side of 0.
      expect(error, `gradient of ${tensor}`).toBeLessThan(5e-3)
    }
    for (const [tensor, sample] of Object.entries(recorded.statistics)) {
      expect(sampleError(trainer.state.tensors, tensor, sample), tensor).toBeLessThan(1e-5)
    }
  }
})

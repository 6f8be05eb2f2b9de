import { gradientName, gradients, input } from '@inverseform/backbones/graph'
import { type InverseNetWeights, inverseNetForward, type PlainTensor } from '@inverseform/core'
import { type RegressionLossOptions, regressionLoss } from '@inverseform/core/training'
import { graphOps } from '../graph-ops.js'
import { createOptimizer, type Optimizer } from '../optimizers.js'
import type { OpenSession, StepSession } from '../session.js'
import { fixedConstants, type StepTensor, Tape } from '../tape.js'
import type { RegressorBatch } from './degrade.js'

export interface RegressorStepOptions {
  readonly weights: InverseNetWeights<PlainTensor & { readonly data: Float32Array }>
  /** [height, width] */
  readonly tileSize: readonly [number, number]
  readonly batchSize: number
  readonly distance: RegressionLossOptions['distance']
  readonly openSession: OpenSession
}

/** InverseNet with its loss and gradients, compiled for one batch size, and the optimizer of its weights. */
export class RegressorStep {
  readonly #options: RegressorStepOptions
  readonly #shape: readonly number[]
  readonly #outputs: number
  readonly #loss: StepTensor = { data: new Float32Array(1), shape: [] }
  readonly #estimates: StepTensor
  readonly #values: Float32Array
  readonly #gradients: Float32Array
  readonly #inputs: Readonly<Record<string, StepTensor>>
  readonly #results: Readonly<Record<string, StepTensor>>
  readonly #optimizer: Optimizer
  #varying: ReadonlySet<number> = new Set()
  #session: StepSession | undefined
  #step = 0

  constructor(options: RegressorStepOptions) {
    const { weights, tileSize, batchSize } = options
    this.#options = options
    this.#shape = [batchSize, 1, ...tileSize]
    this.#outputs = weights['fc.4.bias'].data.length
    this.#estimates = {
      data: new Float32Array(batchSize * this.#outputs),
      shape: [batchSize, this.#outputs],
    }
    const tensors = Object.entries(weights)
    const size = tensors.reduce((sum, [, { data }]) => sum + data.length, 0)
    this.#values = new Float32Array(size)
    this.#gradients = new Float32Array(size)
    const inputs: Record<string, StepTensor> = {}
    const results: Record<string, StepTensor> = { loss: this.#loss, estimates: this.#estimates }
    let at = 0
    for (const [name, { data, shape }] of tensors) {
      const end = at + data.length
      this.#values.set(data, at)
      inputs[name] = { data: this.#values.subarray(at, end), shape }
      results[gradientName(name)] = { data: this.#gradients.subarray(at, end), shape }
      at = end
    }
    this.#inputs = inputs
    this.#results = results
    // Adam without decay: a regressor of endless pairs does not overfit, and decay biases estimates toward the identity.
    this.#optimizer = createOptimizer({ name: 'adamw', weightDecay: 0 }, new Uint8Array(size))
  }

  /** The weights, which {@link train} changes in place. */
  get weights(): InverseNetWeights<StepTensor> {
    return this.#inputs as unknown as InverseNetWeights<StepTensor>
  }

  /** Takes a step. Returns the loss before it. */
  async train(batch: RegressorBatch, learningRate: number): Promise<number> {
    await this.estimate(batch)
    this.#step++
    this.#optimizer.update(this.#values, this.#gradients, learningRate, this.#step)
    return this.#loss.data[0]
  }

  /** Returns estimates of the parameters, [pairs, parameters]. They are valid until the next call. */
  async estimate({ tiles, predictions, parameters }: RegressorBatch): Promise<Float32Array> {
    this.#session ??= await this.#compile()
    const tape = new Tape(this.#varying)
    this.#record(tape, parameters)
    const pixels = {
      prediction: { data: predictions, shape: this.#shape },
      target: { data: tiles, shape: this.#shape },
    }
    await this.#session.run({ ...this.#inputs, ...pixels, ...tape.feeds() }, this.#results)
    return this.#estimates.data
  }

  async close(): Promise<void> {
    await this.#session?.close()
  }

  /** Adds the loss to the graph of the tape. Its arrays depend on the true parameters. */
  #record(tape: Tape, parameters: Float32Array, estimates = input('estimates', this.#estimates.shape)) {
    const { distance } = this.#options
    return regressionLoss(
      graphOps(tape),
      estimates,
      { data: parameters, shape: this.#estimates.shape },
      { distance },
    )
  }

  async #compile(): Promise<StepSession> {
    const [first, second] = [0, 1].map((shift) => {
      const tape = new Tape()
      this.#record(tape, this.#examples(shift))
      return tape
    })
    this.#varying = first.differences(second)
    const tape = new Tape(this.#varying)
    const weights = Object.fromEntries(
      Object.entries(this.#inputs).map(([name, { shape }]) => [name, input(name, shape)]),
    ) as unknown as InverseNetWeights<ReturnType<typeof input>>
    const [prediction, target] = ['prediction', 'target'].map((name) => input(name, this.#shape))
    const estimates = inverseNetForward(graphOps(fixedConstants('network')), weights, prediction, target)
    const loss = this.#record(tape, this.#examples(0), estimates)
    return this.#options.openSession(
      gradients({ outputs: { loss, estimates } }, 'loss', Object.keys(weights)),
    )
  }

  /** Returns parameters of invertible transformations, to find out which arrays of the loss depend on them. */
  #examples(shift: number): Float32Array {
    const count = this.#outputs
    return Float32Array.from({ length: this.#estimates.data.length }, (_, i) => {
      const diagonal = count >= 6 && (i % count) % 4 === 0 ? 1 : 0
      return diagonal + 0.01 * (((i * 7) % 11) + 1) * (shift + 1)
    })
  }
}

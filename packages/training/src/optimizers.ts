import { checkBoolean, checkNumber } from '@inverseform/errors'

export interface SgdOptions {
  readonly name: 'sgd'
  /** Default 0.9. */
  readonly momentum?: number
  /** Default 0.0005. */
  readonly weightDecay?: number
  readonly nesterov?: boolean
}

export interface AdamWOptions {
  readonly name: 'adamw'
  /** Decays of the moments. Default [0.9, 0.999]. */
  readonly betas?: readonly [number, number]
  /** Default 1e-8. */
  readonly epsilon?: number
  /** Default 0.01. */
  readonly weightDecay?: number
}

export type OptimizerOptions = SgdOptions | AdamWOptions

/** An optimizer over one vector of all parameters. */
export interface Optimizer {
  /** Vectors that continue a run, by name. */
  readonly slots: Readonly<Record<string, Float32Array>>
  /**
   * Changes `values` in place.
   * @param step from 1
   * @param decays whether weight decay applies to each element
   */
  update(values: Float32Array, gradients: Float32Array, learningRate: number, step: number): void
}

/**
 * Creates an optimizer for `decays.length` parameters.
 * @param decays 1 where weight decay applies, else 0
 */
export function createOptimizer(options: OptimizerOptions, decays: Uint8Array): Optimizer {
  return options.name === 'sgd' ? sgd(options, decays) : adamW(options, decays)
}

/** Stochastic gradient descent as `torch.optim.SGD`: the decay is part of the gradient, and momentum has no dampening. */
function sgd(options: SgdOptions, decays: Uint8Array): Optimizer {
  const { momentum = 0.9, weightDecay = 5e-4, nesterov = false } = options
  checkNumber('optimizer.momentum', momentum, { min: 0, max: 1 })
  checkNumber('optimizer.weightDecay', weightDecay, { min: 0 })
  checkBoolean('optimizer.nesterov', nesterov)
  const velocity = new Float32Array(decays.length)
  return {
    slots: { momentum: velocity },
    update(values, gradients, learningRate) {
      for (let i = 0; i < values.length; i++) {
        const gradient = gradients[i] + weightDecay * decays[i] * values[i]
        const moved = momentum * velocity[i] + gradient
        velocity[i] = moved
        values[i] -= learningRate * (nesterov ? gradient + momentum * moved : moved)
      }
    },
  }
}

/** Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019), as `torch.optim.AdamW`. */
function adamW(options: AdamWOptions, decays: Uint8Array): Optimizer {
  const { betas = [0.9, 0.999], epsilon = 1e-8, weightDecay = 0.01 } = options
  const [first, second] = betas
  checkNumber('optimizer.betas[0]', first, { min: 0, max: 1 })
  checkNumber('optimizer.betas[1]', second, { min: 0, max: 1 })
  checkNumber('optimizer.epsilon', epsilon, { above: 0 })
  checkNumber('optimizer.weightDecay', weightDecay, { min: 0 })
  const mean = new Float32Array(decays.length)
  const square = new Float32Array(decays.length)
  return {
    slots: { mean, square },
    update(values, gradients, learningRate, step) {
      const size = learningRate / (1 - first ** step)
      const correction = Math.sqrt(1 - second ** step)
      for (let i = 0; i < values.length; i++) {
        const gradient = gradients[i]
        mean[i] = first * mean[i] + (1 - first) * gradient
        square[i] = second * square[i] + (1 - second) * gradient * gradient
        const kept = values[i] * (1 - learningRate * weightDecay * decays[i])
        values[i] = kept - (size * mean[i]) / (Math.sqrt(square[i]) / correction + epsilon)
      }
    },
  }
}

/** Scales gradients to a global norm of at most `limit`, as `torch.nn.utils.clip_grad_norm_`. */
export function clipToNorm(gradients: Float32Array, norm: number, limit: number): void {
  const factor = limit / (norm + 1e-6)
  if (factor >= 1) return
  for (let i = 0; i < gradients.length; i++) gradients[i] *= factor
}

/** Returns the Euclidean norm; NaN or infinity where an element is. */
export function normOf(values: Float32Array): number {
  // Independent sums do not wait for each other.
  let [a, b] = [0, 0]
  for (let i = 0; i < values.length; i += 2) {
    a += values[i] * values[i]
    if (i + 1 < values.length) b += values[i + 1] * values[i + 1]
  }
  return Math.sqrt(a + b)
}

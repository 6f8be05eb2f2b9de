import { checkNumber, checkPositive } from '../options.js'
import { sizeMismatch } from '../shape.js'

export interface AdamOptions {
  /** Default 0.001. */
  readonly learningRate?: number
  /** Decay of the gradients' running mean. Default 0.9. */
  readonly beta1?: number
  /** Decay of the squared gradients' running mean. Default 0.999. */
  readonly beta2?: number
  /** Added to the root of the squares' mean, so that it is above 0. Default 1e-8. */
  readonly epsilon?: number
}

/**
 * Changes the parameters by one step.
 *
 * @param gradients one for each parameter array, of its length
 * @param learningRate of this step, for a schedule; that of the options when absent
 * @throws `size-mismatch` when gradients and parameters do not go together
 */
export type AdamStep = (gradients: readonly ArrayLike<number>[], learningRate?: number) => void

/**
 * The Adam optimiser: it changes arrays in place.
 *
 * Source: D. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1.
 *
 * @throws `invalid-argument` for decays outside [0, 1), a learning rate below 0 and an epsilon of 0 or below
 */
export function adam(
  parameters: readonly (Float32Array | Float64Array)[],
  options: AdamOptions = {},
): AdamStep {
  const { learningRate: rate = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = options
  checkNumber('learningRate', rate, 0)
  checkPositive('epsilon', epsilon)
  checkNumber('beta1', beta1, 0, 1)
  checkNumber('beta2', beta2, 0, 1)
  const means = parameters.map((array) => array.slice().fill(0))
  const squares = parameters.map((array) => array.slice().fill(0))
  let steps = 0
  return (gradients, learningRate = rate) => {
    const lengths = gradients.map(({ length }) => length)
    if (lengths.length !== parameters.length || lengths.some((n, i) => n !== parameters[i]!.length)) {
      throw sizeMismatch(
        `Gradients of ${lengths.join(', ')} values were given for parameters of ${parameters.map(({ length }) => length).join(', ')}.`,
        'Give one gradient for each parameter array, of its length and in its order.',
      )
    }
    steps += 1
    const correction1 = 1 - beta1 ** steps
    const correction2 = 1 - beta2 ** steps
    parameters.forEach((values, k) => {
      const [gradient, mean, square] = [gradients[k]!, means[k]!, squares[k]!]
      for (let i = 0; i < values.length; i++) {
        const g = gradient[i]!
        const m = beta1 * mean[i]! + (1 - beta1) * g
        const v = beta2 * square[i]! + (1 - beta2) * g * g
        mean[i] = m
        square[i] = v
        values[i]! -= (learningRate * m) / correction1 / (Math.sqrt(v / correction2) + epsilon)
      }
    })
  }
}

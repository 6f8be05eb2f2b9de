import { checkArgument, checkNumber } from '@inverseform/errors'
import { sizeMismatch } from '../shape.js'

export interface AdamOptions {
  /** Default 0.001. */
  readonly learningRate?: number
  /** Decay of the running mean of gradients. Default 0.9. */
  readonly beta1?: number
  /** Decay of the running mean of squared gradients. Default 0.999. */
  readonly beta2?: number
  /** Added to the root of the mean square to keep it above 0. Default 1e-8. */
  readonly epsilon?: number
}

/**
 * Updates the parameters by one step.
 *
 * @param gradients one for each parameter array, of the same length
 * @param learningRate learning rate of this step, for a schedule; defaults to that of the options
 * @throws InverseFormError `size-mismatch` when gradients and parameters differ in number or length; `invalid-argument` for a
 *   learning rate below 0
 */
export type AdamStep = (gradients: readonly ArrayLike<number>[], learningRate?: number) => void

/**
 * Creates an Adam optimizer, which updates arrays in place.
 *
 * Source: D. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1.
 *
 * @throws InverseFormError `invalid-argument` for decays outside [0, 1), a learning rate below 0, or an epsilon of 0 or below
 */
export function adam(
  parameters: readonly (Float32Array | Float64Array)[],
  options: AdamOptions = {},
): AdamStep {
  const { learningRate: rate = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = options
  checkNumber('learningRate', rate, { min: 0 })
  checkNumber('epsilon', epsilon, { above: 0 })
  checkNumber('beta1', beta1, { min: 0, below: 1 })
  checkNumber('beta2', beta2, { min: 0, below: 1 })
  const isList: boolean = Array.isArray(parameters) && parameters.every((array) => ArrayBuffer.isView(array))
  checkArgument('parameters', parameters, isList, 'an array of Float32Array or Float64Array')
  const means = parameters.map((array) => array.slice().fill(0))
  const squares = parameters.map((array) => array.slice().fill(0))
  let steps = 0
  return (gradients, learningRate = rate) => {
    checkNumber('learningRate', learningRate, { min: 0 })
    const lengths = gradients.map(({ length }) => length)
    if (lengths.length !== parameters.length || lengths.some((n, i) => n !== parameters[i].length)) {
      throw sizeMismatch(
        `\`gradients\` must have the lengths of the parameters, ${parameters.map(({ length }) => length).join(', ')}, got ${lengths.join(', ')}.`,
        'Give one gradient for each parameter array, in the same order.',
      )
    }
    steps += 1
    const correction1 = 1 - beta1 ** steps
    const correction2 = 1 - beta2 ** steps
    parameters.forEach((values, k) => {
      const [gradient, mean, square] = [gradients[k], means[k], squares[k]]
      for (let i = 0; i < values.length; i++) {
        const g = gradient[i]
        const m = beta1 * mean[i] + (1 - beta1) * g
        const v = beta2 * square[i] + (1 - beta2) * g * g
        mean[i] = m
        square[i] = v
        values[i] -= (learningRate * m) / correction1 / (Math.sqrt(v / correction2) + epsilon)
      }
    })
  }
}

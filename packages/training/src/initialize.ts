import { product, type Random } from '@inverseform/shared'

/** Whether a parameter is a running statistic, which is not learned. */
export const isStatistic = (name: string): boolean => /\.running_(?:mean|var)$/.test(name)

/**
 * Returns initial values as PyTorch's layers have them: weights and biases of convolutions are uniform in ±1/√(inputs · kernel),
 * normalizations start with scale 1, shift 0, mean 0 and variance 1.
 *
 * @param shapes all parameters of a network
 */
export function initialValues(
  shapes: ReadonlyMap<string, readonly number[]>,
  random: Random,
): Map<string, Float32Array> {
  const values = new Map<string, Float32Array>()
  for (const [name, shape] of shapes) {
    const array = new Float32Array(product(shape))
    values.set(name, array)
    if (name.endsWith('.running_mean')) continue
    if (name.endsWith('.running_var')) {
      array.fill(1)
      continue
    }
    const module = name.replace(/\.[^.]+$/, '')
    if (isNorm(module, shapes)) {
      array.fill(name.endsWith('.weight') ? 1 : 0)
      continue
    }
    const weight = shapes.get(`${module}.weight`) ?? shape
    const bound = 1 / Math.sqrt(product(weight.slice(1)))
    for (let i = 0; i < array.length; i++) array[i] = bound * (2 * random() - 1)
  }
  return values
}

/** Whether a module is a normalization: it has running statistics. */
const isNorm = (module: string, shapes: ReadonlyMap<string, unknown>) => shapes.has(`${module}.running_mean`)

/** Whether weight decay usually spares a parameter: biases, and scales and shifts of normalizations, are vectors. */
export const isNormOrBias = (shape: readonly number[]): boolean => shape.length < 2

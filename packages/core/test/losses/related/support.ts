import type { Case } from '@inverseform/testing/losses'
import { type ArrayTensor, arrayOps, valueAndGrad } from '../../../src/array/index.js'
import type { TensorOps } from '../../../src/ops.js'

export const ops = arrayOps({ type: 'float64' })
export const single = arrayOps({ type: 'float32' })

export function tensorOf<T>(on: TensorOps<T>, { images, numClasses, height, width, logits }: Case): T {
  return on.constant(logits, [images, numClasses, height, width])
}

/** Computes the softmax of every pixel by definition. Returns p(image, class, pixel). */
export function probabilities({ images, numClasses, height, width, logits }: Case) {
  const pixels = height * width
  const p = new Float64Array(logits.length)
  for (let n = 0; n < images; n++) {
    for (let i = 0; i < pixels; i++) {
      let sum = 0
      for (let c = 0; c < numClasses; c++) sum += Math.exp(logits[(n * numClasses + c) * pixels + i])
      for (let c = 0; c < numClasses; c++) {
        const at = (n * numClasses + c) * pixels + i
        p[at] = Math.exp(logits[at]) / sum
      }
    }
  }
  return (n: number, c: number, i: number) => p[(n * numClasses + c) * pixels + i]
}

/** Returns logits with a probability of 1 - e^-60 for each pixel's target. */
export function perfect(of: Case): Case {
  const { images, numClasses, height, width, target } = of
  const pixels = height * width
  const logits = new Float64Array(of.logits.length)
  for (let i = 0; i < images * pixels; i++) {
    const n = Math.floor(i / pixels)
    if (target[i] !== 255) logits[(n * numClasses + target[i]) * pixels + (i % pixels)] = 60
  }
  return { ...of, logits }
}

export function scalar(x: ArrayTensor): number {
  if (x.data.length !== 1 || x.shape.length !== 0) throw new Error(`Expected a scalar, got ${x.shape}.`)
  return x.data[0]
}

export function gradient(loss: (logits: ArrayTensor) => ArrayTensor, of: Case): ArrayLike<number> {
  return valueAndGrad(loss)(tensorOf(ops, of)).gradients[0].data
}

/** Returns the central differences of a function of plain logits. */
export function differences(
  f: (logits: Float64Array) => number,
  at: Float64Array,
  step = 1e-5,
): Float64Array {
  return at.map((value, i) => {
    const moved = (by: number) => {
      const logits = at.slice()
      logits[i] = value + by
      return f(logits)
    }
    return (moved(step) - moved(-step)) / (2 * step)
  })
}

export function maxDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY
  let largest = 0
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i] - b[i])
    if (!(difference <= largest)) largest = difference
  }
  return largest
}

export function codeOf(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return (error as { code?: unknown }).code
  }
  return undefined
}

import { type ArrayTensor, arrayOps, valueAndGrad } from '../../src/array/index.js'
import type { TensorOps } from '../../src/ops.js'

export const ops = arrayOps({ type: 'float64' })
export const single = arrayOps({ type: 'float32' })

export interface Case {
  readonly images: number
  readonly classes: number
  readonly height: number
  readonly width: number
  readonly logits: Float64Array
  readonly labels: Uint8Array
}

/** Numbers in [0, 1) that are the same in every run (Park and Miller's generator). */
export function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 48271) % 2147483647
    return state / 2147483647
  }
}

/** Random logits, with labels in blobs of 2x3 pixels of which about one pixel in ten is ignored. */
export function randomCase(
  images: number,
  classes: number,
  height: number,
  width: number,
  { seed = 1, ignored = 0.1 } = {},
): Case {
  const random = randomNumbers(seed + 12345)
  for (let i = 0; i < 10; i++) random()
  const logits = Float64Array.from({ length: images * classes * height * width }, () => 4 * random() - 2)
  const labels = new Uint8Array(images * height * width)
  const blobs = Array.from({ length: images * height * width }, () => Math.floor(random() * classes))
  for (let n = 0, i = 0; n < images; n++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        labels[i] = blobs[(n * height + Math.floor(y / 2)) * width + Math.floor(x / 3)]!
        if (random() < ignored) labels[i] = 255
      }
    }
  }
  return { images, classes, height, width, logits, labels }
}

export function tensorOf<T>(on: TensorOps<T>, { images, classes, height, width, logits }: Case): T {
  return on.constant(logits, [images, classes, height, width])
}

/** Softmax of every pixel, by definition: p(image, class, pixel). */
export function probabilities({ images, classes, height, width, logits }: Case) {
  const pixels = height * width
  const p = new Float64Array(logits.length)
  for (let n = 0; n < images; n++) {
    for (let i = 0; i < pixels; i++) {
      let sum = 0
      for (let c = 0; c < classes; c++) sum += Math.exp(logits[(n * classes + c) * pixels + i]!)
      for (let c = 0; c < classes; c++) {
        const at = (n * classes + c) * pixels + i
        p[at] = Math.exp(logits[at]!) / sum
      }
    }
  }
  return (n: number, c: number, i: number) => p[(n * classes + c) * pixels + i]!
}

/** Logits that give all but e^-60 to each pixel's label. */
export function perfect(of: Case): Case {
  const { images, classes, height, width, labels } = of
  const pixels = height * width
  const logits = new Float64Array(of.logits.length)
  for (let i = 0; i < images * pixels; i++) {
    const n = Math.floor(i / pixels)
    if (labels[i] !== 255) logits[(n * classes + labels[i]!) * pixels + (i % pixels)] = 60
  }
  return { ...of, logits }
}

export function scalar(x: ArrayTensor): number {
  if (x.data.length !== 1 || x.shape.length !== 0) throw new Error(`not a scalar: ${x.shape}`)
  return x.data[0]!
}

export function gradient(loss: (logits: ArrayTensor) => ArrayTensor, of: Case): ArrayLike<number> {
  return valueAndGrad(loss)(tensorOf(ops, of)).gradients[0]!.data
}

/** Central differences of a function of plain logits. */
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
    const difference = Math.abs(a[i]! - b[i]!)
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

/** The two input positions around each output position, and their weights. */
export interface Interpolation {
  readonly lower: Int32Array
  readonly upper: Int32Array
  /** Weight of the upper position. */
  readonly weight: Float32Array
  /** Weight of the lower position. */
  readonly rest: Float32Array
}

/**
 * Returns bilinear interpolation along one axis with half-pixel centers, clamped at both ends, as PyTorch's
 * `interpolate(mode='bilinear', align_corners=False)` with an explicit size.
 */
export function interpolation(inputSize: number, outputSize: number): Interpolation {
  const lower = new Int32Array(outputSize)
  const upper = new Int32Array(outputSize)
  const weight = new Float32Array(outputSize)
  const rest = new Float32Array(outputSize)
  const ratio = inputSize / outputSize
  for (let i = 0; i < outputSize; i++) {
    const position = Math.max(0, ratio * (i + 0.5) - 0.5)
    lower[i] = Math.min(Math.floor(position), inputSize - 1)
    upper[i] = Math.min(lower[i] + 1, inputSize - 1)
    weight[i] = position - lower[i]
    rest[i] = 1 - weight[i]
  }
  return { lower, upper, weight, rest }
}

/**
 * Interpolates in float32, as the kernels in WebAssembly do. In this form, rounding keeps the order of values: a class that
 * is largest at both ends is largest between them.
 */
export function lerp(first: number, second: number, rest: number, weight: number): number {
  return Math.fround(Math.fround(first * rest) + Math.fround(second * weight))
}

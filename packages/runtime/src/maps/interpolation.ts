/** The two input positions around each output position, and the weight of the second. */
export interface Interpolation {
  readonly lower: Int32Array
  readonly upper: Int32Array
  readonly weight: Float64Array
}

/**
 * Returns bilinear interpolation along one axis with half-pixel centers, clamped at both ends, as PyTorch's
 * `interpolate(mode='bilinear', align_corners=False)` with an explicit size.
 */
export function interpolation(inputSize: number, outputSize: number): Interpolation {
  const lower = new Int32Array(outputSize)
  const upper = new Int32Array(outputSize)
  const weight = new Float64Array(outputSize)
  const ratio = inputSize / outputSize
  for (let i = 0; i < outputSize; i++) {
    const position = Math.max(0, ratio * (i + 0.5) - 0.5)
    lower[i] = Math.min(Math.floor(position), inputSize - 1)
    upper[i] = Math.min(lower[i] + 1, inputSize - 1)
    weight[i] = position - lower[i]
  }
  return { lower, upper, weight }
}

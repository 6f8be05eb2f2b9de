import type { ActivationScale } from '@inverseform/backbones/graph'

/** Bins of each side of 0. */
const BINS = 2048
/** The share of the values that 8-bit codes cover; on each side, what is cut off becomes the largest code. */
const COVERED = 0.9999
const SMALLEST_LIMIT = 2 ** -20

/** The distribution of the values of a map: histograms on both sides of 0 that widen as values grow. */
export class ValueRange {
  #limit = SMALLEST_LIMIT
  #count = 0
  #min = 0
  #max = 0
  readonly #negative = new Float64Array(BINS)
  readonly #positive = new Float64Array(BINS)
  /** Whether no value was infinite or NaN. */
  isFinite = true

  add(values: Float32Array): void {
    let [min, max, zero] = [this.#min, this.#max, 0]
    for (let i = 0; i < values.length; i++) {
      const value = values[i]
      if (value > max) max = value
      else if (value < min) min = value
      // Infinity and NaN make it NaN.
      zero += value * 0
    }
    this.isFinite &&= zero === 0
    if (!this.isFinite) return
    this.#min = min
    this.#max = max
    this.#count += values.length
    while (Math.max(max, -min) > this.#limit) this.#widen()
    const factor = BINS / this.#limit
    for (let i = 0; i < values.length; i++) {
      const position = values[i] * factor
      const bins = position >= 0 ? this.#positive : this.#negative
      bins[Math.min(Math.abs(position) | 0, BINS - 1)]++
    }
  }

  /** Returns the scale whose codes cover the values. 0 has a code of its own, as padding and ReLU need. */
  scale(): ActivationScale {
    const low = Math.max(this.#min, -this.#covered(this.#negative))
    const high = Math.min(this.#max, this.#covered(this.#positive))
    const scale = Math.fround((high - low) / 255)
    // A map of zeros, and values that float32 holds only as subnormal numbers.
    if (scale < 2 ** -126) return { scale: 1, zeroPoint: 0 }
    return { scale, zeroPoint: Math.min(255, Math.round((0 - low) / scale)) }
  }

  #widen(): void {
    this.#limit *= 2
    for (const bins of [this.#negative, this.#positive]) {
      for (let i = 0; i < BINS / 2; i++) bins[i] = bins[2 * i] + bins[2 * i + 1]
      bins.fill(0, BINS / 2)
    }
  }

  /** Returns the magnitude beyond which the share of the values is negligible. */
  #covered(bins: Float64Array): number {
    let rest = this.#count * (1 - COVERED)
    for (let i = BINS - 1; i >= 0; i--) {
      rest -= bins[i]
      if (rest < 0) return ((i + 1) * this.#limit) / BINS
    }
    return 0
  }
}

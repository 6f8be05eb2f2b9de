const bins = 20

/** Counts how well edge probabilities agree with target edges, pixel by pixel, over thresholds 0, 0.05, … 0.95. */
export class EdgeScores {
  /** Pixels by threshold bin, on and off the target's edges. */
  readonly #on = new Float64Array(bins)
  readonly #off = new Float64Array(bins)

  add(probabilities: Float32Array, target: Uint8Array): void {
    for (let i = 0; i < target.length; i++) {
      const bin = Math.min(bins - 1, Math.floor(probabilities[i] * bins))
      ;(target[i] ? this.#on : this.#off)[bin]++
    }
  }

  /** Returns F of the edge pixels at threshold 0.5, and at the best one threshold for all images. */
  compute(): { readonly atHalf: number; readonly best: number } {
    const sum = (counts: Float64Array, from = 0) => counts.subarray(from).reduce((a, b) => a + b, 0)
    const f = Array.from({ length: bins }, (_, bin) => {
      const hit = sum(this.#on, bin)
      return (2 * hit) / (hit + sum(this.#off, bin) + sum(this.#on))
    })
    return { atHalf: f[bins / 2], best: Math.max(...f) }
  }
}

/**
 * A sum of doubles that rounds only when it is read, so that the order of adding and merging does not matter.
 * Source: Shewchuk, Adaptive Precision Floating-Point Arithmetic, Discrete & Computational Geometry 1997, Grow-Expansion;
 * the same as Python's `math.fsum`.
 */
export class ExactSum {
  /** Doubles that do not overlap, smallest first; they add up to the sum. */
  #partials: number[]

  constructor(partials: readonly number[] = []) {
    this.#partials = []
    for (const partial of partials) this.add(partial)
  }

  /** Adds a finite number. */
  add(x: number): void {
    const partials: number[] = []
    for (let y of this.#partials) {
      if (Math.abs(x) < Math.abs(y)) [x, y] = [y, x]
      const high = x + y
      const low = y - (high - x)
      if (low !== 0) partials.push(low)
      x = high
    }
    partials.push(x)
    this.#partials = partials
  }

  merge(other: ExactSum): void {
    for (const partial of other.#partials) this.add(partial)
  }

  /** Sum, rounded once. */
  get value(): number {
    // Adds from the largest down. What follows the first rounding error only matters in a tie between two doubles.
    const partials = this.#partials
    let n = partials.length - 1
    if (n < 0) return 0
    let high = partials[n]
    while (n > 0) {
      const x = high
      const y = partials[--n]
      high = x + y
      const low = y - (high - x)
      if (low === 0) continue
      const next = partials[n - 1] ?? 0
      if ((low < 0 && next < 0) || (low > 0 && next > 0)) {
        const doubled = low * 2
        const rounded = high + doubled
        if (doubled === rounded - high) high = rounded
      }
      break
    }
    return high
  }

  /**
   * Returns doubles that the constructor accepts: the rounded sum, the rounded remainder, and so on. Equal sums return equal
   * lists, whatever the order of adding. A sum out of the range of doubles returns an empty list.
   */
  toJSON(): number[] {
    const parts: number[] = []
    const rest = new ExactSum(this.#partials)
    for (let part = rest.value; Number.isFinite(part) && part !== 0; part = rest.value) {
      parts.push(part)
      rest.add(-part)
    }
    return parts
  }
}

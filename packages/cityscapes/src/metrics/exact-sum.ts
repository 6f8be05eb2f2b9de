/**
 * A sum of doubles without rounding until it is read, so that neither the order of adding nor of merging matters.
 * Source: Shewchuk, Adaptive Precision Floating-Point Arithmetic, Discrete & Computational Geometry 1997, Grow-Expansion;
 * the same as Python's `math.fsum`.
 */
export class ExactSum {
  /** Doubles that do not overlap, smallest first: their sum is the sum. */
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

  /** The sum, rounded once. */
  get value(): number {
    // From the largest down: what comes after the first rounding error can only matter in a tie between two doubles.
    const partials = this.#partials
    let n = partials.length - 1
    if (n < 0) return 0
    let high = partials[n]!
    while (n > 0) {
      const x = high
      const y = partials[--n]!
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
   * What {@link ExactSum}'s constructor takes: the sum rounded, what that left out rounded, and so on, so that equal
   * sums give equal lists whatever the order of adding. A sum beyond the doubles gives none.
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

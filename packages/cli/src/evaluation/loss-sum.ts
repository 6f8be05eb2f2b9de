import { ExactSum } from '@inverseform/shared'

/** A sum of losses that does not depend on the order. A loss that is not finite makes the sum the same. */
export class LossSum {
  readonly #finite: ExactSum
  #others: number

  constructor(finite: readonly number[] = [], others = 0) {
    this.#finite = new ExactSum(finite)
    this.#others = others
  }

  add(loss: number): void {
    if (Number.isFinite(loss)) this.#finite.add(loss)
    else this.#others += loss
  }

  merge(other: LossSum): void {
    this.#finite.merge(other.#finite)
    this.#others += other.#others
  }

  get value(): number {
    return this.#finite.value + this.#others
  }

  /** Returns the parts of the exact sum, and what is not finite as text, which JSON would lose as a number. */
  toJSON(): { readonly finite: readonly number[]; readonly others: string } {
    return { finite: this.#finite.toJSON(), others: String(this.#others) }
  }

  static fromJSON(json: unknown): LossSum {
    const { finite, others } = json as ReturnType<LossSum['toJSON']>
    if (!finite.every(Number.isFinite) || !['0', 'NaN', 'Infinity', '-Infinity'].includes(others)) {
      throw new Error('It has a loss that is no sum.')
    }
    return new LossSum(finite, Number(others))
  }
}

import type { RequestProgress } from '@inverseform/runtime'

/** The progress of work that is done in parts. */
export class SummedProgress {
  private readonly reported = new Map<number, RequestProgress>()

  /** @param sizes of the parts, such as how many images each has */
  constructor(private readonly sizes: readonly number[]) {}

  /**
   * Takes what a part says and gives the sum. A part says how much it has to do when it has done some of it; until then it
   * counts as much as the others do, by its size.
   */
  add(part: number, progress: RequestProgress): RequestProgress {
    this.reported.set(part, progress)
    let [done, total, sizeReported] = [0, 0, 0]
    for (const [reporting, { done: partDone, total: partTotal }] of this.reported) {
      done += partDone
      total += partTotal
      sizeReported += this.sizes[reporting]
    }
    const size = this.sizes.reduce((sum, n) => sum + n, 0)
    return { done, total: Math.round((total * size) / sizeReported) }
  }
}

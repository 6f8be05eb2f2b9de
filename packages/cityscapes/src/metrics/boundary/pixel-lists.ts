/** Pixels listed by class, each class's from the top left, row by row. Its arrays are used again for the next image. */
export class PixelLists {
  readonly #ends: Int32Array
  #size = 0
  #classOf = new Uint16Array(2 ** 16)
  #pixel = new Int32Array(2 ** 16)
  #sorted = new Int32Array(2 ** 16)

  constructor(classes: number) {
    this.#ends = new Int32Array(classes)
  }

  clear(): void {
    this.#size = 0
  }

  /** Adds a pixel: row by row, and no pixel twice to a class. */
  add(c: number, pixel: number): void {
    if (this.#size === this.#pixel.length) this.#grow()
    this.#classOf[this.#size] = c
    this.#pixel[this.#size++] = pixel
  }

  /** Sorts what was added by class (a counting sort, which keeps the order within a class). */
  sort(): void {
    const ends = this.#ends.fill(0)
    for (let i = 0; i < this.#size; i++) ends[this.#classOf[i]!]!++
    let start = 0
    for (let c = 0; c < ends.length; c++) {
      const count = ends[c]!
      ends[c] = start
      start += count
    }
    for (let i = 0; i < this.#size; i++) this.#sorted[ends[this.#classOf[i]!]!++] = this.#pixel[i]!
  }

  /** The pixels of class `c`, after {@link sort}; valid until the lists are cleared. */
  of(c: number): Int32Array {
    return this.#sorted.subarray(c === 0 ? 0 : this.#ends[c - 1]!, this.#ends[c]!)
  }

  #grow(): void {
    const [classOf, pixel] = [this.#classOf, this.#pixel]
    this.#classOf = new Uint16Array(2 * classOf.length)
    this.#classOf.set(classOf)
    this.#pixel = new Int32Array(2 * pixel.length)
    this.#pixel.set(pixel)
    this.#sorted = new Int32Array(2 * pixel.length)
  }
}

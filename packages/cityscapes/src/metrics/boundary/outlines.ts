/** Lists of pixels by class, each from the top left, row by row. The arrays are reused for the next image. */
export class PixelLists {
  readonly #ends: Int32Array
  #size = 0
  #classOf = new Uint16Array(2 ** 16)
  #pixel = new Int32Array(2 ** 16)
  #sorted = new Int32Array(2 ** 16)

  constructor(numClasses: number) {
    this.#ends = new Int32Array(numClasses)
  }

  clear(): void {
    this.#size = 0
  }

  /** Adds a pixel. Call it row by row, and not twice for one pixel and class. */
  add(c: number, pixel: number): void {
    if (this.#size === this.#pixel.length) this.#grow()
    this.#classOf[this.#size] = c
    this.#pixel[this.#size++] = pixel
  }

  /** Sorts the pixels by class with a counting sort, which keeps the order within a class. */
  sort(): void {
    const ends = this.#ends.fill(0)
    for (let i = 0; i < this.#size; i++) ends[this.#classOf[i]]++
    let start = 0
    for (let c = 0; c < ends.length; c++) {
      const count = ends[c]
      ends[c] = start
      start += count
    }
    for (let i = 0; i < this.#size; i++) this.#sorted[ends[this.#classOf[i]]++] = this.#pixel[i]
  }

  /** Returns the pixels of class `c` after {@link sort}; valid until {@link clear}. */
  of(c: number): Int32Array {
    return this.#sorted.subarray(c === 0 ? 0 : this.#ends[c - 1], this.#ends[c])
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

/**
 * Lists the boundary pixels of all classes as seg2bmap (Martin's, in DAVIS and Gated-SCNN): a pixel is on the boundary of a
 * class if some, but not all, of the pixel and its neighbors to the right, below, and below right are of the class. In the
 * last row only the neighbor to the right counts, in the last column only the one below: the frame is no boundary. A pixel
 * can be on the boundaries of up to four classes.
 *
 * @param map height x width; ids from `numClasses` on are no class
 */
export function listBoundaries(
  map: Uint16Array,
  width: number,
  height: number,
  numClasses: number,
  lists: PixelLists,
): void {
  lists.clear()
  for (let y = 0; y < height; y++) {
    const down = y < height - 1 ? width : 0
    let i = y * width
    for (const end = i + width - 1; i < end; i++) {
      const a = map[i]
      const b = map[i + 1]
      const c = map[i + down]
      const d = map[i + down + 1]
      if (a === b && a === c && a === d) continue
      if (a < numClasses) lists.add(a, i)
      if (b < numClasses && b !== a) lists.add(b, i)
      if (c < numClasses && c !== a && c !== b) lists.add(c, i)
      if (d < numClasses && d !== a && d !== b && d !== c) lists.add(d, i)
    }
    const a = map[i]
    const c = map[i + down]
    if (a === c) continue
    if (a < numClasses) lists.add(a, i)
    if (c < numClasses) lists.add(c, i)
  }
  lists.sort()
}

/**
 * Lists the surface pixels of all classes as MedPy (a mask without its erosion by a cross): pixels of the class with one of
 * their four neighbors in another class, in void, or outside the image.
 *
 * @param map height x width; ids from `numClasses` on are no class
 */
export function listSurfaces(
  map: Uint16Array,
  width: number,
  height: number,
  numClasses: number,
  lists: PixelLists,
): void {
  lists.clear()
  for (let y = 0, i = 0; y < height; y++) {
    const outer = y === 0 || y === height - 1
    for (let x = 0; x < width; x++, i++) {
      const c = map[i]
      if (c >= numClasses) continue
      if (
        outer ||
        x === 0 ||
        x === width - 1 ||
        map[i - 1] !== c ||
        map[i + 1] !== c ||
        map[i - width] !== c ||
        map[i + width] !== c
      ) {
        lists.add(c, i)
      }
    }
  }
  lists.sort()
}

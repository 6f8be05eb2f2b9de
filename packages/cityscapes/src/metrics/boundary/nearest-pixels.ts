import { FAR, squaredDistances } from '@inverseform/distance-transform'

/** Search steps per pixel of the box above which a distance transform of the box is faster. */
const STEPS_A_PIXEL = 4

/**
 * Squared Euclidean distances between two sets of pixels. The arrays are reused for the next sets.
 *
 * Boundaries that are close, such as those of a prediction and its target, need a search of a few rows each, while a
 * distance transform visits far more pixels. If they are far apart or fill the image, the transform bounds the time.
 */
export class NearestPixels {
  #starts = new Int32Array(0)
  #cursors = new Int32Array(0)
  #mask = new Uint8Array(0)
  #squares = new Int32Array(0)
  #results = new Int32Array(0)

  /**
   * Finds the nearest pixels of another set.
   * @param from indices of pixels, ascending, at least one
   * @param to indices of pixels, ascending, at least one
   * @param limit greatest square of interest
   * @returns for each pixel of `from` the square of its distance to the nearest pixel of `to`, or any number above `limit`
   *   if the square is above `limit`; valid until the next call
   */
  squares(from: Int32Array, to: Int32Array, width: number, height: number, limit = FAR - 1): Int32Array {
    if (this.#results.length < from.length) this.#results = new Int32Array(from.length)
    const results = this.#results.subarray(0, from.length)
    const box = boxOf(from, to, width)
    this.#listRows(to, width, height)
    const search = { to, width, starts: this.#starts, cursors: this.#cursors, results }
    if (!nearestInRows(from, search, limit, STEPS_A_PIXEL * box.width * box.height)) {
      this.#transform(from, to, width, box, results)
    }
    return results
  }

  /** Finds where in `to` each row starts and where the last row ends. */
  #listRows(to: Int32Array, width: number, height: number): void {
    if (this.#cursors.length !== height) {
      this.#starts = new Int32Array(height + 1)
      this.#cursors = new Int32Array(height)
    }
    const starts = this.#starts
    for (let y = 0, i = 0; y <= height; y++) {
      while (i < to.length && to[i] < y * width) i++
      starts[y] = i
    }
    this.#cursors.set(starts.subarray(0, height))
  }

  #transform(from: Int32Array, to: Int32Array, width: number, box: Box, results: Int32Array): void {
    const pixels = box.width * box.height
    if (this.#mask.length < pixels) {
      this.#mask = new Uint8Array(pixels)
      this.#squares = new Int32Array(pixels)
    }
    const mask = this.#mask.fill(0, 0, pixels)
    const place = (pixel: number): number => {
      const y = (pixel / width) | 0
      return (y - box.top) * box.width + (pixel - y * width) - box.left
    }
    for (let i = 0; i < to.length; i++) mask[place(to[i])] = 1
    const squares = squaredDistances(mask, box.width, box.height, this.#squares)
    for (let i = 0; i < from.length; i++) results[i] = squares[place(from[i])]
  }
}

interface RowSearch {
  readonly to: Int32Array
  readonly width: number
  /** Where in `to` each row starts, then where the last row ends. */
  readonly starts: Int32Array
  /** For each row, the place in `to` of the last search; the next search is usually near. */
  readonly cursors: Int32Array
  readonly results: Int32Array
}

/** Searches the nearest pixels row by row, up and down from each pixel. Returns false after more than `budget` steps. */
function nearestInRows(
  from: Int32Array,
  { to, width, starts, cursors, results }: RowSearch,
  limit: number,
  budget: number,
): boolean {
  const first = Math.floor(to[0] / width)
  const last = Math.floor(to[to.length - 1] / width)
  let steps = 0
  for (let i = 0; i < from.length; i++) {
    const pixel = from[i]
    const y = (pixel / width) | 0
    let best = limit + 1
    for (let rows = Math.max(0, first - y, y - last); rows * rows < best; rows++) {
      if (y - rows < first && y + rows > last) break
      steps++
      for (let side = rows === 0 ? 1 : -1; side <= 1; side += 2) {
        const row = y + side * rows
        if (row < first || row > last) continue
        const start = starts[row]
        const end = starts[row + 1]
        if (start === end) continue
        const opposite = pixel + side * rows * width
        const cursor = cursors[row]
        let next = cursor
        while (next < end && to[next] < opposite) next++
        while (next > start && to[next - 1] >= opposite) next--
        cursors[row] = next
        steps += Math.abs(next - cursor)
        const right = next < end ? to[next] - opposite : width
        const left = next > start ? opposite - to[next - 1] : width
        const columns = Math.min(left, right)
        best = Math.min(best, rows * rows + columns * columns)
      }
    }
    results[i] = best
    if (steps > budget) return false
  }
  return true
}

interface Box {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

/** Returns the smallest box around both sets. */
function boxOf(from: Int32Array, to: Int32Array, width: number): Box {
  let left = width
  let right = 0
  for (const pixels of [from, to]) {
    for (let i = 0; i < pixels.length; i++) {
      const x = pixels[i] % width
      if (x < left) left = x
      if (x > right) right = x
    }
  }
  const top = Math.floor(Math.min(from[0], to[0]) / width)
  const bottom = Math.floor(Math.max(from[from.length - 1], to[to.length - 1]) / width)
  return { left, top, width: right - left + 1, height: bottom - top + 1 }
}

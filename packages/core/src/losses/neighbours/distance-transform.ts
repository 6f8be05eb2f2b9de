/**
 * Exact Euclidean distance of every pixel to the nearest pixel where `mask` is not 0, in pixels between centres; Infinity
 * everywhere when there is none. Linear in the number of pixels.
 *
 * Source: Felzenszwalb and Huttenlocher, Distance Transforms of Sampled Functions, Theory of Computing 2012.
 *
 * @param mask height x width in C order
 * @returns height x width
 */
export function distanceTransform(mask: ArrayLike<number>, height: number, width: number): Float64Array {
  const distances = columnDistances(mask, height, width)
  const squares = new Float64Array(width)
  // The lower envelope of the parabolas at each column: their columns, and from where each is the lowest.
  const vertices = new Int32Array(width)
  const starts = new Float64Array(width)
  for (let offset = 0; offset < distances.length; offset += width) {
    const row = distances.subarray(offset, offset + width)
    let last = -1
    for (let x = 0; x < width; x++) {
      const square = row[x]! ** 2
      squares[x] = square
      if (square === Number.POSITIVE_INFINITY) continue
      let start = Number.NEGATIVE_INFINITY
      while (last >= 0) {
        const v = vertices[last]!
        start = (square + x * x - squares[v]! - v * v) / (2 * (x - v))
        if (start > starts[last]!) break
        last--
      }
      last++
      vertices[last] = x
      starts[last] = last === 0 ? Number.NEGATIVE_INFINITY : start
    }
    if (last < 0) continue
    for (let x = 0, k = 0; x < width; x++) {
      while (k < last && starts[k + 1]! < x) k++
      const v = vertices[k]!
      row[x] = Math.sqrt((x - v) ** 2 + squares[v]!)
    }
  }
  return distances
}

/** Distance to the nearest pixel of the mask in the same column. */
function columnDistances(mask: ArrayLike<number>, height: number, width: number): Float64Array {
  const distances = new Float64Array(height * width)
  for (let i = 0; i < distances.length; i++) {
    distances[i] = mask[i] ? 0 : i < width ? Number.POSITIVE_INFINITY : distances[i - width]! + 1
  }
  for (let i = distances.length - width - 1; i >= 0; i--) {
    distances[i] = Math.min(distances[i]!, distances[i + width]! + 1)
  }
  return distances
}

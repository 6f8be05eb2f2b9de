import { checkArgument, checkInteger, checkLength, typeName } from '@inverseform/errors'

// Half of the offsets (dx, dy) with 0 < dx² + dy² <= 2²; the other half is their opposites.
const offsets = [
  [1, 0],
  [2, 0],
  [-1, 1],
  [0, 1],
  [1, 1],
  [0, 2],
] as const

// Class 0 (road) has no boundary of its own: the published code compares labels with 1..19, never with 0.
const isClass = (id: number): boolean => id >= 1 && id <= 18

/**
 * Computes the edge target that InverseForm is trained and evaluated on: 1 on edges, 0 elsewhere, one byte per pixel.
 *
 * A pixel is an edge if a pixel with another label, or the outside of the image, is within a Euclidean distance of 2, and
 * one of the two is a class in 1..18. This equals the published definition: the union over these classes of the pixels
 * whose distance transform across the class's boundary, in the image padded with "not this class", is at most 2
 * (InverseForm, `onehot_to_binary_edges` with radius 2). It takes one pass over the pixels instead.
 *
 * @param trainIds width · height train ids, 0..18; all other ids are ignored pixels
 * @throws InverseFormError `invalid-argument` unless `trainIds` holds 8- or 16-bit unsigned integers; `size-mismatch`
 */
export function edgeMap(trainIds: Uint8Array | Uint16Array, width: number, height: number): Uint8Array {
  checkArgument(
    'trainIds',
    trainIds,
    ['Uint8Array', 'Uint8ClampedArray', 'Uint16Array'].includes(typeName(trainIds)),
    'a Uint8Array or a Uint16Array',
  )
  checkInteger('width', width, { min: 0 })
  checkInteger('height', height, { min: 0 })
  checkLength(
    'trainIds',
    trainIds.length,
    width * height,
    `one train id for each of ${width} x ${height} pixels`,
  )
  const edges = new Uint8Array(width * height)
  for (const [dx, dy] of offsets) {
    const step = dy * width + dx
    const from = Math.max(0, -dx)
    const to = width - Math.max(0, dx)
    for (let y = 0; y < height - dy; y++) {
      for (let i = y * width + from; i < y * width + to; i++) {
        const id = trainIds[i]
        const other = trainIds[i + step]
        if (id !== other && (isClass(id) || isClass(other))) edges[i] = edges[i + step] = 1
      }
    }
  }
  const outer = (i: number): void => {
    if (isClass(trainIds[i])) edges[i] = 1
  }
  for (let y = 0; y < height; y++) {
    const inside = y >= 2 && y < height - 2
    for (let x = 0; x < width; x++) {
      if (inside && x === 2) x = Math.max(x, width - 2)
      outer(y * width + x)
    }
  }
  return edges
}

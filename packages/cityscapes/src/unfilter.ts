/**
 * Reverses the row filters of a PNG; each row starts with the number of its filter (PNG specification, 9.2).
 * @param step bytes per pixel, at least 1
 */
export function unfilter(filtered: Uint8Array, rowBytes: number, height: number, step: number): Uint8Array {
  const rows = new Uint8Array(rowBytes * height)
  let above = new Uint8Array(rowBytes)
  for (let y = 0; y < height; y++) {
    const start = y * (rowBytes + 1)
    const row = rows.subarray(y * rowBytes, (y + 1) * rowBytes)
    row.set(filtered.subarray(start + 1, start + 1 + rowBytes))
    const undo = undoFilter[filtered[start]]
    if (undo === undefined) throw new Error(`row ${y} has the filter ${filtered[start]}`)
    undo(row, above, step)
    above = row
  }
  return rows
}
type UndoFilter = (row: Uint8Array, above: Uint8Array, step: number) => void

/** Indexed by filter number. Values left of the first pixel and above the first row are 0. */
const undoFilter: readonly UndoFilter[] = [
  () => {},
  function sub(row, _, step) {
    for (let i = step; i < row.length; i++) row[i] += row[i - step]
  },
  function up(row, above) {
    for (let i = 0; i < row.length; i++) row[i] += above[i]
  },
  function average(row, above, step) {
    for (let i = 0; i < row.length; i++) row[i] += ((i < step ? 0 : row[i - step]) + above[i]) >> 1
  },
  function paeth(row, above, step) {
    for (let first = 0; first < step; first++) {
      let left = 0
      let aboveLeft = 0
      for (let i = first; i < row.length; i += step) {
        const up = above[i]
        left = (row[i] + nearest(left, up, aboveLeft)) & 255
        row[i] = left
        aboveLeft = up
      }
    }
  },
]

/** The neighbor closest to left + up - aboveLeft; the first one on a tie (PNG specification, 9.4). */
function nearest(left: number, up: number, aboveLeft: number): number {
  // Fast path inside an area of one id and at its sides.
  if (up === aboveLeft) return left
  if (left === aboveLeft) return up
  const fromLeft = Math.abs(up - aboveLeft)
  const fromUp = Math.abs(left - aboveLeft)
  const fromAboveLeft = Math.abs(left + up - 2 * aboveLeft)
  if (fromLeft <= fromUp && fromLeft <= fromAboveLeft) return left
  return fromUp <= fromAboveLeft ? up : aboveLeft
}

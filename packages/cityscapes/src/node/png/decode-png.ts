import { endianness } from 'node:os'
import { crc32, inflateSync } from 'node:zlib'
import { decodeLabelPngWith, type LabelMap, type LabelPngHeader, storedPixels } from '../../png.js'

/**
 * Decodes like `decodeLabelPng`, with Node's zlib: four times faster.
 * @throws InverseFormError as decodeLabelPng, and `unreadable` for more pixels than in the header
 */
export function decodeLabelPngNatively(bytes: Uint8Array, name?: string): LabelMap {
  return decodeLabelPngWith(decodeRows, bytes, name)
}

function decodeRows(bytes: Uint8Array, header: LabelPngHeader): Uint8Array | Uint16Array {
  const { width, height, depth } = header
  const [colorType, ...methods] = bytes.subarray(25, 29)
  // The shared decoder handles interlaced images, which are rare, and rejects invalid headers.
  if (
    ![1, 2, 4, 8, 16].includes(depth) ||
    ![0, 3].includes(colorType) ||
    methods.some((method) => method !== 0)
  ) {
    return storedPixels(bytes)
  }
  const rowBytes = Math.ceil((width * depth) / 8)
  const filtered = inflateSync(Buffer.concat([...imageData(bytes)]), {
    maxOutputLength: (rowBytes + 1) * height,
  })
  if (filtered.length < (rowBytes + 1) * height) {
    throw new Error(`it ends in row ${Math.floor(filtered.length / (rowBytes + 1))}`)
  }
  const rows = unfilter(filtered, rowBytes, height, depth === 16 ? 2 : 1)
  if (depth < 16) return rows
  // PNG stores the high byte first.
  if (endianness() === 'LE') Buffer.from(rows.buffer).swap16()
  return new Uint16Array(rows.buffer)
}

/** Yields the contents of the IDAT chunks; checks all checksums and the end of the file. */
function* imageData(bytes: Uint8Array): Generator<Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 8; at + 12 <= bytes.length; ) {
    const contents = at + 8
    const end = contents + view.getUint32(at)
    if (end + 4 > bytes.length) break
    const type = String.fromCharCode(...bytes.subarray(at + 4, contents))
    if (crc32(bytes.subarray(at + 4, end)) !== view.getUint32(end)) {
      throw new Error(`wrong checksum of the chunk ${JSON.stringify(type)} at byte ${at}`)
    }
    if (type === 'IDAT') yield bytes.subarray(contents, end)
    if (type === 'IEND') return
    at = end + 4
  }
  throw new Error('it has no end')
}

/**
 * Reverses the row filters; each row starts with the number of its filter (PNG specification, 9.2).
 * @param step bytes per pixel
 */
function unfilter(filtered: Uint8Array, rowBytes: number, height: number, step: number): Uint8Array {
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

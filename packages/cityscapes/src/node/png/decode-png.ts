import { endianness } from 'node:os'
import { crc32, inflateSync } from 'node:zlib'
import {
  type DecodeLabelPngOptions,
  decodeLabelPngWith,
  type LabelMap,
  type LabelPngHeader,
} from '../../png.js'
import { unfilter } from '../../unfilter.js'

/**
 * Decodes like `decodeLabelPng`, with Node's zlib: four times faster.
 * @throws InverseFormError as decodeLabelPng, and `unreadable` for more pixels than in the header
 */
export function decodeLabelPngNatively(
  bytes: Uint8Array,
  name?: string,
  options?: DecodeLabelPngOptions,
): LabelMap {
  return decodeLabelPngWith({ pixels: decodeRows, inflate }, bytes, name, options)
}

/** Inflates the image data. The result is shorter than `length` for a truncated file. */
const inflate = (bytes: Uint8Array, length: number): Uint8Array =>
  inflateSync(Buffer.concat([...imageData(bytes)]), { maxOutputLength: length })

function decodeRows(bytes: Uint8Array, { width, height, depth }: LabelPngHeader): Uint8Array | Uint16Array {
  const rowBytes = Math.ceil((width * depth) / 8)
  const filtered = inflate(bytes, (rowBytes + 1) * height)
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

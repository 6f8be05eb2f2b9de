import { crc32 } from '@inverseform/shared'
import { decode } from 'fast-png'
import { unfilter } from './unfilter.js'

interface Size {
  readonly width: number
  readonly height: number
  /** Bits per pixel. */
  readonly depth: number
}

/** First column and row, and steps between columns and rows, of the passes of Adam7 (PNG specification, 8.2). */
const adam7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const

/** The passes that hold pixels, with the size of each. */
const passesOf = ({ width, height, depth }: Size) =>
  adam7
    .map(([x, y, stepX, stepY]) => {
      const columns = Math.ceil((width - x) / stepX)
      return { x, y, stepX, stepY, columns, rows: Math.ceil((height - y) / stepY), rowBytes: Math.ceil((columns * depth) / 8) } // biome-ignore format: one line
    })
    .filter(({ columns, rows }) => columns > 0 && rows > 0)

/** Number of bytes of the inflated data of an interlaced image. */
export const interlacedLength = (size: Size): number =>
  passesOf(size).reduce((sum, { rows, rowBytes }) => sum + rows * (rowBytes + 1), 0)

/**
 * Puts the passes of an interlaced image together: ids, one per element, of images with one value per pixel.
 * @throws Error for too little data or an unknown row filter
 */
export function deinterlace(filtered: Uint8Array, size: Size): Uint8Array | Uint16Array {
  const { width, height, depth } = size
  if (filtered.length < interlacedLength(size)) throw new Error('its data ends too early')
  const ids = depth === 16 ? new Uint16Array(width * height) : new Uint8Array(width * height)
  const mask = 2 ** Math.min(depth, 8) - 1
  let start = 0
  for (const { x, y, stepX, stepY, columns, rows, rowBytes } of passesOf(size)) {
    const end = start + rows * (rowBytes + 1)
    const packed = unfilter(filtered.subarray(start, end), rowBytes, rows, Math.max(1, depth / 8))
    start = end
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const bit = column * depth
        const at = row * rowBytes + (bit >> 3)
        // Values below 8 bits are stored from the high bits down; 16 bits with the high byte first.
        const id =
          depth === 16 ? packed[at] * 256 + packed[at + 1] : (packed[at] >> (8 - depth - (bit & 7))) & mask
        ids[(y + row * stepY) * width + x + column * stepX] = id
      }
    }
  }
  return ids
}

/**
 * Inflates the image data of a PNG without Node, and checks all checksums. The decoder has no function for that alone:
 * it decodes the data as one row of gray bytes, after a filter of 0 in a stored block before it (RFC 1951, 3.2.4).
 */
export function inflated(bytes: Uint8Array, length: number): Uint8Array {
  const chunks = imageData(bytes)
  const data = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
  let at = 0
  for (const chunk of chunks) {
    data.set(chunk, at)
    at += chunk.length
  }
  const header = new Uint8Array(13)
  const view = new DataView(header.buffer)
  view.setUint32(0, length)
  view.setUint32(4, 1)
  header[8] = 8
  const stored = Uint8Array.of(0, 1, 0, 0xfe, 0xff, 0)
  const parts = [
    bytes.subarray(0, 8),
    ...chunkOf('IHDR', header),
    ...chunkOf('IDAT', data.subarray(0, 2), stored, data.subarray(2)),
    ...chunkOf('IEND'),
  ]
  const png = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  at = 0
  for (const part of parts) {
    png.set(part, at)
    at += part.length
  }
  const inflatedData = decode(png).data as Uint8Array
  // The decoder fills what a truncated stream lacks with zeros.
  const ending = new DataView(data.buffer, Math.max(0, data.length - 4))
  if (data.length < 6 || adler32(inflatedData) !== ending.getUint32(0)) throw new Error('its data is wrong')
  return inflatedData
}

/** The checksum at the end of a zlib stream (RFC 1950, 9). */
function adler32(bytes: Uint8Array): number {
  let [a, b] = [1, 0]
  for (const byte of bytes) {
    a = (a + byte) % 65_521
    b = (b + a) % 65_521
  }
  return b * 65_536 + a
}

/** A chunk with a checksum of 0, which the decoder does not check. */
function chunkOf(type: string, ...contents: readonly Uint8Array[]): Uint8Array[] {
  const start = new Uint8Array(8)
  new DataView(start.buffer).setUint32(
    0,
    contents.reduce((sum, part) => sum + part.length, 0),
  )
  start.set([...type].map((letter) => letter.charCodeAt(0)), 4) // biome-ignore format: one line
  return [start, ...contents, new Uint8Array(4)]
}

/** The contents of the IDAT chunks. */
function imageData(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const found: Uint8Array[] = []
  for (let at = 8; at + 12 <= bytes.length; ) {
    const end = at + 8 + view.getUint32(at)
    if (end + 4 > bytes.length) break
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8))
    if (crc32(bytes.subarray(at + 4, end)) !== view.getUint32(end)) {
      throw new Error(`wrong checksum of the chunk ${JSON.stringify(type)} at byte ${at}`)
    }
    if (type === 'IDAT') found.push(bytes.subarray(at + 8, end))
    if (type === 'IEND') return found
    at = end + 4
  }
  throw new Error('it has no end')
}

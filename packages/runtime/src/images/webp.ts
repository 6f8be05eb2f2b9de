import { exifOrientation } from './exif.js'
import { HeaderError, type ImageFile, joined, Reader } from './image-file.js'

interface Chunk {
  readonly type: string
  readonly data: Uint8Array
}

/** Reads the header of a WebP. Only the chunk with the colors of the (first) picture is kept. */
export function readWebp(bytes: Uint8Array): ImageFile {
  const chunks = chunksOf(bytes, 12)
  const exif = chunks.find(({ type }) => type === 'EXIF')
  const orientation = exif ? exifOrientation(exif.data) : 1
  const frame = chunks.find(({ type }) => type === 'ANMF')
  const picture = pictureOf(frame ? chunksOf(frame.data, 16) : chunks)
  const canvas = chunks.find(({ type }) => type === 'VP8X')
  const size = canvas ? canvasSize(canvas) : sizeOf(picture)
  const own = sizeOf(picture)
  // A frame that covers only a part of its canvas is left to the decoder.
  const whole = own.width === size.width && own.height === size.height
  return {
    format: 'WebP',
    width: Math.max(size.width, own.width),
    height: Math.max(size.height, own.height),
    bytes: whole ? webpOf(picture) : new Uint8Array(bytes),
    orientation,
    // A lossy picture has its alpha in another chunk, which is not kept.
    alpha: !whole || hasAlpha(picture),
    cmyk: false,
  }
}

function chunksOf(bytes: Uint8Array, start: number): Chunk[] {
  const reader = new Reader(bytes)
  reader.littleEndian = true
  const chunks: Chunk[] = []
  for (let at = start; at + 8 <= bytes.length; ) {
    const length = reader.uint32(at + 4)
    if (at + 8 + length > bytes.length) throw new HeaderError('it is truncated')
    chunks.push({ type: reader.text(at, 4), data: bytes.subarray(at + 8, at + 8 + length) })
    at += 8 + length + (length % 2)
  }
  return chunks
}

function pictureOf(chunks: readonly Chunk[]): Chunk {
  const picture = chunks.find(({ type }) => type === 'VP8 ' || type === 'VP8L')
  if (!picture) throw new HeaderError('it has no picture')
  return picture
}

function canvasSize({ data }: Chunk): { width: number; height: number } {
  const reader = new Reader(data)
  const uint24 = (at: number) =>
    reader.uint8(at) + 2 ** 8 * reader.uint8(at + 1) + 2 ** 16 * reader.uint8(at + 2)
  return { width: uint24(4) + 1, height: uint24(7) + 1 }
}

function sizeOf({ type, data }: Chunk): { width: number; height: number } {
  const reader = new Reader(data)
  reader.littleEndian = true
  if (type === 'VP8 ') return { width: reader.uint16(6) & 0x3fff, height: reader.uint16(8) & 0x3fff }
  const bits = reader.uint32(1)
  return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 }
}

/** Returns whether a lossless picture says that it uses alpha. */
const hasAlpha = ({ type, data }: Chunk): boolean => type === 'VP8L' && (data[4] & 0x10) > 0

function webpOf({ type, data }: Chunk): Uint8Array<ArrayBuffer> {
  const padded = data.length + (data.length % 2)
  const head = new Uint8Array(20)
  const view = new DataView(head.buffer)
  head.set(new TextEncoder().encode(`RIFF    WEBP${type}`))
  view.setUint32(4, 12 + padded, true)
  view.setUint32(16, data.length, true)
  return joined([head, data, new Uint8Array(padded - data.length)])
}

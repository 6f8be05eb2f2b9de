import { crc32 } from 'node:zlib'

/** The header fields of a PNG (PNG specification, 11.2.1). */
export interface PngHeader {
  readonly width: number
  readonly height: number
  /** Bits per sample; 8 by default. */
  readonly depth?: number
  /** 0: gray (the default), 2: RGB, 3: palette, 4: gray and alpha, 6: RGBA. */
  readonly colorType?: number
  /** 0: none (the default), 1: Adam7. */
  readonly interlace?: number
}

/** Makes a PNG chunk with its length and checksum. */
export function pngChunk(type: string, data: Uint8Array = new Uint8Array(0)): Buffer {
  const body = Buffer.concat([Buffer.from(type), data])
  const numbers = Buffer.alloc(8)
  numbers.writeUInt32BE(data.length)
  numbers.writeUInt32BE(crc32(body), 4)
  return Buffer.concat([numbers.subarray(0, 4), body, numbers.subarray(4)])
}

/** Makes a PNG of a header and the chunks between it and IEND. */
export function pngFile(
  { width, height, depth = 8, colorType = 0, interlace = 0 }: PngHeader,
  chunks: readonly Uint8Array[],
): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width)
  header.writeUInt32BE(height, 4)
  header[8] = depth
  header[9] = colorType
  header[12] = interlace
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10])
  return Buffer.concat([signature, pngChunk('IHDR', header), ...chunks, pngChunk('IEND')])
}

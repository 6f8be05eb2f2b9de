import { HeaderError, type ImageFile, Reader } from './image-file.js'

const tags = { width: 256, height: 257, bits: 258, photometric: 262, format: 339 } as const

/** How samples are stored: tag 339. */
const SAMPLE_FORMATS = ['', 'unsigned', 'signed', 'floating-point', 'undefined', 'complex', 'complex']

/** How samples become colors, tag 262: gray (two ways), RGB, palette, CMYK, YCbCr. */
const PHOTOMETRICS = [0, 1, 2, 3, 5, 6]
const CMYK = 5

/** Reads the header of a TIFF's first picture. Decoders apply its orientation themselves. */
export function readTiff(bytes: Uint8Array): ImageFile {
  const reader = new Reader(bytes)
  reader.littleEndian = reader.text(0, 2) === 'II'
  const first = entriesOf(reader)
  const [width, height] = [first(tags.width) ?? 0, first(tags.height) ?? 0]
  const bits = first(tags.bits) ?? 1
  const format = first(tags.format) ?? 1
  if (format !== 1 || bits > 16) {
    const kind = SAMPLE_FORMATS[format] ?? 'undefined'
    throw new HeaderError(
      `its samples are ${bits}-bit ${kind}; unsigned samples of up to 16 bits are accepted`,
    )
  }
  const photometric = first(tags.photometric) ?? 1
  if (!PHOTOMETRICS.includes(photometric)) {
    throw new HeaderError(
      `its photometric interpretation is ${photometric}; gray, RGB, palettes, CMYK and YCbCr are accepted`,
    )
  }
  return {
    format: 'TIFF',
    width,
    height,
    bytes: new Uint8Array(bytes),
    orientation: 1,
    alpha: false,
    cmyk: photometric === CMYK,
  }
}

/** Returns a function that finds the first value of a tag. Files with 64-bit offsets are BigTIFF. */
function entriesOf(reader: Reader): (tag: number) => number | undefined {
  const big = reader.uint16(2) === 43
  const directory = big ? reader.uint64(8) : reader.uint32(4)
  const count = big ? reader.uint64(directory) : reader.uint16(directory)
  const [start, size] = big ? [directory + 8, 20] : [directory + 2, 12]
  // Directories are short: tags beyond this many are not about pixels.
  const most = Math.min(count, 4096)
  return (tag) => {
    for (let i = 0; i < most; i++) {
      const entry = start + size * i
      if (reader.uint16(entry) !== tag) continue
      const length = big ? reader.uint64(entry + 4) : reader.uint32(entry + 4)
      const isShort = reader.uint16(entry + 2) === 3
      const field = entry + (big ? 12 : 8)
      const fits = length * (isShort ? 2 : 4) <= (big ? 8 : 4)
      const at = fits ? field : big ? reader.uint64(field) : reader.uint32(field)
      return isShort ? reader.uint16(at) : reader.uint32(at)
    }
    return undefined
  }
}

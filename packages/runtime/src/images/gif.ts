import { type ImageFile, Reader } from './image-file.js'

const [EXTENSION, GRAPHIC_CONTROL, FRAME] = [0x21, 0xf9, 0x2c]

/** Reads the header of a GIF. No color of its first frame stays transparent: pixels have the colors of the palette. */
export function readGif(bytes: Uint8Array): ImageFile {
  const reader = new Reader(bytes)
  reader.littleEndian = true
  // `slice` of a Node Buffer would not copy.
  const copy = new Uint8Array(bytes)
  const flags = reader.uint8(10)
  let at = 13 + (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0)
  while (reader.uint8(at) === EXTENSION) {
    if (reader.uint8(at + 1) === GRAPHIC_CONTROL) copy[at + 3] &= 0xfe
    at += 2
    while (reader.uint8(at) > 0) at += 1 + reader.uint8(at)
    at++
  }
  // Decoders enlarge the screen to a first frame that exceeds it.
  const hasFrame = reader.uint8(at) === FRAME
  const right = hasFrame ? reader.uint16(at + 1) + reader.uint16(at + 5) : 0
  const bottom = hasFrame ? reader.uint16(at + 3) + reader.uint16(at + 7) : 0
  return {
    format: 'GIF',
    width: Math.max(reader.uint16(6), right),
    height: Math.max(reader.uint16(8), bottom),
    bytes: copy,
    orientation: 1,
    alpha: false,
    cmyk: false,
  }
}

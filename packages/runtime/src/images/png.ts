import { exifOrientation } from './exif.js'
import { HeaderError, type ImageFile, joined, Reader } from './image-file.js'

/** Color types with an alpha channel: gray and RGB. */
const ALPHA = [4, 6]

/**
 * Reads the header of a PNG. Only its critical chunks are kept: those that hold pixels. Gamma, color profiles, and tRNS,
 * which makes a color transparent, are ancillary.
 */
export function readPng(bytes: Uint8Array): ImageFile {
  const reader = new Reader(bytes)
  if (reader.text(12, 4) !== 'IHDR') throw new HeaderError('it has no IHDR chunk')
  const kept = [bytes.subarray(0, 8)]
  let orientation = 1
  for (let at = 8; at + 8 <= bytes.length; ) {
    const end = at + 12 + reader.uint32(at)
    const type = reader.text(at + 4, 4)
    if (isCritical(type)) kept.push(bytes.subarray(at, end))
    if (type === 'eXIf') orientation = exifOrientation(bytes.subarray(at + 8, end - 4))
    if (type === 'IEND') break
    at = end
  }
  return {
    format: 'PNG',
    width: reader.uint32(16),
    height: reader.uint32(20),
    bytes: joined(kept),
    orientation,
    alpha: ALPHA.includes(reader.uint8(25)),
    cmyk: false,
  }
}

/** The fifth bit of the first letter, which makes it a small letter, marks ancillary chunks. */
const isCritical = (type: string): boolean => (type.charCodeAt(0) & 0x20) === 0

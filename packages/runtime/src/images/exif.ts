import { Reader } from './image-file.js'

const ORIENTATION = 0x112

/** Returns the orientation, 1 to 8, in EXIF data; 1 if there is none or the data is damaged. */
export function exifOrientation(exif: Uint8Array): number {
  try {
    const prefixed = String.fromCharCode(...exif.subarray(0, 6)) === 'Exif\0\0'
    const reader = new Reader(prefixed ? exif.subarray(6) : exif)
    reader.littleEndian = reader.text(0, 2) === 'II'
    const ifd = reader.uint32(4)
    for (let i = 0; i < reader.uint16(ifd); i++) {
      const entry = ifd + 2 + 12 * i
      if (reader.uint16(entry) !== ORIENTATION) continue
      const value = reader.uint16(entry + 8)
      return value >= 1 && value <= 8 ? value : 1
    }
  } catch {
    // Damaged metadata is no reason to refuse the pixels.
  }
  return 1
}

import { HeaderError, type ImageFile, joined, Reader } from './image-file.js'

const [SOS, EOI, APP2] = [0xda, 0xd9, 0xe2]

/** Frame headers, SOF0 to SOF15; three of the numbers mean something else. */
const isFrame = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)

/** Markers without a segment: TEM, and RST0 to SOI. */
const isAlone = (marker: number): boolean => marker === 1 || (marker >= 0xd0 && marker <= 0xd8)

/** Reads the header of a JPEG, and removes its color profile. Decoders apply the EXIF orientation themselves. */
export function readJpeg(bytes: Uint8Array): ImageFile {
  const reader = new Reader(bytes)
  const kept = [bytes.subarray(0, 2)]
  let frame: { width: number; height: number; channels: number } | undefined
  for (let at = 2; ; ) {
    // Any number of fill bytes may precede a marker.
    const start = at
    if (reader.uint8(at) !== 0xff) throw new HeaderError('its segments are damaged')
    while (reader.uint8(at + 1) === 0xff) at++
    const marker = reader.uint8(at + 1)
    if (marker === SOS || marker === EOI) {
      kept.push(bytes.subarray(start))
      break
    }
    if (isAlone(marker)) {
      kept.push(bytes.subarray(start, at + 2))
      at += 2
      continue
    }
    const end = at + 2 + reader.uint16(at + 2)
    if (isFrame(marker)) {
      frame ??= {
        height: reader.uint16(at + 5),
        width: reader.uint16(at + 7),
        channels: reader.uint8(at + 9),
      }
    }
    const isProfile = marker === APP2 && end >= at + 16 && reader.text(at + 4, 12) === 'ICC_PROFILE\0'
    if (!isProfile) kept.push(bytes.subarray(start, end))
    at = end
  }
  if (!frame) throw new HeaderError('it has no frame header')
  const { width, height, channels } = frame
  return {
    format: 'JPEG',
    width,
    height,
    bytes: joined(kept),
    orientation: 1,
    alpha: false,
    cmyk: channels === 4,
  }
}

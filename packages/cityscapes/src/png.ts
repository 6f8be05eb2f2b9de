import { InverseFormError } from '@inverseform/errors'
import { decode, encode, hasPngSignature } from 'fast-png'

/** A map of ids, one a pixel, row by row from the top left. */
export interface LabelMap<Data extends Uint8Array | Uint16Array = Uint8Array | Uint16Array> {
  readonly width: number
  readonly height: number
  /** width · height ids. */
  readonly data: Data
}

/** Largest label map that is decoded, in pixels: a few bytes of PNG can claim to be a picture of any size. */
export const MAX_LABEL_PIXELS = 2 ** 28

/** What a PNG says of itself. */
export interface LabelPngHeader {
  readonly width: number
  readonly height: number
  readonly depth: number
  readonly colourType: number
  readonly interlaced: boolean
}

const colourKinds: Readonly<Record<number, string>> = { 2: 'RGB', 4: 'grey with alpha', 6: 'RGBA' }

const unreadable = (name: string, what: string, hint: string, cause?: unknown): InverseFormError =>
  new InverseFormError('unreadable', `${name} ${what}.`, { hint, cause, details: { name } })

const again = 'Copy or download the file again.'

/** Reads IHDR, which is always the first chunk (PNG specification, 11.2.1). */
function readHeader(bytes: Uint8Array, name: string): LabelPngHeader {
  if (!hasPngSignature(bytes))
    throw unreadable(
      name,
      bytes.length === 0 ? 'is empty' : 'is not a PNG file',
      'Pass a label map as a PNG file; other formats either lose ids or have none.',
    )
  if (bytes.length < 33) throw unreadable(name, 'ends within its PNG header', again)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return {
    width: view.getUint32(16),
    height: view.getUint32(20),
    depth: bytes[24]!,
    colourType: bytes[25]!,
    interlaced: bytes[28] !== 0,
  }
}

/** Ids of 1, 2 or 4 bits, packed from the high bits down, each row padded to a whole byte. */
function unpack(packed: Uint8Array | Uint16Array, width: number, height: number, depth: number): Uint8Array {
  const rowBytes = Math.ceil((width * depth) / 8)
  const perByte = 8 / depth
  const mask = (1 << depth) - 1
  const ids = new Uint8Array(width * height)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const byte = packed[y * rowBytes + Math.floor(x / perByte)]!
      ids[y * width + x] = (byte >> (8 - depth * ((x % perByte) + 1))) & mask
    }
  return ids
}

/**
 * Decodes a PNG whose pixels are ids: grey of 1, 2, 4, 8 or 16 bits, or with a palette, whose indices (never
 * colours) are the ids. The ids are the stored values: those of fewer than 8 bits are not stretched to 0..255.
 *
 * @param name what to call the file in errors
 * @returns ids as bytes, or as 16-bit words when the file has 16 bits
 * @throws InverseFormError `unreadable` for what is no PNG, is cut short, fails its checksums or has colours;
 *   `limit-exceeded` above {@link MAX_LABEL_PIXELS}
 */
export function decodeLabelPng(bytes: Uint8Array, name?: string): LabelMap {
  return decodeLabelPngWith(storedPixels, bytes, name)
}

/** A PNG's pixels as it stores them: those of fewer than 8 bits packed, each row padded to a whole byte. */
export function storedPixels(bytes: Uint8Array): Uint8Array | Uint16Array {
  return decode(bytes, { checkCrc: true }).data as Uint8Array | Uint16Array
}

/**
 * As {@link decodeLabelPng}, for which it does all but the decoding itself.
 * @param pixels gives a checked file's pixels as {@link storedPixels} does, or throws
 */
export function decodeLabelPngWith(
  pixels: (bytes: Uint8Array, header: LabelPngHeader) => Uint8Array | Uint16Array,
  bytes: Uint8Array,
  name = 'The label map',
): LabelMap {
  const header = readHeader(bytes, name)
  const { width, height, depth, colourType, interlaced } = header
  const colours = colourKinds[colourType]
  if (colours !== undefined)
    throw unreadable(
      name,
      `is a picture with colours (${colours}), not a map of ids`,
      'Use the file ending in _labelIds.png (or _instanceIds.png); files ending in _color.png are for viewing only.',
    )
  if (width * height > MAX_LABEL_PIXELS)
    throw new InverseFormError('limit-exceeded', `${name} claims to be ${width} x ${height} pixels.`, {
      hint: `Label maps of up to ${MAX_LABEL_PIXELS} pixels are read; check that the file is not damaged.`,
      details: { name, width, height },
    })
  if (width === 0 || height === 0) throw unreadable(name, `claims to be ${width} x ${height} pixels`, again)
  if (interlaced && depth < 8)
    throw unreadable(
      name,
      `is interlaced with ${depth} bits a pixel, which is not supported`,
      'Save it again without interlacing.',
    )
  let data: Uint8Array | Uint16Array
  try {
    data = pixels(bytes, header)
  } catch (cause) {
    throw unreadable(
      name,
      `is cut short or damaged (${(cause as Error).message.replace(/[.:]+$/, '')})`,
      again,
      cause,
    )
  }
  return { width, height, data: depth < 8 ? unpack(data, width, height, depth) : data }
}

/**
 * Encodes ids as a grey PNG: of 8 bits when they are bytes, of 16 bits when they are words.
 * @throws InverseFormError `size-mismatch` unless there are width · height ids, at least one
 */
export function encodeLabelPng({ width, height, data }: LabelMap): Uint8Array {
  if (data.length === 0 || data.length !== width * height)
    throw new InverseFormError(
      'size-mismatch',
      `A label map of ${width} x ${height} pixels needs ${width * height} ids, at least one, and has ${data.length}.`,
      { hint: 'Pass one id a pixel, row by row.' },
    )
  return encode({ width, height, data, channels: 1, depth: data instanceof Uint16Array ? 16 : 8 })
}

import {
  checkArgument,
  checkByteArray,
  checkInteger,
  checkLength,
  InverseFormError,
  typeName,
} from '@inverseform/errors'
import { checkPixels, MOST_PIXELS } from '@inverseform/shared'
import { decode, encode, hasPngSignature } from 'fast-png'
import { deinterlace, inflated, interlacedLength } from './interlaced-png.js'

/** Ids, one per pixel, row by row from the top left. */
export interface LabelMap<Data extends Uint8Array | Uint16Array = Uint8Array | Uint16Array> {
  readonly width: number
  readonly height: number
  /** width · height ids. */
  readonly data: Data
}

/** Largest label map that is decoded by default, in pixels: a PNG of a few bytes can claim any size. */
export const MAX_LABEL_PIXELS = MOST_PIXELS

export interface DecodeLabelPngOptions {
  /** Most pixels that a label map may have. Defaults to {@link MAX_LABEL_PIXELS}. */
  readonly maxPixels?: number
}

/** How to decode the pixels of a PNG with a valid header. */
export interface PixelDecoder {
  /** Decodes a PNG without interlacing: packed below 8 bits, each row padded to a byte. */
  readonly pixels: (bytes: Uint8Array, header: LabelPngHeader) => Uint8Array | Uint16Array
  /** Inflates the image data, which has `length` bytes; fewer are returned for a truncated file. */
  readonly inflate: (bytes: Uint8Array, length: number) => Uint8Array
}

/** The header of a PNG. */
export interface LabelPngHeader {
  readonly width: number
  readonly height: number
  readonly depth: number
  readonly colorType: number
  readonly interlaced: boolean
}

/** Bit depths of gray images and palettes (PNG specification, 11.2.1). */
const depths: Readonly<Record<number, readonly number[]>> = { 0: [1, 2, 4, 8, 16], 3: [1, 2, 4, 8] }

const colorKinds: Readonly<Record<number, string>> = { 2: 'RGB', 4: 'gray with alpha', 6: 'RGBA' }

const unreadable = (name: string, what: string, hint: string, cause?: unknown): InverseFormError =>
  new InverseFormError('unreadable', `${name} ${what}.`, { hint, cause, details: { name } })

const again = 'Copy or download the file again.'

/** Reads IHDR, which is always the first chunk (PNG specification, 11.2.1). */
function readHeader(bytes: Uint8Array, name: string): LabelPngHeader {
  if (!hasPngSignature(bytes)) {
    throw unreadable(
      name,
      bytes.length === 0 ? 'is empty' : 'is not a PNG file',
      'Pass the label map as a PNG file.',
    )
  }
  if (bytes.length < 33) throw unreadable(name, 'ends within its PNG header', again)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const [depth, colorType, compression, filter, interlace] = bytes.subarray(24, 29)
  const isValid = compression === 0 && filter === 0 && interlace <= 1
  if (!isValid || (colorKinds[colorType] === undefined && !depths[colorType]?.includes(depth))) {
    throw unreadable(name, 'is cut short or damaged (its header is invalid)', again)
  }
  return {
    width: view.getUint32(16),
    height: view.getUint32(20),
    depth,
    colorType,
    interlaced: interlace === 1,
  }
}

/** Unpacks ids of 1, 2 or 4 bits, stored from the high bits down, each row padded to a byte. */
function unpack(packed: Uint8Array | Uint16Array, width: number, height: number, depth: number): Uint8Array {
  const rowBytes = Math.ceil((width * depth) / 8)
  const perByte = 8 / depth
  const mask = (1 << depth) - 1
  const ids = new Uint8Array(width * height)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const byte = packed[y * rowBytes + Math.floor(x / perByte)]
      ids[y * width + x] = (byte >> (8 - depth * ((x % perByte) + 1))) & mask
    }
  }
  return ids
}

/**
 * Decodes a PNG whose pixels are ids: gray with 1, 2, 4, 8 or 16 bits, or the indices (never the colors) of a palette,
 * interlaced or not. The ids are the stored values: values of fewer than 8 bits are not scaled to 0..255.
 *
 * @param name name of the file in errors
 * @returns ids as a Uint8Array, or as a Uint16Array when the file has 16 bits
 * @throws InverseFormError `unreadable` for other formats, truncated or damaged files, and images with colors;
 *   `limit-exceeded` above `maxPixels`
 */
export function decodeLabelPng(bytes: Uint8Array, name?: string, options?: DecodeLabelPngOptions): LabelMap {
  const pixels = () => decode(bytes, { checkCrc: true }).data as Uint8Array | Uint16Array
  return decodeLabelPngWith({ pixels, inflate: inflated }, bytes, name, options)
}

/** Decodes as {@link decodeLabelPng} with another decoder. */
export function decodeLabelPngWith(
  { pixels, inflate }: PixelDecoder,
  bytes: Uint8Array,
  name = 'The label map',
  { maxPixels = MAX_LABEL_PIXELS }: DecodeLabelPngOptions = {},
): LabelMap {
  checkByteArray('bytes', bytes)
  checkInteger('maxPixels', maxPixels, { min: 1 })
  const header = readHeader(bytes, name)
  const { width, height, depth, colorType, interlaced } = header
  const colors = colorKinds[colorType]
  if (colors !== undefined) {
    throw unreadable(
      name,
      `is an image with colors (${colors}), not a map of ids`,
      'Use a grayscale or palette PNG of ids: in Cityscapes the file ending in _labelIds.png, not the one ending in _color.png.',
    )
  }
  checkPixels(name, header, maxPixels)
  if (width === 0 || height === 0) throw unreadable(name, `claims to be ${width} x ${height} pixels`, again)
  try {
    if (interlaced) {
      return { width, height, data: deinterlace(inflate(bytes, interlacedLength(header)), header) }
    }
    const data = pixels(bytes, header)
    return { width, height, data: depth < 8 ? unpack(data, width, height, depth) : data }
  } catch (cause) {
    throw unreadable(
      name,
      `is cut short or damaged (${(cause as Error).message.replace(/[.:]+$/, '')})`,
      again,
      cause,
    )
  }
}

/**
 * Encodes ids as a gray PNG with 8 bits for a Uint8Array, 16 bits for a Uint16Array.
 * @throws InverseFormError `size-mismatch` unless there are width · height ids; `invalid-argument` for sizes below 1
 *   or another type of array
 */
export function encodeLabelPng({ width, height, data }: LabelMap): Uint8Array {
  checkInteger('width', width, { min: 1 })
  checkInteger('height', height, { min: 1 })
  const isIdArray = ['Uint8Array', 'Uint16Array'].includes(typeName(data))
  checkArgument('data', data, isIdArray, 'a Uint8Array or a Uint16Array of ids')
  checkLength('data', data.length, width * height, `one id for each of ${width}x${height} pixels`)
  return encode({ width, height, data, channels: 1, depth: typeName(data) === 'Uint16Array' ? 16 : 8 })
}

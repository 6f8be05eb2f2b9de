import { InverseFormError } from '@inverseform/errors'
import { checkPixels, orList } from '@inverseform/shared'
import { readAvif } from './avif.js'
import { readGif } from './gif.js'
import { HeaderError, type ImageFile } from './image-file.js'
import { readJpeg } from './jpeg.js'
import { type ImageFormat, imageFormats, imageKind } from './kind.js'
import { readPng } from './png.js'
import { readTiff } from './tiff.js'
import { readWebp } from './webp.js'

const readers: Readonly<Record<ImageFormat, (bytes: Uint8Array) => ImageFile>> = {
  PNG: readPng,
  JPEG: readJpeg,
  WebP: readWebp,
  AVIF: readAvif,
  TIFF: readTiff,
  GIF: readGif,
}

/** What may be decoded. */
export interface ImageLimits {
  /** Formats that the platform decodes; `imageFormats` by default. */
  readonly formats?: readonly ImageFormat[]
  readonly maxPixels: number
}

/**
 * Looks at an image file before a decoder does: what it is by its content, and how many pixels it has. Prepares it so that
 * every decoder returns the same pixels.
 *
 * @param name the file, at the start of messages
 * @throws InverseFormError `unreadable` for a file that is not an image or of a format that is not supported;
 * `limit-exceeded` for too many pixels
 */
export function inspectImage(
  bytes: Uint8Array,
  name: string,
  { formats = imageFormats, maxPixels }: ImageLimits,
): ImageFile {
  const kind = imageKind(bytes)
  const format = formats.find((each) => each === kind?.name)
  if (!format) throw notSupported(name, bytes, kind?.name, formats)
  const file = headerOf(bytes, name, format)
  checkPixels(name, file, maxPixels)
  return file
}

function headerOf(bytes: Uint8Array, name: string, format: ImageFormat): ImageFile {
  let file: ImageFile
  try {
    file = readers[format](bytes)
  } catch (cause) {
    if (!(cause instanceof HeaderError)) throw cause
    throw decodingError(name, cause)
  }
  if (file.width > 0 && file.height > 0) return file
  throw decodingError(name, new HeaderError('its header says that it has no pixels'))
}

function notSupported(
  name: string,
  bytes: Uint8Array,
  kind: string | undefined,
  formats: readonly ImageFormat[],
): InverseFormError {
  const found = kind ? `${kind} is not supported` : bytes.length > 0 ? 'it is not an image' : 'it is empty'
  return new InverseFormError('unreadable', `${name} cannot be decoded: ${found}.`, {
    hint: `Use ${orList(formats)}. The content counts, not the name.`,
    details: { kind },
  })
}

/** How the messages of libvips start, and of the libraries that decode for it. They say little more than that they failed. */
const ofLibvips = /^(\w*vips\w*|\w+load\w*|heif|webp|Input (buffer|file)\b)/i

/** Returns the error for a file that looks like an image but cannot be decoded. */
export function decodingError(name: string, cause: Error): InverseFormError {
  const message = cause.message.split('\n')[0].replace(/\.$/, '')
  const reason = ofLibvips.test(message) ? 'its data are damaged or incomplete' : message
  const accepted = /accepted$/.test(reason)
  return new InverseFormError('unreadable', `${name} cannot be decoded: ${reason}.`, {
    hint: accepted
      ? 'Convert the image to 8-bit RGB first, with the range of values that you need.'
      : 'The file may be damaged or truncated.',
    cause,
  })
}

import { checkArgument, checkInteger, InverseFormError, isInverseFormError } from '@inverseform/errors'
import {
  checkRgbImage,
  cmykToRgb,
  decodingError,
  type ImageFile,
  inspectImage,
  type RgbImage,
  upright,
} from '@inverseform/runtime'
import { checkPixels } from '@inverseform/shared'
import { defaultMaxPixels, readRegularFile } from '@inverseform/shared/node'
import type Sharp from 'sharp'
import { pathOf } from './file-url.js'

/** An image: a path, a `file:` URL, the bytes of a file (PNG, JPEG, WebP, AVIF, TIFF, GIF), or RGB pixels. */
export type ImageInput = string | URL | Uint8Array | RgbImage

export interface ReadImageOptions {
  /**
   * The most pixels that the image may have; a header that says more is an error before anything is decoded. By default,
   * 8192x8192, or fewer where the available memory would not suffice to segment them.
   */
  readonly maxPixels?: number
}

/** Image files may have this many bytes: more than an uncompressed image of the default limit, with 16 bits a channel. */
const MAX_BYTES = 2 ** 30

/**
 * Decodes an image to 8-bit RGB, as Pillow's `convert('RGB')` does. Drops alpha and keeps the colors under it, ignores color
 * profiles and gamma, converts gray to RGB and takes the high byte of 16 bits, and reads the first frame of an animation.
 * Also applies the EXIF orientation. Pixels are returned as they are.
 *
 * @throws `not-found` or `unreadable`, naming the file; `limit-exceeded` for more than `maxPixels`; `invalid-argument` or
 * `size-mismatch` for a value that is not an image
 */
export async function readImage(input: ImageInput, options: ReadImageOptions = {}): Promise<RgbImage> {
  checkArgument('options', options, typeof options === 'object' && options !== null, 'an object')
  checkMaxPixels(options.maxPixels)
  return openImage(input, { name: 'image', maxPixels: options.maxPixels })
}

/** Checks the option `maxPixels`. */
export function checkMaxPixels(maxPixels: unknown): void {
  if (maxPixels !== undefined) checkInteger('maxPixels', maxPixels, { min: 1 })
}

/**
 * Decodes an image as `readImage` does.
 * @param name the argument, for messages about values that are not images
 */
export async function openImage(
  input: ImageInput,
  { name, maxPixels = defaultMaxPixels() }: { readonly name: string; readonly maxPixels?: number },
): Promise<RgbImage> {
  if (isRgbImage(input)) {
    checkRgbImage(input, name)
    checkPixels(`\`${name}\``, input, maxPixels)
    return input
  }
  const source = input instanceof URL ? pathOf(name, input) : input
  const valid = (typeof source === 'string' && source !== '') || source instanceof Uint8Array
  const accepted = 'a path, a file URL, the bytes of an image file, or RGB pixels as { data, width, height }'
  checkArgument(name, input, valid, accepted)
  const file = typeof source === 'string' ? source : name === 'image' ? 'The image' : `\`${name}\``
  const bytes = typeof source === 'string' ? await readImageFile(source) : source
  const inspected = inspectImage(bytes, file, { maxPixels })
  // Loaded here, because it takes as long as the whole package, and not every program decodes files.
  const { default: sharp } = await import('sharp')
  try {
    return upright(await decode(sharp, inspected), inspected.orientation)
  } catch (cause) {
    throw decodingError(file, cause as Error)
  }
}

async function readImageFile(path: string): Promise<Uint8Array> {
  try {
    return await readRegularFile(path, { maxBytes: MAX_BYTES })
  } catch (error) {
    if (!isInverseFormError(error) || error.code !== 'not-found') throw error
    throw new InverseFormError('not-found', `The image ${path} does not exist.`, {
      hint: 'Check the path.',
      cause: error,
    })
  }
}

function isRgbImage(input: ImageInput): input is RgbImage {
  return typeof input === 'object' && input !== null && 'width' in input
}

/** libvips's name of each format. */
const loaders: Readonly<Record<ImageFile['format'], string>> = {
  PNG: 'png',
  JPEG: 'jpeg',
  WebP: 'webp',
  AVIF: 'heif',
  TIFF: 'tiff',
  GIF: 'gif',
}

async function decode(
  sharp: typeof Sharp,
  { bytes, format, width, height, cmyk }: ImageFile,
): Promise<RgbImage> {
  // Without profiles, all decoders return the same colors.
  const image = sharp(bytes, { ignoreIcc: true, limitInputPixels: width * height })
  const { format: loader } = await image.metadata()
  if (loader !== loaders[format]) throw new Error(`it is not a valid ${format}`)
  if (cmyk) {
    const raw = image.autoOrient().pipelineColourspace('cmyk').toColorspace('cmyk').raw({ depth: 'uchar' })
    const { data, info } = await raw.toBuffer({ resolveWithObject: true })
    const values = info.channels === 4 ? data : withoutExtra(data, info.channels)
    return { data: cmykToRgb(values), width: info.width, height: info.height }
  }
  const { data, info } = await image
    .autoOrient()
    .removeAlpha()
    .toColorspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
  return { data, width: info.width, height: info.height }
}

/** Returns the first four of more channels. */
function withoutExtra(data: Uint8Array, channels: number): Uint8Array {
  const pixels = data.length / channels
  const first = new Uint8Array(4 * pixels)
  for (let i = 0; i < pixels; i++) first.set(data.subarray(i * channels, i * channels + 4), 4 * i)
  return first
}

import { InverseFormError } from '@inverseform/runtime-web'

/** An image, decoded. */
export interface Photo {
  readonly name: string
  readonly bitmap: ImageBitmap
  /** How long decoding took, in milliseconds. */
  readonly decode: number
  /** What it was decoded from; frames of the camera have none. */
  readonly file?: Blob
}

/**
 * Decodes an image, upright by its EXIF orientation, and makes it smaller when its longer side exceeds `maxSide` pixels.
 * @throws InverseFormError `unreadable`
 */
export async function openPhoto(file: Blob, name: string, maxSide: number): Promise<Photo> {
  const started = performance.now()
  const bitmap = await fitted(await decode(file, name), maxSide)
  return { name, file, bitmap, decode: performance.now() - started }
}

/** The bitmap itself, or a smaller one in its place. */
export async function fitted(bitmap: ImageBitmap, maxSide: number): Promise<ImageBitmap> {
  const { width, height } = bitmap
  const scale = maxSide / Math.max(width, height)
  if (scale >= 1) return bitmap
  const [resizeWidth, resizeHeight] = [width, height].map((side) => Math.max(1, Math.round(scale * side)))
  const smaller = await createImageBitmap(bitmap, { resizeWidth, resizeHeight, resizeQuality: 'high' })
  bitmap.close()
  return smaller
}

async function decode(file: Blob, name: string): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(file)
  } catch (cause) {
    throw new InverseFormError('unreadable', `${name} is not an image that this browser reads.`, {
      hint: 'Choose a PNG, JPEG or WebP file; if it is one, it may be damaged.',
      cause,
    })
  }
}

import { readImage } from '@inverseform/runtime-web'

/** A decoded image. */
export interface Photo {
  readonly name: string
  readonly bitmap: ImageBitmap
  /** How long decoding took, in milliseconds. */
  readonly decode: number
  /** The file that it was decoded from; undefined for frames of a camera or a video. */
  readonly file?: Blob
}

/**
 * Decodes an image, applies its EXIF orientation, and shrinks it if its longer side exceeds `maxSide` pixels.
 * @throws InverseFormError as `readImage`
 */
export async function openPhoto(file: Blob, name: string, maxSide: number): Promise<Photo> {
  const started = performance.now()
  const bitmap = await fitted(await decode(file, name), maxSide)
  return { name, file, bitmap, decode: performance.now() - started }
}

/** Returns the bitmap itself, or a smaller one and closes the original. */
export async function fitted(bitmap: ImageBitmap, maxSide: number): Promise<ImageBitmap> {
  const { width, height } = bitmap
  const scale = maxSide / Math.max(width, height)
  if (scale >= 1) return bitmap
  const [resizeWidth, resizeHeight] = [width, height].map((side) => Math.max(1, Math.round(scale * side)))
  const smaller = await createImageBitmap(bitmap, { resizeWidth, resizeHeight, resizeQuality: 'high' })
  bitmap.close()
  return smaller
}

/** Decodes a file as the segmenter does, so that both see the same pixels. */
async function decode(file: Blob, name: string): Promise<ImageBitmap> {
  const { data, width, height } = await readImage(new File([file], name))
  const rgba = new Uint8ClampedArray(4 * width * height).fill(255)
  for (let from = 0, to = 0; from < data.length; from += 3, to += 4) {
    rgba[to] = data[from]
    rgba[to + 1] = data[from + 1]
    rgba[to + 2] = data[from + 2]
  }
  return createImageBitmap(new ImageData(rgba, width, height))
}

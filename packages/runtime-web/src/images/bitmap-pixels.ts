import type { RgbImage } from '@inverseform/runtime'

/** Sides of the canvas, in pixels. Canvases beyond a browser's limit stay empty without an error. */
const LONGEST_SIDE = 4096

/** Reads the pixels of a bitmap, part by part, and closes it. */
export function bitmapPixels(bitmap: ImageBitmap): RgbImage {
  const { width, height } = bitmap
  const image = { data: new Uint8Array(3 * width * height), width, height }
  const canvas = new OffscreenCanvas(Math.min(width, LONGEST_SIDE), Math.min(height, LONGEST_SIDE))
  // The canvas stays in main memory: reading pixels back from a GPU may change them.
  const context = canvas.getContext('2d', { willReadFrequently: true })!
  context.globalCompositeOperation = 'copy'
  for (let y = 0; y < height; y += canvas.height) {
    for (let x = 0; x < width; x += canvas.width) {
      const [w, h] = [Math.min(canvas.width, width - x), Math.min(canvas.height, height - y)]
      context.drawImage(bitmap, x, y, w, h, 0, 0, w, h)
      copyRgb(context.getImageData(0, 0, w, h), image, x, y)
    }
  }
  bitmap.close()
  return image
}

/**
 * Reads the pixels of a bitmap that has alpha, part by part, without multiplying colors by it, and closes the bitmap. Canvases
 * for drawing multiply; WebGL does not. Where WebGL is missing, transparent pixels become black.
 *
 * @param bitmap made with `premultiplyAlpha: 'none'`
 */
export async function straightPixels(bitmap: ImageBitmap): Promise<RgbImage> {
  const { width, height } = bitmap
  const side = LONGEST_SIDE / 2
  const gl = new OffscreenCanvas(1, 1).getContext('webgl2')
  if (!gl) return bitmapPixels(bitmap)
  const image = { data: new Uint8Array(3 * width * height), width, height }
  const data = new Uint8Array(4 * Math.min(side, width) * Math.min(side, height))
  const texture = gl.createTexture()
  gl.bindTexture(gl.TEXTURE_2D, texture)
  gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer())
  gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false)
  gl.pixelStorei(gl.UNPACK_COLORSPACE_CONVERSION_WEBGL, gl.NONE)
  for (let y = 0; y < height; y += side) {
    for (let x = 0; x < width; x += side) {
      const [w, h] = [Math.min(side, width - x), Math.min(side, height - y)]
      const part = await createImageBitmap(bitmap, x, y, w, h, {
        colorSpaceConversion: 'none',
        premultiplyAlpha: 'none',
      })
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, part)
      part.close()
      gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0)
      gl.readPixels(0, 0, w, h, gl.RGBA, gl.UNSIGNED_BYTE, data)
      copyRgb({ data, width: w, height: h }, image, x, y)
    }
  }
  gl.getExtension('WEBGL_lose_context')?.loseContext()
  bitmap.close()
  return image
}

interface Pixels {
  readonly data: ArrayLike<number>
  readonly width: number
  readonly height: number
}

/** Copies RGBA pixels into an image at (`x`, `y`). */
export function copyRgb({ data: rgba, width, height }: Pixels, image: RgbImage, x: number, y: number): void {
  const { data } = image
  for (let row = 0, from = 0; row < height; row++) {
    let to = 3 * ((y + row) * image.width + x)
    for (const end = to + 3 * width; to < end; from += 4, to += 3) {
      data[to] = rgba[from]
      data[to + 1] = rgba[from + 1]
      data[to + 2] = rgba[from + 2]
    }
  }
}

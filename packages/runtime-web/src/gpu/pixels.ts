/// <reference types="@webgpu/types" />
import { checkRgbImage, type RgbImage } from '@inverseform/runtime'
import { bitmapPixels } from '../images/bitmap-pixels.js'
import type { Gpu } from './gpu.js'

/** An image that can be uploaded to a GPU. Uploading closes bitmaps. */
export type GpuImage = ImageBitmap | ImageData | RgbImage

/** An image in a GPU's memory, 8 bits per channel. A fourth channel is ignored. */
export interface GpuPixels {
  readonly buffer: GPUBuffer
  readonly width: number
  readonly height: number
  readonly bytesPerPixel: 3 | 4
  readonly bytesPerRow: number
}

/** @throws `invalid-argument` or `size-mismatch` for RGB pixels that are not three bytes each */
export function checkGpuImage(image: GpuImage, name?: string): void {
  if (!(image instanceof ImageBitmap || image instanceof ImageData)) checkRgbImage(image, name)
}

export function uploadImage(gpu: Gpu, image: GpuImage): GpuPixels {
  if (!(image instanceof ImageBitmap)) return uploadBytes(gpu, image)
  const largest = gpu.device.limits.maxTextureDimension2D
  if (Math.max(image.width, image.height) > largest) return uploadBytes(gpu, bitmapPixels(image))
  try {
    return copyBitmap(gpu, image)
  } finally {
    image.close()
  }
}

function uploadBytes(gpu: Gpu, image: ImageData | RgbImage): GpuPixels {
  const { data, width, height } = image
  const bytesPerPixel = image instanceof ImageData ? 4 : 3
  return { buffer: gpu.createBuffer(data), width, height, bytesPerPixel, bytesPerRow: width * bytesPerPixel }
}

/** Copies a bitmap through a texture. It may already be in the GPU's memory, so it avoids main memory. */
function copyBitmap(gpu: Gpu, bitmap: ImageBitmap): GpuPixels {
  const { width, height } = bitmap
  const bytesPerRow = Math.ceil((4 * width) / 256) * 256
  const buffer = gpu.createBuffer(bytesPerRow * height)
  const texture = gpu.device.createTexture({
    size: [width, height],
    format: 'rgba8unorm',
    usage: GPUTextureUsage.COPY_DST | GPUTextureUsage.COPY_SRC | GPUTextureUsage.RENDER_ATTACHMENT,
  })
  gpu.device.queue.copyExternalImageToTexture({ source: bitmap }, { texture }, [width, height])
  gpu.submit((encoder) => encoder.copyTextureToBuffer({ texture }, { buffer, bytesPerRow }, [width, height]))
  texture.destroy()
  return { buffer, width, height, bytesPerPixel: 4, bytesPerRow }
}

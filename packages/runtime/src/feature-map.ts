import type { Tensor } from './tensor.js'

/** A small map of one image with its channels last: element (y, x, c) at `(y * width + x) * channels + c`. */
export interface FeatureMap {
  readonly data: Float32Array
  readonly width: number
  readonly height: number
  readonly channels: number
}

/** One image of a tensor [N,C,H,W], channels last: what reads all classes of a pixel then reads neighbouring memory. */
export function featureMap(tensor: Tensor, index: number): FeatureMap {
  const [, channels, height, width] = tensor.shape
  const size = height * width
  const data = new Float32Array(channels * size)
  for (let c = 0; c < channels; c++) {
    const plane = tensor.data.subarray((index * channels + c) * size, (index * channels + c + 1) * size)
    for (let i = 0, to = c; i < size; i++, to += channels) data[to] = plane[i]
  }
  return { data, width, height, channels }
}

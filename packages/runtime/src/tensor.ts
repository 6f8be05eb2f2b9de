/** A float32 tensor in C order. */
export interface Tensor {
  readonly data: Float32Array
  readonly shape: readonly number[]
}

/** An image as 8-bit RGB, interleaved, row by row: `data.length === width * height * 3`. */
export interface RgbImage {
  readonly data: Uint8Array | Uint8ClampedArray
  readonly width: number
  readonly height: number
}

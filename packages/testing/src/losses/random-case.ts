export interface Case {
  readonly images: number
  readonly numClasses: number
  readonly height: number
  readonly width: number
  readonly logits: Float64Array
  readonly target: Uint8Array
}

/** Returns a generator of reproducible numbers in [0, 1) (Park and Miller). */
export function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 48271) % 2147483647
    return state / 2147483647
  }
}

/** Returns random logits and a target in blobs of 2x3 pixels. About one pixel in ten is ignored. */
export function randomCase(
  images: number,
  numClasses: number,
  height: number,
  width: number,
  { seed = 1, ignored = 0.1 } = {},
): Case {
  const random = randomNumbers(seed + 12345)
  for (let i = 0; i < 10; i++) random()
  const logits = Float64Array.from({ length: images * numClasses * height * width }, () => 4 * random() - 2)
  const target = new Uint8Array(images * height * width)
  const blobs = Array.from({ length: images * height * width }, () => Math.floor(random() * numClasses))
  for (let n = 0, i = 0; n < images; n++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        target[i] = blobs[(n * height + Math.floor(y / 2)) * width + Math.floor(x / 3)]
        if (random() < ignored) target[i] = 255
      }
    }
  }
  return { images, numClasses, height, width, logits, target }
}

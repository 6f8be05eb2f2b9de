import { deflateSync } from 'node:zlib'
import type { RgbImage } from '@inverseform/runtime'
import { randomInteger, seededRandom } from '@inverseform/shared'
import { pngChunk, pngFile } from '@inverseform/testing'
import type { LoadedSample, TrainingSample } from '../../src/index.js'

/** An image of noise. */
export function noiseImage(width: number, height: number, seed = 1): RgbImage {
  const random = seededRandom(seed)
  return { width, height, data: Uint8Array.from({ length: 3 * width * height }, () => 256 * random()) }
}

/** Rectangles of random classes, and ignored pixels, over a ground of class 0. */
export function blockTarget(width: number, height: number, numClasses: number, seed = 1): Uint8Array {
  const random = seededRandom(seed)
  const target = new Uint8Array(width * height)
  for (let block = 0; block < 12; block++) {
    const label = randomInteger(random, 0, numClasses)
    const [x0, y0] = [randomInteger(random, 0, width - 1), randomInteger(random, 0, height - 1)]
    const [x1, y1] = [randomInteger(random, x0, width - 1), randomInteger(random, y0, height - 1)]
    for (let y = y0; y <= y1; y++) {
      target.fill(label === numClasses ? 255 : label, y * width + x0, y * width + x1 + 1)
    }
  }
  return target
}

export function noiseSample(width: number, height: number, numClasses: number, seed = 1): LoadedSample {
  return { image: noiseImage(width, height, seed), target: blockTarget(width, height, numClasses, seed) }
}

export function sampleOf(name: string, loaded: LoadedSample): TrainingSample {
  return { name, load: async () => loaded }
}

/** Encodes 8-bit RGB. */
export function rgbPng({ width, height, data }: RgbImage): Uint8Array {
  const rows = new Uint8Array(height * (3 * width + 1))
  for (let y = 0; y < height; y++) {
    rows.set(data.subarray(y * 3 * width, (y + 1) * 3 * width), y * (3 * width + 1) + 1)
  }
  return pngFile({ width, height, colorType: 2 }, [pngChunk('IDAT', deflateSync(rows)), pngChunk('IEND')])
}

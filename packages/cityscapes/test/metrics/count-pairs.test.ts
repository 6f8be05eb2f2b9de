import { seededRandom } from '@inverseform/shared'
import { describe, expect, it } from 'vitest'
import { ConfusionMatrix, type IdArray } from '../../src/index.js'

/** Fills `ids` with runs of up to `longest` equal ones. */
function runs<Ids extends IdArray>(ids: Ids, longest: number, seed: number, choices: readonly number[]): Ids {
  const next = seededRandom(seed)
  for (let i = 0; i < ids.length; ) {
    const end = i + 1 + Math.floor(next() * longest)
    ids.fill(choices[Math.floor(next() * choices.length)], i, end)
    i = end
  }
  return ids
}

/** Counts pixel by pixel. */
function counted(
  target: IdArray,
  prediction: IdArray,
  classes: number,
  ignoreIndex: number | null,
): number[][] {
  const counts = Array.from({ length: classes }, () => new Array<number>(classes).fill(0))
  for (const [i, t] of target.entries()) if (t !== ignoreIndex) counts[t][prediction[i]]++
  return counts
}

const bytes = (length: number, offset: number) => new Uint8Array(new ArrayBuffer(length + offset), offset)

describe('counting pairs of ids', () => {
  const ids = [0, 1, 7, 18]
  for (const longest of [1, 3, 9, 200]) {
    for (const length of [1, 3, 4, 8, 1021, 1024]) {
      it(`counts ${length} bytes in runs of up to ${longest} wherever they lie in memory`, () => {
        for (const [targetOffset, predictionOffset] of [
          [0, 0],
          [4, 8],
          [1, 0],
          [3, 3],
        ] as const) {
          const target = runs(bytes(length, targetOffset), longest, length, [...ids, 255])
          const prediction = runs(bytes(length, predictionOffset), longest, length + 1, ids)
          const matrix = new ConfusionMatrix()
          matrix.update({ target, prediction, width: length, height: 1 })
          expect(matrix.rows()).toEqual(counted(target, prediction, 19, 255))
        }
      })
    }
  }

  it('counts ids of all array types, also mixed', () => {
    const types = [Uint8Array, Int8Array, Uint16Array, Int16Array, Int32Array, Uint32Array]
    for (const Target of types) {
      for (const Prediction of types) {
        const target = runs(new Target(99), 12, 1, [...ids, 100])
        const prediction = runs(new Prediction(99), 12, 2, ids)
        const matrix = new ConfusionMatrix({ ignoreIndex: 100 })
        matrix.update({ target, prediction, width: 11, height: 9 })
        expect(matrix.rows()).toEqual(counted(target, prediction, 19, 100))
      }
    }
  })

  it('counts bytes of all values', () => {
    const all = Array.from({ length: 256 }, (_, id) => id)
    const target = runs(new Uint8Array(4096), 7, 3, all)
    const prediction = runs(new Uint8Array(4096), 9, 4, all)
    const matrix = new ConfusionMatrix({ numClasses: 256, ignoreIndex: null })
    matrix.update({ target, prediction, width: 64, height: 64 })
    expect(matrix.rows()).toEqual(counted(target, prediction, 256, null))
  })

  it('counts large maps of bytes, also signed ones, and their last pixels', () => {
    const pixels = 2 ** 16 + 3
    for (const Target of [Uint8Array, Int8Array]) {
      const target = runs(new Target(pixels), 5, 1, [...ids, 100])
      const prediction = runs(new Uint8Array(pixels), 7, 2, ids)
      const matrix = new ConfusionMatrix({ ignoreIndex: 100 })
      matrix.update({ target, prediction, width: pixels, height: 1 })
      expect(matrix.rows()).toEqual(counted(target, prediction, 19, 100))
    }
  })

  it('counts large maps of bytes as small ones, with a void index and pixels predicted as no class', () => {
    const pixels = 2 ** 17
    const target = runs(new Uint8Array(pixels), 40, 1, [...ids, 0, 200, 255])
    const prediction = runs(new Uint8Array(pixels), 30, 2, [...ids, 200, 255])
    const options = { ignoreIndex: 255, voidIndex: 200 }
    const [whole, parts] = [new ConfusionMatrix(options), new ConfusionMatrix(options)]
    whole.update({ target, prediction, width: pixels, height: 1 })
    for (let i = 0; i < pixels; i += 1000) {
      const [t, p] = [target.subarray(i, i + 1000), prediction.subarray(i, i + 1000)]
      parts.update({ target: t, prediction: p, width: t.length, height: 1 })
    }
    expect(whole.toJSON()).toEqual(parts.toJSON())
    expect(whole.ignored).toBe(parts.ignored)
    expect(whole.ignored).toBe(target.filter((t) => t === 255).length)
  })

  it('names the first invalid pixel of large maps, also of signed ones and in the last pixels', () => {
    const pixels = 2 ** 16 + 3
    for (const [pixel, Target] of [
      [70, Uint8Array],
      [40001, Int8Array],
      [pixels - 1, Uint8Array],
    ] as const) {
      const target = runs(new Target(pixels), 5, 1, ids)
      target[pixel] = Target === Int8Array ? -56 : 200
      target[pixels - 1] = 200
      const prediction = runs(new Uint8Array(pixels), 5, 2, ids)
      const matrix = new ConfusionMatrix()
      const update = () => matrix.update({ target, prediction, width: pixels, height: 1 })
      expect(update).toThrow(`id ${target[pixel]} at column ${pixel}, row 0`)
      expect(matrix.compute().pixels).toBe(0)
    }
  })

  it('names the first invalid pixel, and counts nothing', () => {
    for (let pixel = 0; pixel < 16; pixel++) {
      for (const what of ['target', 'prediction'] as const) {
        const image = { target: new Uint8Array(16).fill(3), prediction: new Uint8Array(16).fill(3) }
        image[what].fill(19, pixel)
        const matrix = new ConfusionMatrix()
        const place = `id 19 at column ${pixel % 8}, row ${Math.floor(pixel / 8)}`
        expect(() => matrix.update({ ...image, width: 8, height: 2 })).toThrow(place)
        expect(matrix.compute().pixels).toBe(0)
      }
    }
  })
})

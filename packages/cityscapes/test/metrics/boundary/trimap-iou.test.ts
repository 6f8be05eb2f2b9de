import { describe, expect, it } from 'vitest'
import { TrimapIou } from '../../../src/metrics/boundary/trimap-iou.js'
import { ConfusionMatrix } from '../../../src/metrics/confusion.js'
import { allImages, CLASSES, points, type TestImage } from './support.js'

/** Computes the distance of each pixel to the nearest boundary pixel by brute force. */
function boundaryDistances({ target, width, height }: TestImage, voidBorders: boolean): number[] {
  const isBorder = (a: number, b: number): boolean => a !== b && (voidBorders || (a !== 255 && b !== 255))
  const boundary = Array.from(target, (id, i) => {
    const [x, y] = [i % width, Math.floor(i / width)]
    return (
      (x > 0 && isBorder(id, target[i - 1])) ||
      (x < width - 1 && isBorder(id, target[i + 1])) ||
      (y > 0 && isBorder(id, target[i - width])) ||
      (y < height - 1 && isBorder(id, target[i + width]))
    )
  })
  const pixels = points(boundary, width)
  return Array.from(target, (_, i) =>
    Math.min(
      Number.POSITIVE_INFINITY,
      ...pixels.map(([x, y]) => Math.hypot(x - (i % width), y - Math.floor(i / width))),
    ),
  )
}

describe('TrimapIou', () => {
  it.each(allImages())('scores the pixels nearer than the width: $name', (image) => {
    for (const voidBorders of [false, true]) {
      const metric = new TrimapIou({ numClasses: CLASSES, widths: [5, 1, 2, 12], voidBorders })
      metric.update(image)
      const distances = boundaryDistances(image, voidBorders)
      const bands = metric.compute().bands
      expect(bands.map(({ width }) => width)).toEqual([1, 2, 5, 12])
      for (const { width, ...scores } of bands) {
        const band = new ConfusionMatrix({ numClasses: CLASSES })
        const target = image.target.map((id, i) => (distances[i] < width ? id : 255))
        band.update({ ...image, target })
        const { warnings: _, ...expected } = band.compute()
        expect(scores).toEqual(expected)
      }
    }
  })

  it('has one pixel on each side of a boundary in the band of width 1, two in that of width 2', () => {
    const target = Uint8Array.from({ length: 30 }, (_, i) => (i % 10 < 4 ? 0 : 1))
    const metric = new TrimapIou({ widths: [1, 2, 3, 100] })
    metric.update({ target, prediction: target, width: 10, height: 3 })
    expect(metric.compute().bands.map(({ pixels }) => pixels)).toEqual([6, 12, 18, 30])
    expect(metric.compute().bands.map(({ meanIou, accuracy }) => [meanIou, accuracy])).toEqual(
      new Array(4).fill([1, 1]),
    )
  })

  it('counts the border with void only with `voidBorders`', () => {
    const target = Uint8Array.of(0, 0, 0, 255, 255, 1, 1, 1)
    const pixels = (voidBorders: boolean) => {
      const metric = new TrimapIou({ widths: [1, 2], voidBorders })
      metric.update({ target, prediction: target.map((id) => id & 1), width: 8, height: 1 })
      return metric.compute().bands.map((band) => band.pixels)
    }
    expect(pixels(false)).toEqual([0, 0])
    expect(pixels(true)).toEqual([2, 4])
  })

  it('is NaN in bands without pixels', () => {
    const metric = new TrimapIou({ widths: [1] })
    expect(metric.compute().bands[0]).toMatchObject({ pixels: 0, meanIou: Number.NaN, accuracy: Number.NaN })
  })

  it('rejects `voidBorders` that is not true or false', () => {
    expect(() => new TrimapIou({ voidBorders: 'yes' as unknown as boolean })).toThrow(
      '`voidBorders` must be true or false, got "yes".',
    )
  })

  it.each([[[]], [[0]], [[1.5]], [[32768]], [[Number.NaN]], [[3, 3]]])('rejects the widths %j', (widths) => {
    expect(() => new TrimapIou({ widths })).toThrow(/^`widths` must be a list of different /)
  })
})

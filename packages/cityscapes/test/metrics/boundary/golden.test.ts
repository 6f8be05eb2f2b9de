import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { toTrainIds } from '../../../src/labels.js'
import { BoundaryF } from '../../../src/metrics/boundary/boundary-f.js'
import { BoundaryIou } from '../../../src/metrics/boundary/boundary-iou.js'
import type { SegmentedImage } from '../../../src/metrics/metric.js'
import { decodeLabelPng } from '../../../src/png.js'
import golden from '../../fixtures/metrics/boundary.json' with { type: 'json' }

interface Counts {
  readonly intersection: number
  readonly union: number
}
type ClassGolden = Readonly<Record<string, number | Counts>>

async function trainIds(path: string) {
  const url = new URL(`../../fixtures/metrics/${path}`, import.meta.url)
  const { data, width, height } = decodeLabelPng(await readFile(url), path)
  return { ids: toTrainIds(data), width, height }
}

async function imageOf(name: string): Promise<SegmentedImage> {
  const [city] = name.split('_')
  const { ids: target, width, height } = await trainIds(`gtFine/val/${city}/${name}_gtFine_labelIds.png`)
  // What is no class in a prediction is wrong, not void; the reference has it in no class's mask.
  const { ids: prediction } = await trainIds(`results/${city}/${name}_leftImg8bit.png`)
  return { target, prediction, width, height, name }
}

const tolerances = [1, 2, 3, 5, 0.008]
const ratios = [0.02, 0.005]

describe.each(golden)('of $image', ({ image, classes: expected }) => {
  const of = (c: number): ClassGolden | undefined => (expected as unknown as Record<string, ClassGolden>)[c]

  it('boundary F is that of the reference', async () => {
    const metric = new BoundaryF({ tolerances })
    metric.update(await imageOf(image))
    for (const { tolerance, classes } of metric.compute().tolerances) {
      classes.forEach(({ f, images }, c) => {
        const golden = of(c)
        expect(images).toBe(golden ? 1 : 0)
        if (golden) expect(Math.abs(f - (golden[`F@${tolerance}`] as number))).toBeLessThan(1e-12)
      })
    }
  })

  it('boundary IoU counts what the reference counts', async () => {
    const metric = new BoundaryIou({ ratios })
    metric.update(await imageOf(image))
    for (const { ratio, classes } of metric.compute().ratios) {
      classes.forEach(({ intersection, union }, c) => {
        const golden = of(c)?.[`boundaryIoU@${ratio}`] ?? { intersection: 0, union: 0 }
        expect({ intersection, union }).toEqual(golden)
      })
    }
  })
})

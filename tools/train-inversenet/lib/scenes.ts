import { edgeMap, toTrainIds } from '@inverseform/cityscapes'
import { openDataset, readLabelIds } from '@inverseform/cityscapes/node'
import type { BoundaryMap } from '@inverseform/core/training'

/** Reads the target edges of a split, at a share of their size. */
export async function readBoundaries(data: string, split: string, reduction: number): Promise<BoundaryMap[]> {
  const { samples } = await openDataset({ data, split })
  return Promise.all(
    samples.map(async ({ labelIds }) => {
      const labels = await readLabelIds(labelIds!)
      const [width, height] = [labels.width / reduction, labels.height / reduction]
      const trainIds = toTrainIds(labels.data)
      const nearest = Uint8Array.from({ length: width * height }, (_, p) => {
        const [row, column] = [Math.floor(p / width), p % width]
        return trainIds[row * reduction * labels.width + column * reduction]
      })
      return { data: edgeMap(nearest, width, height), height, width }
    }),
  )
}

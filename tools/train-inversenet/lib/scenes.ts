import { edgeMap, toTrainIds } from '@inverseform/cityscapes'
import { openDataset, readLabelIds } from '@inverseform/cityscapes/node'
import type { BoundaryMap } from '@inverseform/core/training'
import { scenesFolder } from './paths.js'

/** Reduction along each axis, so that tiles are small and train in minutes. */
const reduction = 4

/** Reads the target edges of the demo's six scenes at a quarter of their size, 128x256. */
export async function readBoundaries(): Promise<readonly BoundaryMap[]> {
  const { samples } = await openDataset({ data: scenesFolder, split: 'val' })
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

/** Returns the first four scenes and their mirror images along each axis and both. */
export const trainingScenes = (scenes: readonly BoundaryMap[]): readonly BoundaryMap[] =>
  scenes
    .slice(0, 4)
    .flatMap((scene) => [false, true].flatMap((x) => [false, true].map((y) => mirrored(scene, x, y))))

/** Returns the last two scenes. */
export const heldOutScenes = (scenes: readonly BoundaryMap[]): readonly BoundaryMap[] => scenes.slice(4)

function mirrored({ data, height, width }: BoundaryMap, x: boolean, y: boolean): BoundaryMap {
  const mirror = Uint8Array.from({ length: data.length }, (_, p) => {
    const [row, column] = [Math.floor(p / width), p % width]
    return data[(y ? height - 1 - row : row) * width + (x ? width - 1 - column : column)]
  })
  return { data: mirror, height, width }
}

import { BoundaryF, ConfusionMatrix, edgeMap, type IdArray, toTrainIds } from '@inverseform/cityscapes'
import { openDataset, readLabelIds } from '@inverseform/cityscapes/node'
import { createSegmenter, type RgbImage, readImage } from '@inverseform/runtime-node'
import { EdgeScores } from './edge-scores.js'

/** Scores of a network on held-out scenes, as fractions. */
export interface Scores {
  readonly meanIou: number
  readonly boundaryF1: number
  readonly boundaryF3: number
  readonly boundaryF5: number
  /** F of the edge head's pixels at threshold 0.5. */
  readonly edgeF: number
  /** F of the edge head's pixels at the best threshold. */
  readonly bestEdgeF: number
}

/** A scene and what a network made of it. */
export interface ScoredScene {
  readonly name: string
  readonly image: RgbImage
  /** Train ids. */
  readonly target: Uint8Array
  readonly labels: IdArray
  readonly edges: Float32Array
}

/** Scores a checkpoint on the split `val` of a data set. */
export async function scoreCheckpoint(
  checkpoint: string,
  data: string,
  { threads, onScene }: { readonly threads?: number; onScene?(scene: ScoredScene): void } = {},
): Promise<Scores> {
  await using segmenter = await createSegmenter({ checkpoint, edgeHead: true, device: 'cpu', threads })
  const { samples } = await openDataset({ data, split: 'val' })
  const confusion = new ConfusionMatrix()
  const boundaries = new BoundaryF({ tolerances: [1, 3, 5] })
  const edgeScores = new EdgeScores()
  for (const { name, image: path, labelIds } of samples) {
    if (labelIds === undefined) continue
    const image = await readImage(path)
    const { width, height } = image
    const target = toTrainIds((await readLabelIds(labelIds)).data)
    const { labels, edges } = await segmenter.segment(image, { outputs: ['labels', 'edges'] })
    const segmented = { name, target, prediction: labels, width, height }
    confusion.update(segmented)
    boundaries.update(segmented)
    edgeScores.add(edges, edgeMap(target, width, height))
    onScene?.({ name, image, target, labels, edges })
  }
  const [boundaryF1, boundaryF3, boundaryF5] = boundaries.compute().tolerances.map(({ meanF }) => meanF)
  const { atHalf: edgeF, best: bestEdgeF } = edgeScores.compute()
  return { meanIou: confusion.compute().meanIou, boundaryF1, boundaryF3, boundaryF5, edgeF, bestEdgeF }
}

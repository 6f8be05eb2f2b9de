import { ConfusionMatrix, type ReportComparison } from '@inverseform/cityscapes'
import type { NodeSegmenter, SegmentOptions } from '@inverseform/runtime-node'
import type { EvaluatedImage } from './evaluate-images.js'
import type { ScoredClasses } from './scored-classes.js'

/** Counts of labels without the edge head, beside those with it. */
export class ComparedLabels {
  /** The confusion matrix of the network without its edge head. */
  readonly confusion: ConfusionMatrix
  differingPixels = 0
  pixels = 0

  constructor(classes: Pick<ScoredClasses, 'numClasses' | 'ignoreIndex'>) {
    this.confusion = new ConfusionMatrix(classes)
  }

  merge({ confusion, differingPixels, pixels }: ComparedLabels): void {
    this.confusion.merge(confusion)
    this.differingPixels += differingPixels
    this.pixels += pixels
  }

  /** @param withEdgeHead the confusion matrix of the network with its edge head */
  result(withEdgeHead: ConfusionMatrix): ReportComparison {
    return {
      runs: [
        { name: 'without the edge head', meanIou: this.confusion.compute().meanIou },
        { name: 'with the edge head', meanIou: withEdgeHead.compute().meanIou },
      ],
      differingPixels: this.differingPixels,
      pixels: this.pixels,
    }
  }
}

/**
 * Segments an image again, without the edge head, and compares the labels. The edge head shapes the features during training;
 * at inference the labels must be equal.
 *
 * @param segmenter the network without its edge head
 */
export async function compareLabels(
  segmenter: NodeSegmenter,
  { sample, image, target, segmentation }: EvaluatedImage,
  classes: ScoredClasses,
  options: SegmentOptions,
): Promise<ComparedLabels> {
  const compared = new ComparedLabels(classes)
  const segmented = await segmenter.segment(image, { ...options, outputs: ['labels'] })
  const labels = classes.toClasses?.(segmented.labels) ?? segmented.labels
  for (let i = 0; i < labels.length; i++) if (labels[i] !== segmentation.labels[i]) compared.differingPixels++
  compared.pixels = labels.length
  const { width, height } = image
  if (target) compared.confusion.update({ name: sample.name, target, prediction: labels, width, height })
  return compared
}

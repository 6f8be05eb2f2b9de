import { ConfusionMatrix, type ReportComparison } from '@inverseform/cityscapes'
import type { NodeSegmenter, SegmentOptions } from '@inverseform/runtime-node'
import type { EvaluatedImage } from './evaluate-images.js'
import type { ScoredClasses } from './scored-classes.js'

/**
 * Compares the labels of a network with those of the same network without its edge head. The edge head shapes the
 * features during training; at inference the labels must be equal.
 */
export class EdgeHeadComparison {
  readonly #segmenter: NodeSegmenter
  readonly #confusion: ConfusionMatrix
  #differingPixels = 0
  #pixels = 0

  readonly #classes: ScoredClasses

  /** @param segmenter the network without its edge head */
  constructor(segmenter: NodeSegmenter, classes: ScoredClasses) {
    this.#segmenter = segmenter
    this.#classes = classes
    this.#confusion = new ConfusionMatrix(classes)
  }

  /** Segments an image again, without the edge head. */
  async add({ sample, image, target, segmentation }: EvaluatedImage, options: SegmentOptions): Promise<void> {
    const segmented = await this.#segmenter.segment(image, { ...options, outputs: ['labels'] })
    const labels = this.#classes.toClasses?.(segmented.labels) ?? segmented.labels
    for (let i = 0; i < labels.length; i++) if (labels[i] !== segmentation.labels[i]) this.#differingPixels++
    this.#pixels += labels.length
    const { width, height } = image
    if (target) this.#confusion.update({ name: sample.name, target, prediction: labels, width, height })
  }

  /** @param withEdgeHead the confusion matrix of the network with its edge head */
  result(withEdgeHead: ConfusionMatrix): ReportComparison {
    return {
      runs: [
        { name: 'without the edge head', meanIou: this.#confusion.compute().meanIou },
        { name: 'with the edge head', meanIou: withEdgeHead.compute().meanIou },
      ],
      differingPixels: this.#differingPixels,
      pixels: this.#pixels,
    }
  }
}

import { ConfusionMatrix, type ReportComparison } from '@inverseform/cityscapes'
import type { NodeSegmenter, SegmentOptions } from '@inverseform/runtime-node'
import type { EvaluatedImage } from './evaluation.js'

/**
 * Runs a second network over the images of an evaluation, as they pass: the same one without its edge head.
 * The head shapes the features during training; at inference the labels must be the same with and without it.
 */
export class EdgeHeadComparison {
  private readonly confusion: ConfusionMatrix
  private differingPixels = 0
  private pixels = 0

  constructor(private readonly without: NodeSegmenter) {
    this.confusion = new ConfusionMatrix({ classes: without.classes })
  }

  async add({ sample, image, truth, segmentation }: EvaluatedImage, options: SegmentOptions): Promise<void> {
    const labels = (await this.without.segment(image, { ...options, outputs: ['labels'] }))
      .labels as Uint8Array
    const others = segmentation.labels as Uint8Array
    for (let i = 0; i < labels.length; i++) if (labels[i] !== others[i]) this.differingPixels++
    this.pixels += labels.length
    const { width, height } = image
    if (truth) this.confusion.update({ name: sample.name, truth, prediction: labels, width, height })
  }

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

import {
  colourise,
  edgeImage,
  errorMask,
  overlay,
  type ReportImage,
  type ReportPanel,
} from '@inverseform/cityscapes'
import type { EvaluatedImage } from '../evaluation.js'
import { type Picture, writePictures } from './panels.js'
import { jpegOfRgb, pngOfRgb } from './pictures.js'

/** Writes an image's panels to `<folder>/images/` and gives their places in the report. */
export async function writePanels(folder: string, evaluated: EvaluatedImage): Promise<ReportImage> {
  const { sample, image, truth, scores, segmentation } = evaluated
  const { width, height, classes, labels, edges } = segmentation
  const prediction = labels as Uint8Array
  const pictures: Picture[] = [
    ['input', 'input.jpg', jpegOfRgb(image.data, width, height)],
    ['overlay', 'overlay.jpg', jpegOfRgb(overlay(image.data, prediction), width, height)],
    ['prediction', 'prediction.png', pngOfRgb(colourise(prediction), width, height)],
  ]
  if (truth) {
    pictures.push(['truth', 'truth.png', pngOfRgb(colourise(truth), width, height)])
    pictures.push(['errors', 'errors.png', pngOfRgb(errorMask(truth, prediction, classes), width, height)])
  }
  if (edges) pictures.push(['edges', 'edges.png', pngOfRgb(edgeImage(edges), width, height)])

  const panels = await writePictures(folder, sample.name, pictures)
  return { name: sample.name, meanIou: scores?.meanIou, panels: ordered(panels) }
}

const order = ['input', 'truth', 'prediction', 'errors', 'edges', 'overlay']

function ordered(panels: readonly ReportPanel[]): ReportPanel[] {
  return [...panels].sort((a, b) => order.indexOf(a.title) - order.indexOf(b.title))
}

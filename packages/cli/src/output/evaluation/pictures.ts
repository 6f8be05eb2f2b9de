import { join } from 'node:path'
import {
  colorize,
  edgeImage,
  errorMask,
  overlay,
  type ReportImage,
  type ReportPanel,
} from '@inverseform/cityscapes'
import { writeWholeFile } from '@inverseform/shared/node'
import type { EvaluatedImage } from '../../evaluation/evaluate-images.js'
import { jpegOfRgb, type Picture, pngOfLabels, pngOfRgb, writePictures } from '../images.js'

/** Writes the labels as label ids, named so that the official evaluation finds their target. */
export async function writePrediction(
  folder: string,
  { sample, segmentation }: EvaluatedImage,
): Promise<void> {
  const path = join(folder, 'predictions', `${sample.name}_pred_labelIds.png`)
  await writeWholeFile(path, pngOfLabels(segmentation))
}

/** Writes the panels of an image to `<folder>/images/`, and returns them for the page. */
export async function writePanels(folder: string, evaluated: EvaluatedImage): Promise<ReportImage> {
  const { sample, image, target, scores, segmentation } = evaluated
  const { width, height, numClasses, labels, edges } = segmentation
  const pictures: Picture[] = [
    ['input', 'input.jpg', jpegOfRgb(image.data, width, height)],
    ['overlay', 'overlay.jpg', jpegOfRgb(overlay(image.data, labels), width, height)],
    ['prediction', 'prediction.png', pngOfRgb(colorize(labels), width, height)],
  ]
  if (target) {
    pictures.push(['truth', 'truth.png', pngOfRgb(colorize(target), width, height)])
    pictures.push(['errors', 'errors.png', pngOfRgb(errorMask(target, labels, numClasses), width, height)])
  }
  if (edges) pictures.push(['edges', 'edges.png', pngOfRgb(edgeImage(edges), width, height)])

  const panels = await writePictures(folder, sample.name, pictures)
  return { name: sample.name, meanIou: scores?.meanIou, panels: ordered(panels) }
}

const order = ['input', 'truth', 'prediction', 'errors', 'edges', 'overlay']

function ordered(panels: readonly ReportPanel[]): ReportPanel[] {
  return [...panels].sort((a, b) => order.indexOf(a.title) - order.indexOf(b.title))
}

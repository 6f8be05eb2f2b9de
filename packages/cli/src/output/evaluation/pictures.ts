import { join } from 'node:path'
import { errorMask, type ReportImage, type ReportPanel, type Rgb } from '@inverseform/cityscapes'
import type { Sample } from '@inverseform/cityscapes/node'
import { paint } from '@inverseform/runtime-node'
import { writeWholeFile } from '@inverseform/shared/node'
import type { EvaluatedImage } from '../../evaluation/evaluate-images.js'
import {
  type Picture,
  photoExtension,
  photoOfRgb,
  pngOfColors,
  pngOfIds,
  pngOfLabels,
  pngOfRgb,
  pngOfUnit,
  writePictures,
} from '../images.js'
import { paletteOf } from '../palettes.js'
import { predictionPath } from './report-of.js'

/**
 * Returns the name of the files of each sample, without their ends. It has the folder of the city where two samples
 * have one name, so that no file replaces another one.
 */
export function stemsOf(samples: readonly Pick<Sample, 'name' | 'city'>[]): (sample: Sample) => string {
  // File systems may ignore case and how accents are composed.
  const key = ({ name }: Pick<Sample, 'name'>) => name.normalize('NFC').toLowerCase()
  const counts = new Map<string, number>()
  for (const sample of samples) counts.set(key(sample), (counts.get(key(sample)) ?? 0) + 1)
  return (sample) => (counts.get(key(sample)) === 1 ? sample.name : `${sample.city}/${sample.name}`)
}

/**
 * Writes the labels: on Cityscapes as label ids, named so that the official evaluation finds their target; for plain folders
 * as class ids, named as the image.
 */
export async function writePrediction(
  folder: string,
  stem: string,
  { segmentation }: EvaluatedImage,
  isPlain: boolean,
): Promise<void> {
  const { width, height, labels } = segmentation
  const path = join(folder, predictionPath(stem, isPlain))
  await writeWholeFile(path, await (isPlain ? pngOfIds(labels, width, height) : pngOfLabels(segmentation)))
}

/** Writes the panels of an image to `<folder>/images/`, and returns them for the page. */
export async function writePanels(
  folder: string,
  stem: string,
  evaluated: EvaluatedImage,
  colors?: readonly Rgb[],
): Promise<ReportImage> {
  const { image, target, scores, segmentation } = evaluated
  const { width, height, numClasses, labels, edges } = segmentation
  const palette = colors ?? paletteOf(numClasses)
  const photo = photoExtension(width, height)
  const pictures: Picture[] = [
    ['input', `input.${photo}`, photoOfRgb(image.data, width, height)],
    [
      'overlay',
      `overlay.${photo}`,
      photoOfRgb(paint(image, segmentation, { colors: palette }).data, width, height),
    ],
    ['prediction', 'prediction.png', pngOfColors(labels, palette, width, height)],
  ]
  if (target) {
    pictures.push(['truth', 'truth.png', pngOfColors(target, palette, width, height)])
    pictures.push(['errors', 'errors.png', pngOfRgb(errorMask(target, labels, numClasses), width, height)])
  }
  if (edges) pictures.push(['edges', 'edges.png', pngOfUnit(edges, width, height)])

  const panels = await writePictures(folder, stem, pictures)
  return { name: stem, meanIou: scores?.meanIou, panels: ordered(panels) }
}

const order = ['input', 'truth', 'prediction', 'errors', 'edges', 'overlay']

function ordered(panels: readonly ReportPanel[]): ReportPanel[] {
  return [...panels].sort((a, b) => order.indexOf(a.title) - order.indexOf(b.title))
}

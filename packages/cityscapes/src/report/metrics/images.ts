import { worstImages } from '../../metrics/image-scores.js'
import type { PerImageEntry, PerImageSummary } from '../../metrics/per-image.js'
import { count, escapeText, percent } from '../format.js'
import type { AnchoredImage } from '../images.js'
import { besideTable, dataTable, withBar } from '../parts.js'
import { histogram, ticks } from './chart.js'

const BINS = 20
const WORST = 10

/** Means, the distribution of the images' mean IoU, and the worst images with links to their panels. */
export function perImageHtml(
  summary: PerImageSummary,
  names: readonly string[],
  pictures: readonly AnchoredImage[],
): string {
  const { images } = summary
  const means = dataTable(
    'Three ways to average',
    ['average', 'mean IoU, %', 'mean Dice, %'],
    [
      ['of the summed counts', percent(summary.datasetMeanIou), percent(summary.datasetMeanDice)],
      ['over images', percent(summary.imageMeanIou), percent(summary.imageMeanDice)],
      ['over images, then classes', percent(summary.classMeanIou), percent(summary.classMeanDice)],
    ],
  )
  const anchors = new Map(pictures.map(({ name, id }) => [name, id]))
  const worst = dataTable(
    'Images of lowest mean IoU',
    ['worst images', 'mean IoU, %', 'pixel accuracy, %', 'most missed class', 'its missed pixels'],
    worstImages(images, WORST).map((image) => {
      const [name, id] = [escapeText(image.name), anchors.get(image.name)]
      const missed = mostMissed(image)
      return [
        `<span class="name">${id === undefined ? name : `<a href="#${id}">${name}</a>`}</span>`,
        withBar(image.meanIou),
        percent(image.accuracy),
        escapeText(names[missed]),
        count(image.classes[missed].fn),
      ]
    }),
  )
  return `${besideTable(distribution(images), means)}\n${worst}`
}

/** The class with the most missed pixels; the first one on a tie. */
function mostMissed({ classes }: PerImageEntry): number {
  const missed = classes.map(({ fn }) => fn)
  return missed.indexOf(Math.max(...missed))
}

/** Histogram of the mean IoU; undefined without scored images. */
function distribution(images: readonly PerImageEntry[]): string | undefined {
  const scores = images.map(({ meanIou }) => meanIou).filter((score) => !Number.isNaN(score))
  if (scores.length === 0) return undefined
  const counts = new Array<number>(BINS).fill(0)
  for (const score of scores) counts[Math.min(BINS - 1, Math.floor(score * BINS))]++
  const bars = counts.map((images, bin) => {
    const [low, high] = [bin / BINS, (bin + 1) / BINS]
    const title = `${percent(low, 0)} to ${percent(high, 0)} %: ${count(images)} ${images === 1 ? 'image' : 'images'}`
    return { low, high, count: images, title }
  })
  const spoken = bars.filter((bar) => bar.count > 0).map(({ title }) => title)
  return histogram({
    label: `Distribution of the mean IoU of ${count(scores.length)} images. ${spoken.join('; ')}`,
    x: { label: 'mean IoU of the image, %', ticks: ticks(0, 1, 0.01), text: (value) => percent(value, 0) },
    y: { label: 'images', ticks: ticks(0, Math.max(...counts), 1), text: count },
    bars,
  })
}

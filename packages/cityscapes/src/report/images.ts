import { InverseFormError } from '@inverseform/errors'
import { errorColors } from '../coloring.js'
import { worstImages } from '../metrics/image-scores.js'
import { escapeText, percent } from './format.js'
import { swatch } from './parts.js'

export interface ReportPanel {
  /** Title, such as `prediction`. */
  readonly title: string
  /** URL of the image, relative to the page; encode file names with encodeURIComponent. */
  readonly src: string
}

export interface ReportImage {
  readonly name: string
  /** Fraction in 0..1; NaN or undefined without targets. */
  readonly meanIou?: number
  readonly panels: readonly ReportPanel[]
}

/** An image with the anchor of its article. */
export type AnchoredImage = Required<ReportImage> & { readonly id: string }

export const anchored = (images: readonly ReportImage[]): AnchoredImage[] =>
  images.map((image, i) => ({ ...image, meanIou: image.meanIou ?? Number.NaN, id: `image-${i + 1}` }))

/** Links to the worst images; empty for a single image. */
export function worstLinks(images: readonly AnchoredImage[]): string {
  const worst = worstImages(images, 5)
  const links = worst.map(
    ({ id, name, meanIou }) => `<a href="#${id}">${escapeText(name)}</a> (${percent(meanIou)} %)`,
  )
  return worst.length > 1 ? `<p>Lowest mean IoU: ${links.join(', ')}.</p>\n` : ''
}

/** Renders images as {@link panelArticles}, under the colors of their error masks. */
export const imageArticles = (images: readonly AnchoredImage[]): string =>
  `<ul class="legend"><li>In error masks:</li><li>${swatch(errorColors.right)}right</li><li>${swatch(errorColors.wrong)}wrong</li><li>${swatch(errorColors.ignored)}ignored</li></ul>
${panelArticles(images)}`

/**
 * Renders each image as an article with its panels side by side.
 * @throws InverseFormError `invalid-argument` for a panel URL that is not relative
 */
export const panelArticles = (images: readonly AnchoredImage[]): string => images.map(article).join('\n')

function article({ id, name, meanIou, panels }: AnchoredImage): string {
  const title = escapeText(name)
  return `<article class="card" aria-labelledby="${id}"><header><h3 id="${id}">${title}</h3><span class="soft">mean IoU ${percent(meanIou)}${Number.isNaN(meanIou) ? '' : ' %'}</span></header>
<ul class="panels" aria-label="Panels of ${title}">${panels.map((panel) => panelItem(panel, title)).join('')}</ul></article>`
}

function panelItem({ title, src }: ReportPanel, image: string): string {
  // A link with a scheme could run code (javascript:) or call home.
  if (/^\s*([a-z][a-z0-9+.-]*:|[/\\]{2})/i.test(src)) {
    throw new InverseFormError(
      'invalid-argument',
      `The URL of the panel "${title}" must be relative, got ${src}.`,
      {
        hint: "Save the images in a folder next to the page and pass paths such as 'images/name.png'.",
      },
    )
  }
  const [name, url] = [escapeText(title), escapeText(src)]
  return `<li><a href="${url}"><figure><img src="${url}" alt="${name} of ${image}" loading="lazy"><figcaption>${name}</figcaption></figure></a></li>`
}

import { InverseFormError } from '@inverseform/errors'
import { errorColours } from '../colouring.js'
import { worstImages } from '../metrics/image-scores.js'
import { escapeText, percent } from './format.js'
import { swatch } from './parts.js'

export interface ReportPanel {
  /** What it shows, such as `prediction`. */
  readonly title: string
  /** The picture's URL, relative to the page, with file names passed through encodeURIComponent. */
  readonly src: string
}

export interface ReportImage {
  readonly name: string
  /** Fraction in 0..1; NaN, or left out, where there is none. */
  readonly meanIou?: number
  readonly panels: readonly ReportPanel[]
}

/** An image with the anchor of its article. */
export type AnchoredImage = Required<ReportImage> & { readonly id: string }

export const anchored = (images: readonly ReportImage[]): AnchoredImage[] =>
  images.map((image, i) => ({ ...image, meanIou: image.meanIou ?? Number.NaN, id: `image-${i + 1}` }))

/** A line that leads to the worst of several images; nothing for fewer. */
export function worstLinks(images: readonly AnchoredImage[]): string {
  const worst = worstImages(images, 5)
  const links = worst.map(
    ({ id, name, meanIou }) => `<a href="#${id}">${escapeText(name)}</a> (${percent(meanIou)} %)`,
  )
  return worst.length > 1 ? `<p>Lowest mean IoU: ${links.join(', ')}.</p>\n` : ''
}

/**
 * The images, one article each, with their panels side by side.
 * @throws InverseFormError `invalid-argument` for a panel whose URL is not relative
 */
export const imageArticles = (images: readonly AnchoredImage[]): string =>
  `<ul class="legend"><li>In error masks:</li><li>${swatch(errorColours.right)}right</li><li>${swatch(errorColours.wrong)}wrong</li><li>${swatch(errorColours.ignored)}not judged</li></ul>
${images.map(article).join('\n')}`

function article({ id, name, meanIou, panels }: AnchoredImage): string {
  const title = escapeText(name)
  return `<article class="card" aria-labelledby="${id}"><header><h3 id="${id}">${title}</h3><span class="soft">mean IoU ${percent(meanIou)}${Number.isNaN(meanIou) ? '' : ' %'}</span></header>
<ul class="panels" aria-label="Pictures of ${title}">${panels.map((panel) => panelItem(panel, title)).join('')}</ul></article>`
}

function panelItem({ title, src }: ReportPanel, image: string): string {
  // A link with a scheme could run code (javascript:) or call home.
  if (/^\s*([a-z][a-z0-9+.-]*:|[/\\]{2})/i.test(src))
    throw new InverseFormError(
      'invalid-argument',
      `The panel "${title}" has the URL ${src}, which is not relative.`,
      {
        hint: "Put the pictures in a folder beside the page and pass paths such as 'images/name.png'.",
      },
    )
  const [name, url] = [escapeText(title), escapeText(src)]
  return `<li><a href="${url}"><figure><img src="${url}" alt="${name} of ${image}" loading="lazy"><figcaption>${name}</figcaption></figure></a></li>`
}

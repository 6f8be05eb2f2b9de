import {
  checkArgument,
  checkByteArray,
  checkInteger,
  checkNumber,
  InverseFormError,
} from '@inverseform/errors'
import { compact } from '../worker/requests.js'
import { type Color, classColors } from './palettes.js'

/** How a segmented image is painted. */
export interface PaintStyle {
  /** Opacity of the class colors over the image, from 0 (only the image) to 1 (only the colors); 0.5 by default. */
  readonly opacity?: number
  /**
   * The color of each class: a palette of `@inverseform/cityscapes`, or red, green and blue in 3 bytes each; `classColors` by
   * default.
   */
  readonly colors?: readonly Color[] | Uint8Array | Uint8ClampedArray
  /** Whether to outline the segments, and how; by default, if `edges` are not drawn. */
  readonly outlines?: boolean | OutlineStyle
  /** Whether to draw the boundaries that the edge head found, each with its probability as opacity; `false` by default. */
  readonly edges?: boolean | EdgeStyle
  /** Shows and outlines only this class, and dims the image elsewhere. */
  readonly highlight?: number
}

export interface OutlineStyle {
  /** Red, green and blue, each from 0 to 255; white by default. */
  readonly color?: Color
  /** Width of the lines, from 1 to 2 pixels of the image; 1.5 by default. */
  readonly width?: number
}

export interface EdgeStyle {
  /** Red, green and blue, each from 0 to 255; white by default. */
  readonly color?: Color
  /** Smallest probability in (0,1) of a boundary that is drawn; 0.5 by default. */
  readonly threshold?: number
}

/** A checked style with all of its values. */
export interface PaintSettings {
  readonly opacity: number
  /** Red, green and blue of each class. */
  readonly colors: Uint8Array | Uint8ClampedArray
  readonly outlines?: Required<OutlineStyle>
  readonly edges?: Required<EdgeStyle>
  readonly highlight?: number
}

interface Paintable {
  readonly numClasses: number
  /** Whether there are boundaries to draw. */
  readonly edges: boolean
}

const WHITE: Color = [255, 255, 255]

/**
 * Checks a style and fills in its defaults.
 * @param hintOnEdges how to get edges, for the error that there are none
 * @throws `invalid-argument` for a value out of range, or edges where there are none
 */
export function paintSettings(
  style: PaintStyle,
  { numClasses, edges: hasEdges }: Paintable,
  hintOnEdges: string,
): PaintSettings {
  checkArgument('style', style, typeof style === 'object' && style !== null, 'an object')
  const { opacity = 0.5, colors, edges = false, outlines = !edges, highlight } = style
  checkNumber('opacity', opacity, { min: 0, max: 1 })
  if (highlight !== undefined) checkInteger('highlight', highlight, { min: 0, max: numClasses - 1 })
  checkPart('outlines', outlines, 'width')
  checkPart('edges', edges, 'threshold')
  if (edges && !hasEdges) {
    throw new InverseFormError('invalid-argument', '`edges` cannot be drawn: there are none.', {
      hint: hintOnEdges,
    })
  }
  return {
    opacity,
    colors: colors === undefined ? classColors(numClasses) : colorBytes(colors, numClasses),
    highlight,
    outlines: outlines ? outlineStyle(outlines) : undefined,
    edges: edges ? edgeStyle(edges) : undefined,
  }
}

function colorBytes(
  colors: NonNullable<PaintStyle['colors']>,
  numClasses: number,
): Uint8Array | Uint8ClampedArray {
  const hint =
    'Pass the palette of the classes that the checkpoint was trained on: see @inverseform/cityscapes/classes.'
  if (Array.isArray(colors)) {
    checkArgument(
      'colors',
      colors,
      colors.length === numClasses,
      `a color for each of ${numClasses} classes`,
      { hint },
    )
    for (const [i, color] of colors.entries()) checkColor(`colors[${i}]`, color)
    return Uint8Array.from(colors.flat())
  }
  checkByteArray('colors', colors, {
    hint: 'Pass bytes from 0 to 255, or a palette [[red, green, blue], …].',
  })
  checkArgument(
    'colors',
    colors,
    colors.length === 3 * numClasses,
    `3 bytes for each of ${numClasses} classes`,
    { hint },
  )
  // Sending a view to a worker would send its whole buffer.
  return compact(colors as Uint8Array)
}

function checkPart(name: string, value: unknown, member: string): void {
  const isPart = typeof value === 'boolean' || (typeof value === 'object' && value !== null)
  checkArgument(name, value, isPart, `true, false or an object { color, ${member} }`)
}

function outlineStyle(outlines: true | OutlineStyle): Required<OutlineStyle> {
  const { color = WHITE, width = 1.5 } = outlines === true ? {} : outlines
  checkColor('outlines.color', color)
  checkNumber('outlines.width', width, { min: 1, max: 2 })
  return { color, width }
}

function edgeStyle(edges: true | EdgeStyle): Required<EdgeStyle> {
  const { color = WHITE, threshold = 0.5 } = edges === true ? {} : edges
  checkColor('edges.color', color)
  checkNumber('edges.threshold', threshold, { above: 0, below: 1 })
  return { color, threshold }
}

function checkColor(name: string, color: unknown): void {
  const isColor =
    Array.isArray(color) && color.length === 3 && color.every((value) => value >= 0 && value <= 255)
  checkArgument(name, color, isColor, 'red, green and blue, each from 0 to 255')
}

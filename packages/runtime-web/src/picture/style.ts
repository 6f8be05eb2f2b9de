import {
  checkArgument,
  checkByteArray,
  checkInteger,
  checkNumber,
  InverseFormError,
} from '@inverseform/errors'
import { compact } from '@inverseform/runtime'

/** How a picture is painted. */
export interface PaintStyle {
  /** Opacity of the class colors over the image, from 0 (only the image) to 1 (only the colors); 0.6 by default. */
  readonly opacity?: number
  /** Red, green and blue of each class, 3 bytes each; `classColors` by default. */
  readonly colors?: Uint8Array | Uint8ClampedArray
  /** Whether to draw boundaries, and how; `false` by default. */
  readonly edges?: boolean | EdgeStyle
  /** Shows only this class in color, and dims the image elsewhere. */
  readonly highlight?: number
}

export interface EdgeStyle {
  /** Red, green and blue, each from 0 to 255; white by default. */
  readonly color?: readonly [number, number, number]
  /** Smallest probability in (0,1) of a boundary that is drawn; 0.5 by default. */
  readonly threshold?: number
}

/** Brightness of the image where another class is highlighted. */
export const DIMMED = 0.4

/** A checked style with all of its values. */
export interface PaintSettings {
  readonly opacity: number
  readonly colors: Uint8Array | Uint8ClampedArray
  readonly edges?: Required<EdgeStyle>
  readonly highlight?: number
}

interface Paintable {
  readonly numClasses: number
  /** Whether the picture has boundaries to draw. */
  readonly edges: boolean
}

/**
 * Checks a style and fills in its defaults.
 * @throws `invalid-argument` for a value out of range, or edges of a picture without them
 */
export function paintSettings(style: PaintStyle, { numClasses, edges: hasEdges }: Paintable): PaintSettings {
  checkArgument('style', style, typeof style === 'object' && style !== null, 'an object')
  const { opacity = 0.6, colors = classColors(numClasses), edges = false, highlight } = style
  checkNumber('opacity', opacity, { min: 0, max: 1 })
  checkByteArray('colors', colors)
  const hasAllColors = colors.length === 3 * numClasses
  checkArgument('colors', colors, hasAllColors, `3 bytes for each of ${numClasses} classes`)
  if (highlight !== undefined) checkInteger('highlight', highlight, { min: 0, max: numClasses - 1 })
  const isEdges = typeof edges === 'boolean' || (typeof edges === 'object' && edges !== null)
  checkArgument('edges', edges, isEdges, 'true, false or an object { color, threshold }')
  return {
    opacity,
    // Sending a view to the worker would send its whole buffer.
    colors: compact(colors),
    highlight,
    edges: edges ? edgeStyle(edges, hasEdges) : undefined,
  }
}

function edgeStyle(edges: true | EdgeStyle, hasEdges: boolean): Required<EdgeStyle> {
  if (!hasEdges) {
    throw new InverseFormError('invalid-argument', '`edges` cannot be drawn: the picture has none.', {
      hint: 'Create the segmenter with `edgeHead: true`, and the picture without `edges: false`.',
    })
  }
  const { color = [255, 255, 255], threshold = 0.5 } = edges === true ? {} : edges
  const isColor =
    Array.isArray(color) && color.length === 3 && color.every((value) => value >= 0 && value <= 255)
  checkArgument('edges.color', color, isColor, 'red, green and blue, each from 0 to 255')
  checkNumber('edges.threshold', threshold, { above: 0, below: 1 })
  return { color, threshold }
}

/** Returns colors with evenly spread hues: red, green and blue of each class, 3 bytes each. */
export function classColors(numClasses: number): Uint8Array {
  checkInteger('numClasses', numClasses, { min: 1, max: 4096 })
  const colors = new Uint8Array(3 * numClasses)
  // HSV with saturation 0.7 and value 0.95: https://en.wikipedia.org/wiki/HSL_and_HSV#HSV_to_RGB_alternative
  for (let i = 0; i < colors.length; i++) {
    const k = ([5, 3, 1][i % 3] + (6 * Math.floor(i / 3)) / numClasses) % 6
    colors[i] = 255 * 0.95 * (1 - 0.7 * Math.max(0, Math.min(k, 4 - k, 1)))
  }
  return colors
}

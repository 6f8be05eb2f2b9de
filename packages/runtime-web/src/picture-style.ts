import { InverseFormError } from '@inverseform/errors'
import { compact } from '@inverseform/runtime'

/** How a picture is painted. */
export interface PaintStyle {
  /** From 0, the image alone, to 1, the colours alone; 0.6 unless given. */
  readonly opacity?: number
  /** Red, green and blue of each class, 3 bytes each; `classColors` unless given. */
  readonly colors?: Uint8Array
  /** Whether boundaries are drawn, and how: white where their probability is 0.5 or more unless given. */
  readonly edges?: boolean | EdgeStyle
  /** The one class to show in colour; the others show the image, dimmed. */
  readonly highlight?: number
}

export interface EdgeStyle {
  /** Red, green and blue, each from 0 to 255. */
  readonly color?: readonly [number, number, number]
  /** Probability in (0,1) from which on a pixel is drawn. */
  readonly threshold?: number
}

/** How bright the image is where another class is highlighted. */
export const DIMMED = 0.4

/** A style with all of its values, checked. */
export interface PaintSettings {
  readonly opacity: number
  readonly colors: Uint8Array
  readonly edges?: Required<EdgeStyle>
  readonly highlight?: number
}

interface Paintable {
  readonly classes: number
  /** Whether there are edges to draw. */
  readonly edges: boolean
}

/** @throws `invalid-argument` for a value out of its range, and edges of a picture without them */
export function paintSettings(style: PaintStyle, { classes, edges: hasEdges }: Paintable): PaintSettings {
  const { opacity = 0.6, colors = classColors(classes), edges = false, highlight } = style
  requireStyle('opacity', opacity, opacity >= 0 && opacity <= 1, 'a number from 0 to 1')
  requireStyle(
    'colors',
    `an array of ${colors.length}`,
    colors.length === 3 * classes,
    `3 bytes for each of the ${classes} classes`,
  )
  requireStyle(
    'highlight',
    highlight,
    highlight === undefined || (Number.isInteger(highlight) && highlight >= 0 && highlight < classes),
    `a class from 0 to ${classes - 1}`,
  )
  return {
    opacity,
    // Of a part of an array, all of it would be sent.
    colors: compact(colors),
    highlight,
    edges: edges ? edgeStyle(edges, hasEdges) : undefined,
  }
}

function edgeStyle(edges: true | EdgeStyle, hasEdges: boolean): Required<EdgeStyle> {
  if (!hasEdges) {
    throw new InverseFormError('invalid-argument', 'Edges were asked of a picture without them.', {
      hint: 'Create the segmenter with `edge: true`, and the picture without `edges: false`.',
    })
  }
  const { color = [255, 255, 255], threshold = 0.5 } = edges === true ? {} : edges
  const isColor = color.length === 3 && color.every((value) => value >= 0 && value <= 255)
  requireStyle('edges.color', `[${color.join(', ')}]`, isColor, 'red, green and blue, each from 0 to 255')
  requireStyle('edges.threshold', threshold, threshold > 0 && threshold < 1, 'a probability between 0 and 1')
  return { color, threshold }
}

/** Colours with evenly spread hues: red, green and blue of each class, 3 bytes each. */
export function classColors(classes: number): Uint8Array {
  const colors = new Uint8Array(3 * classes)
  // HSV with saturation 0.7 and value 0.95: https://en.wikipedia.org/wiki/HSL_and_HSV#HSV_to_RGB_alternative
  for (let i = 0; i < colors.length; i++) {
    const k = ([5, 3, 1][i % 3] + (6 * Math.floor(i / 3)) / classes) % 6
    colors[i] = 255 * 0.95 * (1 - 0.7 * Math.max(0, Math.min(k, 4 - k, 1)))
  }
  return colors
}

function requireStyle(name: string, found: unknown, valid: boolean, expected: string): void {
  if (valid) return
  throw new InverseFormError('invalid-argument', `The style's ${name} is ${found}.`, {
    hint: `Give ${expected}.`,
  })
}

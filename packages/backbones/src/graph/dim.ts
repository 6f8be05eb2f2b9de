import { InverseFormError } from '@inverseform/errors'

/**
 * A symbolic size: `factor · Π floor((symbol + offset) / divisor)`.
 *
 * The form is closed under what convolutional networks do to sizes (strided windows, products when
 * axes are flattened), so two sizes are equal exactly when their forms are.
 */
export interface SymbolicDim {
  readonly factor: number
  readonly terms: readonly { readonly symbol: string; readonly offset: number; readonly divisor: number }[]
}

/** The size of one axis: known, or a function of the graph inputs' symbols (`N`, `H`, `W`). */
export type Dim = number | SymbolicDim
export type Shape = readonly Dim[]
/** Values for the symbols of a graph, e.g. `{ N: 1, H: 1024, W: 2048 }`. */
export type Bindings = Readonly<Record<string, number>>

export function symbol(name: string): Dim {
  return { factor: 1, terms: [{ symbol: name, offset: 0, divisor: 1 }] }
}

export function multiplyDims(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return a * b
  const [x, y] = [asSymbolic(a), asSymbolic(b)]
  const terms = [...x.terms, ...y.terms].sort((s, t) => (formatTerm(s) < formatTerm(t) ? -1 : 1))
  return { factor: x.factor * y.factor, terms }
}

/** Output size of a window of `kernel` moved by `stride` over `size + padding` (padding of both sides together). */
export function windowDim(size: Dim, kernel: number, stride: number, padding: number): Dim {
  const shift = padding - kernel + stride
  if (typeof size === 'number') return Math.floor((size + shift) / stride)
  const [term, ...rest] = size.terms
  if (size.factor !== 1 || !term || rest.length > 0) {
    throw new InverseFormError(
      'invalid-argument',
      `No window can slide over the axis of size ${formatDim(size)}.`,
      { hint: 'Slide windows over the height or the width of an image, before they are flattened.' },
    )
  }
  // floor((floor((s + o) / d) + q) / r) = floor((s + o + q·d) / (d·r)) for whole numbers, d and r positive.
  const { symbol, offset, divisor } = term
  return { factor: 1, terms: [{ symbol, offset: offset + shift * divisor, divisor: divisor * stride }] }
}

export function sameDim(a: Dim, b: Dim): boolean {
  return formatDim(a) === formatDim(b)
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, axis) => sameDim(dim, b[axis]))
}

/** The size as a number; throws when a symbol has no value. */
export function evaluateDim(dim: Dim, bindings: Bindings): number {
  if (typeof dim === 'number') return dim
  return dim.terms.reduce((product, { symbol, offset, divisor }) => {
    const value = bindings[symbol]
    if (value === undefined)
      throw new InverseFormError('invalid-argument', `No value was given for the size ${symbol}.`, {
        hint: "Give a value for every symbol of the graph inputs' shapes, e.g. { N: 1, H: 1024, W: 2048 }.",
      })
    return product * Math.floor((value + offset) / divisor)
  }, dim.factor)
}

export function evaluateShape(shape: Shape, bindings: Bindings): number[] {
  return shape.map((dim) => evaluateDim(dim, bindings))
}

/** Readable form, e.g. `floor((H + 3) / 4)`; also the symbolic axis name written to ONNX. */
export function formatDim(dim: Dim): string {
  if (typeof dim === 'number') return String(dim)
  const terms = dim.terms.map(formatTerm)
  return (dim.factor === 1 ? terms : [String(dim.factor), ...terms]).join(' * ')
}

export function formatShape(shape: Shape): string {
  return `[${shape.map(formatDim).join(', ')}]`
}

function formatTerm({ symbol, offset, divisor }: SymbolicDim['terms'][number]): string {
  const shifted = offset === 0 ? symbol : `${symbol} ${offset < 0 ? '-' : '+'} ${Math.abs(offset)}`
  if (divisor === 1) return offset === 0 ? symbol : `(${shifted})`
  return `floor(${offset === 0 ? symbol : `(${shifted})`} / ${divisor})`
}

function asSymbolic(dim: Dim): SymbolicDim {
  return typeof dim === 'number' ? { factor: dim, terms: [] } : dim
}

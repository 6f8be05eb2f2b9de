import { InverseFormError } from '@inverseform/errors'

/**
 * A symbolic size: `factor · Π floor((symbol + offset) / divisor)`.
 *
 * Strided windows and products of sizes (flattened axes) keep this form, so two sizes are equal exactly when their forms
 * are equal.
 */
export interface SymbolicDim {
  readonly factor: number
  readonly terms: readonly { readonly symbol: string; readonly offset: number; readonly divisor: number }[]
}

/** The size of an axis: a number, or a function of the graph inputs' symbols (`N`, `H`, `W`). */
export type Dim = number | SymbolicDim
export type Shape = readonly Dim[]
/** Values of a graph's symbols, such as `{ N: 1, H: 1024, W: 2048 }`. */
export type Bindings = Readonly<Record<string, number>>

/** Returns a symbolic size. */
export function symbol(name: string): Dim {
  return { factor: 1, terms: [{ symbol: name, offset: 0, divisor: 1 }] }
}

export function multiplyDims(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return a * b
  const [x, y] = [asSymbolic(a), asSymbolic(b)]
  const terms = [...x.terms, ...y.terms].sort((s, t) => (formatTerm(s) < formatTerm(t) ? -1 : 1))
  return { factor: x.factor * y.factor, terms }
}

/** Returns the output size of a window of `kernel` moved by `stride` over `size`; `padding` is the sum of both sides. */
export function windowDim(size: Dim, kernel: number, stride: number, padding: number): Dim {
  const shift = padding - kernel + stride
  if (typeof size === 'number') return Math.floor((size + shift) / stride)
  const [term, ...rest] = size.terms
  if (size.factor !== 1 || !term || rest.length > 0) {
    throw new InverseFormError(
      'invalid-argument',
      `A convolution cannot run over an axis of size ${formatDim(size)}.`,
      { hint: 'Apply convolutions to the height and width of an image, before they are flattened.' },
    )
  }
  // floor((floor((s + o) / d) + q) / r) = floor((s + o + q·d) / (d·r)) for integers, with d and r positive.
  const { symbol, offset, divisor } = term
  return { factor: 1, terms: [{ symbol, offset: offset + shift * divisor, divisor: divisor * stride }] }
}

export function sameDim(a: Dim, b: Dim): boolean {
  return formatDim(a) === formatDim(b)
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, axis) => sameDim(dim, b[axis]))
}

/**
 * Evaluates a size.
 * @throws InverseFormError `invalid-argument` when a symbol has no value
 */
export function evaluateDim(dim: Dim, bindings: Bindings): number {
  if (typeof dim === 'number') return dim
  return dim.terms.reduce((product, { symbol, offset, divisor }) => {
    const value = bindings[symbol]
    if (value === undefined) {
      throw new InverseFormError('invalid-argument', `The size ${symbol} has no value.`, {
        hint: "Pass a value for every symbol of the graph inputs' shapes, such as { N: 1, H: 1024, W: 2048 }.",
      })
    }
    return product * Math.floor((value + offset) / divisor)
  }, dim.factor)
}

/** Evaluates all sizes of a shape. */
export function evaluateShape(shape: Shape, bindings: Bindings): number[] {
  return shape.map((dim) => evaluateDim(dim, bindings))
}

/** Formats a size, such as `floor((H + 3) / 4)`. ONNX files use this as the name of the axis. */
export function formatDim(dim: Dim): string {
  if (typeof dim === 'number') return String(dim)
  const terms = dim.terms.map(formatTerm)
  return (dim.factor === 1 ? terms : [String(dim.factor), ...terms]).join(' * ')
}

/** Formats a shape, such as `[N, 3, H, W]`. */
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

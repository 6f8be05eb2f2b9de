import type { Shape } from '../ops.js'
import { shapeText, sizeMismatch } from '../shape.js'

/** Returns the number of elements between neighbors along each axis, in C order. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length)
  for (let axis = shape.length - 1, step = 1; axis >= 0; axis--) {
    strides[axis] = step
    step *= shape[axis]
  }
  return strides
}

/** Returns strides that read a tensor as if broadcast to `target`: 0 along repeated axes. */
export function broadcastStrides(shape: Shape, target: Shape): number[] {
  const strides = stridesOf(shape).map((stride, axis) => (shape[axis] === 1 ? 0 : stride))
  return [...new Array<number>(target.length - shape.length).fill(0), ...strides]
}

/** Returns the shape that two operands broadcast to, by NumPy's rule. */
export function broadcastShape(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, axis) => {
    const sizeA = a[axis - rank + a.length] ?? 1
    const sizeB = b[axis - rank + b.length] ?? 1
    if (sizeA === sizeB || sizeB === 1) return sizeA
    if (sizeA === 1) return sizeB
    throw sizeMismatch(
      `Tensors of ${shapeText(a)} and ${shapeText(b)} cannot be broadcast.`,
      'Give them equal shapes, or size 1 on the axes to repeat.',
      { a, b },
    )
  })
}

export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((size, axis) => size === b[axis])

/**
 * Visits an index space one innermost run at a time. `visit(n, offsets, steps)` gets n elements, which each operand holds
 * starting at its offset, its step apart. Axes that are contiguous for every operand are joined first, so tensors of the same
 * shape are a single run. `offsets` is reused between visits.
 */
export function forEachRun(
  shape: Shape,
  strides: readonly (readonly number[])[],
  visit: (n: number, offsets: readonly number[], steps: readonly number[]) => void,
): void {
  const axes = joinAxes(shape, strides)
  const inner = axes.pop() ?? { size: 1, steps: strides.map(() => 0) }
  const offsets = strides.map(() => 0)
  if (inner.size === 0 || axes.some(({ size }) => size === 0)) return
  const counters = axes.map(() => 0)
  for (;;) {
    visit(inner.size, offsets, inner.steps)
    let axis = axes.length - 1
    for (; axis >= 0; axis--) {
      const { size, steps } = axes[axis]
      const done = ++counters[axis] === size
      const moved = done ? 1 - size : 1
      for (let k = 0; k < steps.length; k++) offsets[k] += moved * steps[k]
      if (!done) break
      counters[axis] = 0
    }
    if (axis < 0) return
  }
}

interface Axis {
  size: number
  steps: number[]
}

function joinAxes(shape: Shape, strides: readonly (readonly number[])[]): Axis[] {
  const joined: Axis[] = []
  shape.forEach((size, axis) => {
    if (size === 1) return
    const steps = strides.map((stride) => stride[axis])
    const outer = joined.at(-1)
    if (outer?.steps.every((step, k) => step === steps[k] * size)) {
      outer.size *= size
      outer.steps = steps
    } else joined.push({ size, steps })
  })
  return joined
}

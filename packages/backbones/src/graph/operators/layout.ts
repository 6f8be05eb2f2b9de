import { product } from '@inverseform/shared'
import { type Dim, formatShape, multiplyDims, sameDim, sameShape } from '../dim.js'
import { constantOf } from '../leaves.js'
import { broadcast, sumTo } from './broadcast.js'
import { interpolationMatrix } from './interpolation.js'
import { checkRank, mismatch, type Operator, sizesOf } from './operator.js'
import { swapLast } from './products.js'

export const concat: Operator<'concat'> = {
  infer(inputs, { axis }) {
    const [first, ...others] = inputs
    if (
      others.some((s) => s.length !== first.length || s.some((d, i) => i !== axis && !sameDim(d, first[i])))
    ) {
      throw mismatch('concat', inputs, `only axis ${axis} may differ`)
    }
    const equal = inputs.every((shape) => sameDim(shape[axis], first[axis]))
    const size = equal
      ? multiplyDims(inputs.length, first[axis])
      : inputs.reduce((sum, shape) => sum + knownSize(shape[axis]), 0)
    return first.map((dim, i) => (i === axis ? size : dim))
    function knownSize(dim: Dim): number {
      if (typeof dim !== 'number') {
        throw mismatch('concat', inputs, `the sizes along axis ${axis} must be known or equal`)
      }
      return dim
    }
  },
  emit: (emitter, inputs, { axis }) => emitter.node('Concat', inputs, { axis }),
  adjoint(apply, { inputs, attributes: { axis } }, gradient) {
    let start = 0
    return inputs.map(({ shape }) => {
      const begin = shape.map((_, i) => (i === axis ? start : 0))
      start += shape[axis] as number
      return () => apply('slice', [gradient], { begin, size: sizesOf(shape) })
    })
  },
}

export const flattenSpatial: Operator<'flattenSpatial'> = {
  infer(inputs) {
    checkRank('flattenSpatial', inputs, 0, 4)
    const [n, c, h, w] = inputs[0]
    return [n, c, multiplyDims(h, w)]
  },
  // A 0 in a Reshape's sizes keeps the input's size of that axis.
  emit: (emitter, [x]) => emitter.node('Reshape', [x, emitter.int64([0, 0, -1])]),
  adjoint: (apply, { inputs: [x] }, gradient) => [() => apply('unflattenSpatialLike', [gradient, x], {})],
}

export const unflattenSpatialLike: Operator<'unflattenSpatialLike'> = {
  infer(inputs) {
    checkRank('unflattenSpatialLike', inputs, 0, 3)
    checkRank('unflattenSpatialLike', inputs, 1, 4)
    const [x, like] = inputs
    if (!sameDim(x[2], multiplyDims(like[2], like[3]))) {
      throw mismatch('unflattenSpatialLike', inputs, 'the last axis is not height times width')
    }
    return [x[0], x[1], like[2], like[3]]
  },
  emit(emitter, [x, like]) {
    const sizes = emitter.node('Concat', [emitter.int64([0, 0]), emitter.sizes(like, 2)], { axis: 0 })
    return emitter.node('Reshape', [x, sizes])
  },
  adjoint: (apply, _, gradient) => [() => apply('flattenSpatial', [gradient], {}), undefined],
}

export const unsqueeze: Operator<'unsqueeze'> = {
  infer: ([x], { axis }) => [...x.slice(0, axis), 1, ...x.slice(axis)],
  emit: (emitter, [x], { axis }) => emitter.node('Unsqueeze', [x, emitter.int64([axis])]),
  adjoint: (apply, { inputs: [x] }, gradient) => [
    () => apply('reshape', [gradient], { shape: sizesOf(x.shape) }),
  ],
}

export const transpose: Operator<'transpose'> = {
  infer: ([x], { permutation }) => permutation.map((axis) => x[axis]),
  emit: (emitter, inputs, { permutation }) => emitter.node('Transpose', inputs, { perm: permutation }),
  adjoint: (apply, { attributes: { permutation } }, gradient) => [
    () => {
      const inverse = permutation.map((_, axis) => permutation.indexOf(axis))
      return apply('transpose', [gradient], { permutation: inverse })
    },
  ],
}

export const resizeLike: Operator<'resizeLike'> = {
  infer(inputs) {
    checkRank('resizeLike', inputs, 0, 4)
    checkRank('resizeLike', inputs, 1, 4)
    const [x, like] = inputs
    return [x[0], x[1], like[2], like[3]]
  },
  emit(emitter, [x, like]) {
    const sizes = emitter.node('Concat', [emitter.sizes(x, 0, 2), emitter.sizes(like, 2)], { axis: 0 })
    return emitter.node('Resize', [x, '', '', sizes], {
      mode: 'linear',
      coordinate_transformation_mode: 'half_pixel',
    })
  },
  adjoint: (apply, { inputs: [x] }, gradient) => [
    () => {
      const [fromHeight, fromWidth] = sizesOf(x.shape.slice(2))
      const [toHeight, toWidth] = sizesOf(gradient.shape.slice(2))
      const weights = (from: number, to: number) =>
        constantOf(`resize.${from}.${to}`, [to, from], interpolationMatrix(from, to))
      const columns =
        fromWidth === toWidth ? gradient : apply('matmul', [gradient, weights(fromWidth, toWidth)], {})
      if (fromHeight === toHeight) return columns
      return apply('matmul', [swapLast(apply, weights(fromHeight, toHeight)), columns], {})
    },
    undefined,
  ],
}

export const resizeWeights: Operator<'resizeWeights'> = {
  infer(inputs, { axis, window }) {
    checkRank('resizeWeights', inputs, 0, 4)
    checkRank('resizeWeights', inputs, 1, 4)
    const [from, to] = inputs.map((shape) => shape[axis])
    const columns = multiplyDims(window, from)
    return axis === 2 ? [to, columns] : [columns, to]
  },
  emit(emitter, [x, like], { axis, window }) {
    const [from, to] = [x, like].map((tensor) => emitter.sizes(tensor, axis, axis + 1))
    const square = emitter.node('Concat', [from, from], { axis: 0 })
    const zeros = emitter.node('ConstantOfShape', [square])
    const identity = emitter.node('Unsqueeze', [emitter.node('EyeLike', [zeros]), emitter.int64([0, 1])])
    const sides = axis === 2 ? [to, from] : [from, to]
    const sizes = emitter.node('Concat', [emitter.int64([1, 1]), ...sides], { axis: 0 })
    const weights = emitter.node('Resize', [identity, '', '', sizes], {
      mode: 'linear',
      coordinate_transformation_mode: 'half_pixel',
    })
    const middle = (window - 1) / 2
    const blocks = Array.from({ length: window }, (_, i) => {
      if (i === middle) return weights
      const begin = [0, 0, 0, 0].map((_, a) => (a === axis ? middle - i : 0))
      return emitter.node('Pad', [weights, emitter.int64([...begin, ...begin.map((n) => 0 - n)])])
    })
    const joined = window === 1 ? weights : emitter.node('Concat', blocks, { axis: 5 - axis })
    return emitter.node('Squeeze', [joined, emitter.int64([0, 1])])
  },
}

export const reshape: Operator<'reshape'> = {
  infer(inputs, { shape }) {
    const [x] = inputs
    const isKnown = x.every((dim) => typeof dim === 'number')
    if (isKnown && product(x as number[]) !== product(shape)) {
      throw mismatch('reshape', [x, shape], 'they have different numbers of elements')
    }
    return shape
  },
  emit: (emitter, [x], { shape }) => emitter.node('Reshape', [x, emitter.int64(shape)]),
  adjoint: (apply, { inputs: [x] }, gradient) => [
    () => apply('reshape', [gradient], { shape: sizesOf(x.shape) }),
  ],
}

export const expand: Operator<'expand'> = {
  infer(inputs, { shape }) {
    const result = broadcast('expand', [inputs[0], shape])
    if (!sameShape(result, shape)) throw mismatch('expand', [inputs[0], shape], 'only axes of size 1 repeat')
    return shape
  },
  emit: (emitter, [x], { shape }) => emitter.node('Expand', [x, emitter.int64(shape)]),
  adjoint: (apply, { inputs: [x] }, gradient) => [() => sumTo(apply, gradient, x.shape)],
}

export const slice: Operator<'slice'> = {
  infer(inputs, { begin, size }) {
    const [x] = inputs
    const fits = (dim: Dim, axis: number) =>
      typeof dim !== 'number' || (begin[axis] >= 0 && begin[axis] + size[axis] <= dim)
    if (begin.length !== x.length || size.length !== x.length || !x.every(fits)) {
      throw mismatch('slice', [x, size], `the block from ${formatShape(begin)} must lie within`)
    }
    return size
  },
  emit(emitter, [x], { begin, size }) {
    const ends = begin.map((start, axis) => start + size[axis])
    return emitter.node('Slice', [x, emitter.int64(begin), emitter.int64(ends)])
  },
  adjoint: (apply, { inputs: [x], attributes: { begin, size } }, gradient) => [
    () => {
      const after = sizesOf(x.shape).map((length, axis) => length - begin[axis] - size[axis])
      return apply('pad', [gradient], { before: begin, after })
    },
  ],
}

export const pad: Operator<'pad'> = {
  infer: ([x], { before, after }) =>
    x.map((dim, axis) => {
      const added = before[axis] + after[axis]
      return added === 0 ? dim : sizesOf([dim])[0] + added
    }),
  emit: (emitter, [x], { before, after }) => emitter.node('Pad', [x, emitter.int64([...before, ...after])]),
  adjoint: (apply, { attributes: { before, after } }, gradient) => [
    () => {
      const negated = (sizes: readonly number[]) => sizes.map((size) => 0 - size)
      return apply('pad', [gradient], { before: negated(before), after: negated(after) })
    },
  ],
}

import { type Dim, multiplyDims, sameDim } from '../dim.js'
import { checkRank, mismatch, type Operator } from './operator.js'

export const concat: Operator<'concat'> = {
  infer(inputs, { axis }) {
    const [first, ...others] = inputs
    if (
      others.some((s) => s.length !== first.length || s.some((d, i) => i !== axis && !sameDim(d, first[i])))
    ) {
      throw mismatch('concat', inputs, `only axis ${axis} may differ`)
    }
    const size = inputs.reduce((sum, shape) => sum + knownSize(shape[axis]), 0)
    return first.map((dim, i) => (i === axis ? size : dim))
    function knownSize(dim: Dim): number {
      if (typeof dim !== 'number') {
        throw mismatch('concat', inputs, `the sizes along axis ${axis} must be known`)
      }
      return dim
    }
  },
  emit: (emitter, inputs, { axis }) => emitter.node('Concat', inputs, { axis }),
}

export const flattenSpatial: Operator<'flattenSpatial'> = {
  infer(inputs) {
    checkRank('flattenSpatial', inputs, 0, 4)
    const [n, c, h, w] = inputs[0]
    return [n, c, multiplyDims(h, w)]
  },
  // A 0 in a Reshape's sizes keeps the input's size of that axis.
  emit: (emitter, [x]) => emitter.node('Reshape', [x, emitter.int64([0, 0, -1])]),
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
}

export const unsqueeze: Operator<'unsqueeze'> = {
  infer: ([x], { axis }) => [...x.slice(0, axis), 1, ...x.slice(axis)],
  emit: (emitter, [x], { axis }) => emitter.node('Unsqueeze', [x, emitter.int64([axis])]),
}

export const transpose: Operator<'transpose'> = {
  infer: ([x], { permutation }) => permutation.map((axis) => x[axis]),
  emit: (emitter, inputs, { permutation }) => emitter.node('Transpose', inputs, { perm: permutation }),
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
}

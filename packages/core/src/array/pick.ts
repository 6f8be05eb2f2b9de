import type { TensorOps } from '../ops.js'
import { shapeText, sizeMismatch, sizeOf } from '../shape.js'
import { type Allocate, type ArrayTensor, record } from './tensor.js'

export function picking(allocate: Allocate): Pick<TensorOps<ArrayTensor>, 'pick'> {
  return {
    pick(x, indices, axis) {
      const shape = x.shape.filter((_, i) => i !== axis)
      const length = x.shape[axis] ?? 0
      const inner = sizeOf(x.shape.slice(axis + 1))
      if (indices.length !== sizeOf(shape)) {
        throw sizeMismatch(
          `${indices.length} indices were given to pick along axis ${axis} of a tensor of ${shapeText(x.shape)}.`,
          `Give one for each of the ${sizeOf(shape)} positions of the other axes.`,
          { indices: indices.length, shape: x.shape, axis },
        )
      }
      const outside = indices.find((index) => !(index >= 0 && index < length))
      if (outside !== undefined) {
        throw sizeMismatch(
          `Index ${outside} was given to pick along axis ${axis} of a tensor of ${shapeText(x.shape)}.`,
          `Keep indices within 0..${length - 1}.`,
          { index: outside, shape: x.shape, axis },
        )
      }
      const visit = (each: (picked: number, source: number) => void) => {
        for (let p = 0, block = 0; p < indices.length; block += length * inner) {
          for (let i = 0; i < inner; i++, p++) each(p, block + indices[p]! * inner + i)
        }
      }
      const data = allocate(indices.length)
      visit((picked, source) => (data[picked] = x.data[source]!))
      return record(data, shape, [
        x,
        (gradient) => {
          const result = allocate(x.data.length)
          visit((picked, source) => (result[source] = gradient[picked]!))
          return result
        },
      ])
    },
  }
}

import type { TensorOps } from '../ops.js'
import { indexed } from './indices.js'
import { type Allocate, type ArrayTensor, record } from './tensor.js'

export function picking(allocate: Allocate): Pick<TensorOps<ArrayTensor>, 'pick'> {
  return {
    pick(x, indices, axis) {
      const { shape, length, inner } = indexed(x.shape, indices, axis)
      const size = x.data.length
      const visit = (each: (picked: number, source: number) => void) => {
        for (let p = 0, block = 0; p < indices.length; block += length * inner) {
          for (let i = 0; i < inner; i++, p++) each(p, block + indices[p]! * inner + i)
        }
      }
      const data = allocate(indices.length)
      visit((picked, source) => (data[picked] = x.data[source]!))
      return record(data, shape, [
        x,
        (gradient, sum = allocate(size)) => {
          visit((picked, source) => (sum[source]! += gradient[picked]!))
          return sum
        },
      ])
    },
  }
}

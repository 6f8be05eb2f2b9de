import type { TensorOps } from '../ops.js'
import { indexed } from './indices.js'
import { type Allocate, type ArrayTensor, record } from './tensor.js'

export function selection(allocate: Allocate): Pick<TensorOps<ArrayTensor>, 'takeAlongAxis'> {
  return {
    takeAlongAxis(x, indices, axis) {
      const { shape, length, inner } = indexed(x.shape, indices, axis)
      const size = x.data.length
      const visit = (each: (taken: number, source: number) => void) => {
        for (let t = 0, block = 0; t < indices.length; block += length * inner) {
          for (let i = 0; i < inner; i++, t++) each(t, block + indices[t] * inner + i)
        }
      }
      const data = allocate(indices.length)
      visit((taken, source) => {
        data[taken] = x.data[source]
      })
      return record(data, shape, [
        x,
        (gradient, sum = allocate(size)) => {
          visit((taken, source) => {
            sum[source] += gradient[taken]
          })
          return sum
        },
      ])
    },
  }
}

import type { FusedOps } from '../ops.js'
import type { Allocate, ArrayTensor } from './tensor.js'

/** Counting and looking up by class, which takes a fraction of the time and memory of products with a one-hot matrix. */
export function classOperations(allocate: Allocate): Pick<FusedOps<ArrayTensor>, 'sumByClass' | 'lookUp'> {
  return {
    sumByClass({ data, shape }, indices, numClasses) {
      const [images, pixels] = shape
      const sums = new Float64Array(images * numClasses)
      for (let image = 0; image < images; image++) {
        const [first, end] = [image * pixels, (image + 1) * pixels]
        const own = sums.subarray(image * numClasses)
        for (let i = first; i < end; i++) own[indices[i]] += data[i]
      }
      const result = allocate(sums.length)
      result.set(sums)
      return { data: result, shape: [images, numClasses] }
    },
    lookUp({ data, shape }, indices, images) {
      const [tables, numClasses] = shape
      const pixels = indices.length / images
      const result = allocate(indices.length)
      for (let image = 0; image < images; image++) {
        const [first, end] = [image * pixels, (image + 1) * pixels]
        const own = tables === 1 ? data : data.subarray(image * numClasses)
        for (let i = first; i < end; i++) result[i] = own[indices[i]]
      }
      return { data: result, shape: [images, pixels] }
    },
  }
}

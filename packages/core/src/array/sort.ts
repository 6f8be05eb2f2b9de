import type { SortOps } from '../ops.js'
import { shapeText, sizeMismatch } from '../shape.js'
import type { ArrayTensor } from './tensor.js'

/** Cumulative sums in sorted order, without gradient. */
export const sorting: SortOps<ArrayTensor> = {
  descendingSums(keys, values) {
    for (const { shape } of values) {
      if (shapeText(shape) === shapeText(keys.shape)) continue
      throw sizeMismatch(
        `\`values\` must have the shape of \`keys\`, ${shapeText(keys.shape)}, got ${shapeText(shape)}.`,
        'Give both the same shape.',
        { keys: keys.shape, values: shape },
      )
    }
    const length = keys.shape.at(-1) ?? 1
    const order = new Uint32Array(length)
    const results = values.map(({ data }) => data.slice())
    for (let start = 0; start < keys.data.length; start += length) {
      const row = keys.data.subarray(start, start + length)
      for (let i = 0; i < length; i++) order[i] = i
      order.sort((a, b) => row[b] - row[a] || a - b)
      values.forEach(({ data }, v) => {
        let sum = 0
        for (const i of order) {
          sum += data[start + i]
          results[v][start + i] = sum
        }
      })
    }
    return results.map((data) => ({ data, shape: keys.shape }))
  },
}

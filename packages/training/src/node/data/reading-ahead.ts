import type { Batch, TrainingData } from '../../batch.js'

/**
 * Makes the next batches while one is used. At most `depth` batches wait; they are forgotten when the steps go elsewhere.
 */
export function readingAhead<Data extends TrainingData>(data: Data, depth: number): Data {
  const made = new Map<number, Promise<Batch>>()
  const make = (step: number): Promise<Batch> => {
    const known = made.get(step)
    if (known !== undefined) return known
    const batch = data.batch(step)
    // The caller sees a failure when the step comes; until then it must not count as unhandled.
    batch.catch(() => {})
    made.set(step, batch)
    return batch
  }
  return {
    ...data,
    batch(step) {
      const batch = make(step)
      // A batch is handed out once: the caller may change it or send it away.
      made.delete(step)
      for (const other of made.keys()) if (other < step || other > step + depth) made.delete(other)
      for (let next = step + 1; next <= step + depth; next++) make(next)
      return batch
    },
  }
}

import { type Graph, graphInputs, peakActivationBytes } from '@inverseform/backbones/graph'
import { InverseFormError } from '@inverseform/errors'
import { product } from '@inverseform/shared'

/** What a compiled graph takes beside its tensors. */
const FIXED = 200 * 2 ** 20
/** Arrays of labels are kept, compared and fed, and garbage waits for its collection: so many exist at a time. */
const LABEL_COPIES = 6

/**
 * Returns about how many bytes a step takes beside the weights: values that are alive at the same time, gradients and the optimizer's
 * vector, and the arrays that the loss makes of labels. `tools/bench/training/memory.ts` compares it with what processes take.
 */
export function stepBytes(graph: Graph): number {
  const labels = bytesOf(graph, isOfBatch)
  const parameters = bytesOf(graph, (name) => !isOfBatch(name))
  return FIXED + peakActivationBytes(graph, {}) + LABEL_COPIES * labels + 2 * parameters
}

const isOfBatch = (name: string) => name === 'image' || name.startsWith('loss.')

function bytesOf(graph: Graph, isCounted: (name: string) => boolean): number {
  const counted = graphInputs(graph).filter(({ attributes }) => isCounted(attributes.name))
  return counted.reduce((sum, { shape }) => sum + 4 * product(shape as readonly number[]), 0)
}

/**
 * Checks that a step fits into memory, before anything of its size is allocated.
 * @throws InverseFormError `out-of-memory`, which says how much it needs and how much there is
 */
export function checkStepMemory(needed: number, available: number): void {
  if (needed <= available) return
  const gibibytes = (bytes: number) => `${Number((bytes / 2 ** 30).toPrecision(3))} GiB`
  throw new InverseFormError(
    'out-of-memory',
    `A step needs about ${gibibytes(needed)} of memory, but ${gibibytes(available)} are free.`,
    {
      hint: 'Use a smaller crop or batch. `accumulate` makes a step of several batches, which need no more memory than one.',
      details: { needed, available },
    },
  )
}

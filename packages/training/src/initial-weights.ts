import type { Checkpoint, CheckpointTensor } from '@inverseform/backbones'
import { toFloat32 } from '@inverseform/backbones'
import { InverseFormError } from '@inverseform/errors'
import type { TrainingState } from './trainer.js'

/** What became of the tensors of a checkpoint that a training started from. Names are those of the network, or of the file. */
export interface InitialWeights {
  /** Parameters and statistics that were taken. */
  readonly loaded: readonly string[]
  /** Tensors of the file that were not taken: of another shape, such as a classifier of other classes, or unknown. */
  readonly leftOut: readonly string[]
  /** Parameters and statistics that keep their new, random values. */
  readonly initialized: readonly string[]
}

/** What programs put before the names of a network's tensors. */
const PREFIXES = /^(?:(?:module|_orig_mod|model|net|network|segmentor)\.)+/
const BACKBONE = /^backbone\./
/** Counts batches, which no step needs. */
const COUNTER = /\.num_batches_tracked$/

/**
 * Takes the weights of a checkpoint whose name and shape are the network's. The others keep their values, as for fine-tuning
 * with other classes.
 *
 * @throws InverseFormError `checkpoint-mismatch` when no tensor fits; errors of reading
 */
export async function loadInitialWeights(
  state: TrainingState,
  { tensors }: Pick<Checkpoint, 'tensors'>,
): Promise<InitialWeights> {
  const byName = new Map<string, CheckpointTensor>()
  for (const tensor of tensors.values()) byName.set(shortName(tensor.name), tensor)
  const taken = new Set<CheckpointTensor>()
  const loaded: string[] = []
  const initialized: string[] = []
  for (const [name, { data, shape }] of state.tensors) {
    const tensor = byName.get(shortName(name))
    if (!tensor || `${tensor.shape}` !== `${shape}` || tensor.unreadable !== undefined) {
      initialized.push(name)
      continue
    }
    data.set(toFloat32(await tensor.read()))
    taken.add(tensor)
    loaded.push(name)
  }
  if (loaded.length === 0) {
    throw new InverseFormError('checkpoint-mismatch', 'No tensor of the checkpoint fits the network.', {
      hint: 'Pass a checkpoint of the model that is trained, or leave `checkpoint` out to start from random weights.',
    })
  }
  state.resetAverage()
  const leftOut = [...tensors.values()].filter((tensor) => !taken.has(tensor) && !COUNTER.test(tensor.name))
  return { loaded, leftOut: leftOut.map(({ name }) => name), initialized }
}

const shortName = (name: string): string => name.replace(PREFIXES, '').replace(BACKBONE, '')

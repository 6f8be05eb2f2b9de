import { InverseFormError } from '@inverseform/errors'
import type { Checkpoint, CheckpointTensor } from '../checkpoint/types.js'

/** A checkpoint's tensors by canonical name. */
export type CanonicalTensors = ReadonlyMap<string, CheckpointTensor>

/**
 * Removes the prefixes that training setups add to a parameter's name: `module.`, `modules.`, `model.` from wrappers,
 * and `backbone.`, which separates the backbone from the heads. Names stay unique without it.
 */
export function canonicalName(name: string): string {
  return name.replace(/^(?:(?:module|modules|model)\.)+/, '').replace(/^backbone\./, '')
}

/**
 * Indexes a checkpoint's tensors by canonical name.
 * @throws InverseFormError `invalid-checkpoint` when two names differ only in their prefixes
 */
export function byCanonicalName(checkpoint: Checkpoint): CanonicalTensors {
  const tensors = new Map<string, CheckpointTensor>()
  for (const tensor of checkpoint.tensors.values()) {
    const name = canonicalName(tensor.name)
    const other = tensors.get(name)
    if (other) {
      const both = `"${other.name}" and "${tensor.name}"`
      throw new InverseFormError(
        'invalid-checkpoint',
        `The names of the tensors ${both} differ only in their prefixes.`,
        { hint: 'Keep one of them: a checkpoint must hold one set of weights.' },
      )
    }
    tensors.set(name, tensor)
  }
  return tensors
}

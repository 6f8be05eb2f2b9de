import { InverseFormError } from '@inverseform/errors'
import type { Checkpoint, CheckpointTensor } from '../checkpoint/index.js'

/** A checkpoint's tensors by canonical name. */
export type CanonicalTensors = ReadonlyMap<string, CheckpointTensor>

/**
 * A parameter's name without what training setups add: `module.`, `modules.`, `model.` from wrappers, and the
 * `backbone.` that separates the backbone from the heads (no name of either collides without it).
 */
export function canonicalName(name: string): string {
  return name.replace(/^(?:(?:module|modules|model)\.)+/, '').replace(/^backbone\./, '')
}

/** @throws `invalid-checkpoint` when two tensors have one name but for prefixes. */
export function byCanonicalName(checkpoint: Checkpoint): CanonicalTensors {
  const tensors = new Map<string, CheckpointTensor>()
  for (const tensor of checkpoint.tensors.values()) {
    const name = canonicalName(tensor.name)
    const other = tensors.get(name)
    if (other) {
      const both = `"${other.name}" and "${tensor.name}"`
      throw new InverseFormError(
        'invalid-checkpoint',
        `The tensors ${both} have the same name but for prefixes.`,
        { hint: 'Keep one of them: a checkpoint should hold one set of weights.' },
      )
    }
    tensors.set(name, tensor)
  }
  return tensors
}

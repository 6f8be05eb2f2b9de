import type { CheckpointFile } from '../file.js'
import { describe, type PickleDict, type PickleValue, TorchTensor } from '../pickle/values.js'

/** Keys under which training scripts save a state dict, the most likely first. */
const keys = ['state_dict', 'model_state_dict', 'model']

export interface StateDict {
  readonly tensors: ReadonlyMap<string, TorchTensor>
  /** The other entries of the checkpoint. */
  readonly rest: PickleDict
}

/** Finds the state dict in a checkpoint's pickle. */
export function findStateDict(file: CheckpointFile, value: PickleValue): StateDict {
  if (!(value instanceof Map)) {
    throw file.invalid(
      `holds ${describe(value)}, not a dict of tensors`,
      'Save the model with torch.save(model.state_dict(), path).',
    )
  }
  for (const key of keys) {
    const inner = value.get(key)
    if (!(inner instanceof Map)) continue
    const { tensors, rest } = split(file, inner)
    if (tensors.size === 0) continue
    const others = new Map(value)
    if (rest.size) others.set(key, rest)
    else others.delete(key)
    return { tensors, rest: others }
  }
  const found = split(file, value)
  if (found.tensors.size > 0) return found
  const names = [...value.keys()].slice(0, 8).map(describe).join(', ')
  throw file.invalid(
    `holds no tensors: a dict with ${value.size ? `the keys ${names}${value.size > 8 ? ', …' : ''}` : 'no keys'}`,
    `Save the model with torch.save(model.state_dict(), path), or in a dict under ${keys.map((key) => `"${key}"`).join(' or ')}.`,
  )
}

function split(file: CheckpointFile, dict: PickleDict): StateDict {
  const tensors = new Map<string, TorchTensor>()
  const rest: PickleDict = new Map()
  for (const [key, value] of dict) {
    if (!(value instanceof TorchTensor)) rest.set(key, value)
    else if (typeof key === 'string') tensors.set(key, value)
    else throw file.invalid(`a tensor's name is ${describe(key)}, not a string`)
  }
  return { tensors, rest }
}

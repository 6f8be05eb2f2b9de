import type { CheckpointFile } from '../file.js'
import {
  type PickleDict,
  PickleObject,
  PickleTuple,
  type PickleValue,
  TorchTensor,
} from '../pickle/values.js'

/** Returns the attributes of a pickled `torch.nn.Module`; undefined for any other value. */
export function moduleState(value: PickleValue | undefined): PickleDict | undefined {
  if (!(value instanceof PickleObject)) return undefined
  return attributeDicts(value).find((dict) => dict.get('_parameters') instanceof Map && dict.has('_modules'))
}

/** Returns the dicts that may hold an object's attributes: its state, or what its class would be called with. */
export function attributeDicts({ state, args }: PickleObject): PickleDict[] {
  // With slots, the state is a tuple of the attributes and the slots.
  const states = state instanceof PickleTuple ? state.items.slice(0, 2) : [state]
  return [...states, args[0]].filter((value) => value instanceof Map)
}

/** Returns a module's tensors under the names and in the order of `state_dict()`. */
export function moduleTensors(file: CheckpointFile, module: PickleObject): Map<string, TorchTensor> {
  const tensors = new Map<string, TorchTensor>()
  const add = (entries: PickleValue | undefined, prefix: string, skipped?: ReadonlySet<PickleValue>) => {
    if (!(entries instanceof Map)) return
    file.work(entries.size)
    for (const [key, value] of entries) {
      if (!(value instanceof TorchTensor) || typeof key !== 'string' || skipped?.has(key)) continue
      const name = prefix + key
      file.work(1, name.length)
      tensors.set(name, value)
      file.check('maxTensors', tensors.size, 'tensors')
    }
  }
  const visit = (value: PickleObject, prefix: string, depth: number) => {
    file.check('maxDepth', depth, 'nested modules')
    file.work(1, prefix.length)
    const state = moduleState(value)
    if (!state) return
    add(state.get('_parameters'), prefix)
    add(state.get('_buffers'), prefix, elementsOf(file, state.get('_non_persistent_buffers_set')))
    const children = state.get('_modules')
    if (!(children instanceof Map)) return
    file.work(children.size)
    for (const [key, child] of children) {
      if (!(child instanceof PickleObject) || typeof key !== 'string') continue
      visit(child, `${prefix}${key}.`, depth + 1)
    }
  }
  visit(module, '', 0)
  return tensors
}

function elementsOf(
  file: CheckpointFile,
  value: PickleValue | undefined,
): ReadonlySet<PickleValue> | undefined {
  const items = value instanceof PickleTuple ? value.items : value
  if (!Array.isArray(items) || items.length === 0) return undefined
  file.work(items.length)
  return new Set(items)
}

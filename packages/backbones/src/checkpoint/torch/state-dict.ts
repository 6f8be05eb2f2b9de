import { InverseFormError } from '@inverseform/errors'
import type { CheckpointFile } from '../file.js'
import { toMetadata } from '../metadata.js'
import { describe, type PickleValue, TorchTensor } from '../pickle/values.js'
import type { CheckpointContents } from '../types.js'
import { arrayTensors, type Candidate, findCandidates } from './candidates.js'

/** Keys under which training scripts save a state dict, the most likely first. */
const keys = ['state_dict', 'model_state_dict', 'model']

export interface StateDict {
  readonly tensors: ReadonlyMap<string, TorchTensor>
  /** Converts the other contents of the file. */
  metadata(): CheckpointContents['metadata']
}

/**
 * Finds the state dict in a checkpoint's object: the one at `key`, else under the usual keys, else the only place that
 * holds tensors of a model.
 *
 * @throws InverseFormError `invalid-checkpoint` if there is none or no way to choose, `invalid-argument` for a wrong key
 */
export function findStateDict(file: CheckpointFile, value: PickleValue, key?: string): StateDict {
  const candidates = findCandidates(file, value)
  const { container, tensors } =
    key === undefined ? choose(file, value, candidates) : pick(file, candidates, key)
  return {
    tensors,
    metadata: () => toMetadata(file, value, { container, tensors }),
  }
}

type Choice = Pick<Candidate, 'container' | 'tensors'>

function choose(file: CheckpointFile, value: PickleValue, candidates: readonly Candidate[]): Choice {
  const usual =
    value instanceof Map ? keys.find((key) => candidates.some((found) => found.key === key)) : undefined
  if (usual !== undefined) return candidates.find((found) => found.key === usual)!
  const likely = candidates.filter((found) => found.likely)
  const nested = likely.filter((found) => found.key !== '')
  const top = candidates.find((found) => found.key === '')
  // A flat state dict may have more beside its tensors; a dict of everything may have some tensors beside the model.
  if (
    top &&
    nested.every((found) => found.tensors.size <= top.tensors.size) &&
    (top.likely || nested.length === 0)
  ) {
    return top
  }
  if (nested.length === 1) return nested[0]
  if (likely.length > 1) throw ambiguous(file, likely)
  if (candidates.length === 1) return candidates[0]
  if (candidates.length > 1) throw ambiguous(file, candidates)
  const arrays = value instanceof Map ? arrayTensors(value) : new Map<string, TorchTensor>()
  if (arrays.size > 0 && value instanceof Map) return { container: value, tensors: arrays }
  throw noTensors(file, value)
}

/** Returns the candidate at a key, or the only one below it, or the tensors whose names start with it. */
function pick(file: CheckpointFile, candidates: readonly Candidate[], key: string): Choice {
  const exact = candidates.find((found) => found.key === key)
  if (exact) return exact
  const below = candidates.filter((found) => found.key.startsWith(`${key}.`))
  const likely = below.filter((found) => found.likely)
  if (likely.length === 1) return likely[0]
  if (below.length === 1) return below[0]
  if (below.length > 1) throw ambiguous(file, below)
  for (const { container, tensors } of candidates) {
    const named = [...tensors].filter(([name]) => name.startsWith(`${key}.`))
    if (named.length === 0) continue
    return {
      container,
      tensors: new Map(named.map(([name, tensor]) => [name.slice(key.length + 1), tensor])),
    }
  }
  throw new InverseFormError(
    'invalid-argument',
    `${file.name}: \`key\` must name a place that holds tensors, got ${describe(key)}.`,
    {
      hint: `The file has ${listed(candidates)}.`,
      details: { key, candidates: summary(candidates) },
    },
  )
}

function ambiguous(file: CheckpointFile, candidates: readonly Candidate[]) {
  return new InverseFormError(
    'invalid-checkpoint',
    `${file.name}: it holds several state dicts: ${listed(candidates)}.`,
    {
      hint: `Choose one with \`key\`, such as ${describe(candidates.find(({ key }) => key !== '')?.key)}.`,
      details: { candidates: summary(candidates) },
    },
  )
}

function listed(candidates: readonly Candidate[]): string {
  const texts = candidates.slice(0, MOST_NAMED + 1).map(({ key, tensors }) => {
    const count = `${tensors.size} ${tensors.size === 1 ? 'tensor' : 'tensors'}`
    return `${key === '' ? 'its top level' : describe(key)} (${count})`
  })
  if (candidates.length === 0) return 'none'
  return candidates.length > MOST_NAMED ? `${texts.slice(0, MOST_NAMED).join(', ')}, …` : texts.join(', ')
}

const MOST_NAMED = 8

function summary(candidates: readonly Candidate[]) {
  return candidates.slice(0, 100).map(({ key, tensors }) => ({ key, tensors: tensors.size }))
}

function noTensors(file: CheckpointFile, value: PickleValue) {
  const hint = `Save the model with torch.save(model.state_dict(), path), or in a dict under ${keys.map((key) => `"${key}"`).join(' or ')}.`
  if (value instanceof TorchTensor) return file.invalid('it holds one tensor, not a dict of tensors', hint)
  if (!(value instanceof Map)) {
    return file.invalid(`it holds ${describe(value)}, not a dict of tensors`, hint)
  }
  const unnamed = [...value].find(([, item]) => item instanceof TorchTensor)
  if (unnamed) {
    return file.invalid(`a tensor's name is ${describe(unnamed[0])}, not a string or an integer`, hint)
  }
  const names = [...value.keys()].slice(0, 8).map(describe).join(', ')
  return file.invalid(
    `it holds no tensors: a dict with ${value.size ? `the keys ${names}${value.size > 8 ? ', …' : ''}` : 'no keys'}`,
    hint,
  )
}

import type { CheckpointFile } from '../file.js'
import { tensorOfArray } from '../pickle/globals.js'
import {
  describe,
  NumpyArray,
  type PickleDict,
  PickleObject,
  PickleTuple,
  type PickleValue,
  TorchTensor,
} from '../pickle/values.js'
import { attributeDicts, moduleState, moduleTensors } from './module.js'

/** A place in a file that holds tensors. */
export interface Candidate {
  /** Keys from the file's object to the place, joined by dots; empty for the object itself. */
  readonly key: string
  readonly container: PickleDict | PickleObject | PickleValue[] | PickleTuple
  readonly tensors: ReadonlyMap<string, TorchTensor>
  /** Whether the tensors may be a model's: not the state of an optimizer, a loss or a metric. */
  readonly likely: boolean
}

/** Keys under which training scripts keep tensors that are not a model's. */
const besides = /optim|scheduler|scaler|^amp$|rng|criterion|^loss(es)?$|metric|^history$/i
/** Names of the tensors that optimizers keep for each parameter. */
const slots = new Set([
  'exp_avg',
  'exp_avg_sq',
  'max_exp_avg_sq',
  'momentum_buffer',
  'square_avg',
  'acc_delta',
])
const lossClass = /(Loss|Criterion)\w*$/

/** Finds all places that hold tensors, in the order of the file. A container that several places share counts once. */
export function findCandidates(file: CheckpointFile, root: PickleValue): Candidate[] {
  const found: Candidate[] = []
  const seen = new Set<PickleValue>()

  const visit = (value: PickleValue, path: readonly string[], likely: boolean) => {
    if (!isContainer(value) || seen.has(value)) return
    seen.add(value)
    file.check('maxDepth', path.length, 'nested containers')
    if (value instanceof PickleObject && moduleState(value)) {
      const tensors = moduleTensors(file, value)
      if (tensors.size > 0) add(path, value, tensors, likely && !lossClass.test(value.name))
      return
    }
    if (value instanceof PickleObject) {
      const isOptimizer = attributeDicts(value).some((dict) => dict.has('param_groups'))
      for (const dict of [...attributeDicts(value), value.entries]) {
        if (dict) visitDict(value, dict, path, likely && !isOptimizer)
      }
      if (value.items) visitList(value, value.items, path, likely)
      return
    }
    if (value instanceof Map) visitDict(value, value, path, likely)
    else visitList(value, value instanceof PickleTuple ? value.items : value, path, likely)
  }

  const visitDict = (
    container: Candidate['container'],
    dict: PickleDict,
    path: readonly string[],
    likely: boolean,
  ) => {
    file.work(dict.size)
    const { tensors } = splitDict(file, dict)
    const isOptimizer = dict.has('param_groups') || [...slots].some((slot) => dict.has(slot))
    const own = likely && !isOptimizer
    if (tensors.size > 0) add(path, container, tensors, own && ![...tensors.values()].every(isScalar))
    for (const [key, value] of dict) {
      const name = isContainer(value) ? nameOf(key) : undefined
      if (name !== undefined) visit(value, [...path, name], own && !besides.test(name.slice(0, 100)))
    }
  }

  const visitList = (
    container: Candidate['container'],
    items: readonly PickleValue[],
    path: readonly string[],
    likely: boolean,
  ) => {
    file.work(items.length)
    const tensors = new Map<string, TorchTensor>()
    items.forEach((item, i) => {
      if (item instanceof TorchTensor) tensors.set(String(i), item)
    })
    // A list of tensors is a state dict only if there is no other.
    if (tensors.size > 0) add(path, container, tensors, false)
    for (const [i, item] of items.entries()) {
      if (isContainer(item)) visit(item, [...path, String(i)], likely)
    }
  }

  const add = (
    path: readonly string[],
    container: Candidate['container'],
    tensors: ReadonlyMap<string, TorchTensor>,
    likely: boolean,
  ) => {
    const key = path.join('.')
    file.work(tensors.size, key.length)
    file.check('maxTensors', found.length, 'places that hold tensors')
    found.push({ key, container, tensors, likely })
  }

  visit(root, [], true)
  return found
}

/** A dict's tensors by name, and its other entries. */
export interface SplitDict {
  readonly tensors: ReadonlyMap<string, TorchTensor>
  readonly rest: PickleDict
}

/** Separates a dict's tensors from its other entries. */
export function splitDict(file: CheckpointFile, dict: PickleDict): SplitDict {
  const tensors = new Map<string, TorchTensor>()
  const rest: PickleDict = new Map()
  for (const [key, value] of dict) {
    const name = value instanceof TorchTensor ? nameOf(key) : undefined
    if (name === undefined) {
      rest.set(key, value)
      continue
    }
    if (tensors.has(name)) throw file.invalid(`two tensors are named ${describe(name)}`)
    tensors.set(name, value as TorchTensor)
  }
  return { tensors, rest }
}

/** Returns the NumPy arrays of a dict as tensors, for files that have no others. */
export function arrayTensors(dict: PickleDict): ReadonlyMap<string, TorchTensor> {
  const tensors = new Map<string, TorchTensor>()
  for (const [key, value] of dict) {
    const name = nameOf(key)
    if (value instanceof NumpyArray && name !== undefined) tensors.set(name, tensorOfArray(value))
  }
  return tensors
}

/** Names are texts; scripts that number their tensors use integers. */
function nameOf(key: PickleValue): string | undefined {
  if (typeof key === 'string') return key
  return typeof key === 'number' && Number.isInteger(key) ? String(key) : undefined
}

function isScalar({ shape }: TorchTensor): boolean {
  return shape.length === 0
}

function isContainer(value: PickleValue): value is Candidate['container'] {
  return (
    Array.isArray(value) ||
    value instanceof Map ||
    value instanceof PickleTuple ||
    value instanceof PickleObject
  )
}

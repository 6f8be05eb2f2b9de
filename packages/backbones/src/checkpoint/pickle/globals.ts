import { dtypes } from '../dtype.js'
import type { CheckpointFile } from '../file.js'
import type { DType } from '../types.js'
import { numpyScalar } from './numpy-scalar.js'
import {
  describe,
  type GlobalMeaning,
  isSize,
  NumpyDType,
  PickleGlobal,
  PickleTuple,
  type PickleValue,
  TorchStorage,
  TorchTensor,
} from './values.js'

const storages: Readonly<Record<string, DType>> = {
  DoubleStorage: 'float64',
  FloatStorage: 'float32',
  HalfStorage: 'float16',
  BFloat16Storage: 'bfloat16',
  LongStorage: 'int64',
  IntStorage: 'int32',
  ShortStorage: 'int16',
  CharStorage: 'int8',
  ByteStorage: 'uint8',
  BoolStorage: 'bool',
  UntypedStorage: 'uint8',
}

type Call = NonNullable<GlobalMeaning['call']>

const rebuildTensor: Call = ([storage, offset, shape, strides, , , metadata], fail) => {
  if (!(storage instanceof TorchStorage)) throw fail(`views ${describe(storage)}, not a storage`)
  if (!isSize(offset)) throw fail(`offset ${describe(offset)}`)
  if (!(shape instanceof PickleTuple) || !shape.items.every(isSize)) throw fail(`shape ${list(shape)}`)
  if (!(strides instanceof PickleTuple) || !strides.items.every(isSize)) {
    throw fail(`strides ${list(strides)}`)
  }
  if (shape.items.length !== strides.items.length) {
    throw fail(`${shape.items.length} dimensions with ${strides.items.length} strides`)
  }
  // Lazily conjugated or negated tensors are marked here. Their stored values are not their values.
  if (metadata instanceof Map && [...metadata.values()].some((flag) => flag !== false)) {
    throw fail('a tensor with the conj or neg bit set')
  }
  return new TorchTensor(storage, offset, shape.items, strides.items)
}

const list = (value: PickleValue | undefined) =>
  value instanceof PickleTuple ? `(${value.items.slice(0, 8).map(describe).join(', ')})` : describe(value)

const rebuildParameter: Call = ([tensor], fail) => {
  if (!(tensor instanceof TorchTensor)) throw fail(`wraps ${describe(tensor)}, not a tensor`)
  return tensor
}

const orderedDict: Call = ([pairs = []], fail) => {
  // Python 2 gives the items as a list of [key, value] lists.
  if (!Array.isArray(pairs)) throw fail(`called with ${describe(pairs)}`)
  return new Map(
    pairs.map((pair) => {
      const [key, value] = pair instanceof PickleTuple ? pair.items : Array.isArray(pair) ? pair : []
      if (typeof key !== 'string' || value === undefined) throw fail(`the item ${describe(pair)}`)
      return [key, value]
    }),
  )
}

const size: Call = ([items], fail) => {
  if (!(items instanceof PickleTuple)) throw fail(`called with ${describe(items)}`)
  return items
}

const numpyDType: Call = ([code], fail) => {
  if (typeof code !== 'string') throw fail(`called with ${describe(code)}`)
  return new NumpyDType(code)
}

/** Python 3 writes bytes in protocol 2 as text with the same character codes. */
const encode: Call = ([text, encoding], fail) => {
  if (typeof text !== 'string' || encoding !== 'latin1') {
    throw fail(`called with ${describe(text)} and ${describe(encoding)}`)
  }
  return Uint8Array.from(text, (character) => {
    const code = character.codePointAt(0)!
    if (code > 255) throw fail(`${describe(text)} is not latin1`)
    return code
  })
}

/** All globals that a pickle may name. */
const allowed = new Map<string, GlobalMeaning>([
  ['collections.OrderedDict', { call: orderedDict }],
  ['torch._utils._rebuild_tensor', { call: rebuildTensor }],
  ['torch._utils._rebuild_tensor_v2', { call: rebuildTensor }],
  ['torch._utils._rebuild_parameter', { call: rebuildParameter }],
  ['torch._utils._rebuild_parameter_with_state', { call: rebuildParameter }],
  ['torch.Size', { call: size }],
  ['numpy.dtype', { call: numpyDType }],
  ['numpy.core.multiarray.scalar', { call: numpyScalar }],
  ['numpy._core.multiarray.scalar', { call: numpyScalar }],
  ['_codecs.encode', { call: encode }],
  ['torch.storage.UntypedStorage', { dtype: 'uint8' }],
  ...Object.entries(storages).map(([name, dtype]) => [`torch.${name}`, { dtype }] as const),
  ...dtypes.map((dtype) => [`torch.${dtype}`, { dtype }] as const),
])

/** Refused globals that occur in PyTorch's own files, with hints. */
const refused: readonly { readonly pattern: RegExp; readonly what: string; readonly hint: string }[] = [
  {
    pattern: /^torch\._utils\._rebuild_(qtensor|.*sparse.*)$|^torch\.Q\w+Storage$/,
    what: ' (a quantized or sparse tensor)',
    hint: 'Convert the tensors in Python with dequantize() or to_dense() and save the state dict again.',
  },
  {
    pattern: /^torch\.Complex\w+Storage$|^torch\._utils\._rebuild_tensor_v3$/,
    what: ' (a tensor of an unsupported element type)',
    hint: 'Convert the tensors in Python, for example with float(), and save the state dict again.',
  },
  {
    pattern: /^(__main__|torch\.nn\..*)\./,
    what: ' (an object of a class, perhaps a whole pickled module)',
    hint: 'Load the file in Python, in the project that wrote it, and save only the state dict: torch.save(model.state_dict(), path).',
  },
]
const otherHint = 'Load the file in Python only if you trust its source, and save only its state dict.'

/**
 * Looks up a global that a pickle names.
 * @throws InverseFormError `unsafe-checkpoint` for a global that is not on the list
 */
export function lookUpGlobal(file: CheckpointFile, module: string, name: string): PickleGlobal {
  const full = `${module}.${name}`
  const meaning = allowed.get(full)
  if (meaning) return new PickleGlobal(full, meaning)
  const reason = refused.find(({ pattern }) => pattern.test(full))
  throw file.unsafe(
    `uses the Python global ${describe(full)}${reason?.what ?? ''}, which is not on the list of allowed globals`,
    reason?.hint ?? otherHint,
  )
}

import { dtypes, isDType } from '../dtype.js'
import type { CheckpointFile } from '../file.js'
import { contiguousStrides } from '../strides.js'
import type { DType, OtherDType } from '../types.js'
import { isHostile } from './hostile.js'
import { dtypeOfNumpy, numpyGlobals } from './numpy.js'
import {
  describe,
  type GlobalMeaning,
  isSize,
  NumpyArray,
  type PickleDict,
  PickleGlobal,
  PickleObject,
  PickleTuple,
  type PickleValue,
  TorchStorage,
  TorchTensor,
} from './values.js'

const storages: Readonly<Record<string, DType | OtherDType>> = {
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
  ComplexFloatStorage: 'complex64',
  ComplexDoubleStorage: 'complex128',
  QInt8Storage: 'qint8',
  QUInt8Storage: 'quint8',
  QInt32Storage: 'qint32',
  QUInt4x2Storage: 'quint4x2',
  QUInt2x4Storage: 'quint2x4',
}

/** Names of `torch.dtype` that are not read, with their aliases. */
const otherDTypes: readonly string[] = (
  'uint16 uint32 uint64 complex32 complex64 complex128 qint8 quint8 qint32 quint4x2 quint2x4 float8_e4m3fn float8_e5m2 ' +
  'float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu float4_e2m1fn_x2 bits8 bits16 int4 uint4'
).split(' ')

type Call = NonNullable<GlobalMeaning['call']>
type Context = Parameters<Call>[1]

/** Reads a shape and checks its length before its sizes. */
function sizes(
  name: string,
  value: PickleValue | undefined,
  { fail, checkDimensions, work }: Context,
): number[] {
  // Sizes are a tuple, `torch.Size` or, in some files, a list.
  const items = value instanceof PickleTuple ? value.items : Array.isArray(value) ? value : undefined
  if (!items) throw fail(`${name} ${describe(value)}`)
  checkDimensions(items.length)
  work(1 + items.length)
  if (!items.every(isSize)) throw fail(`${name} (${items.slice(0, 8).map(describe).join(', ')})`)
  return items as number[]
}

function rebuild(
  [storage, offset, shape, strides]: readonly PickleValue[],
  context: Context,
  dtype?: DType | OtherDType,
  flags?: PickleValue,
): TorchTensor {
  const { fail } = context
  if (!(storage instanceof TorchStorage)) throw fail(`views ${describe(storage)}, not a storage`)
  if (!isSize(offset)) throw fail(`offset ${describe(offset)}`)
  const size = sizes('shape', shape, context)
  const steps = sizes('strides', strides, context)
  if (size.length !== steps.length) throw fail(`${size.length} dimensions with ${steps.length} strides`)
  // Lazily conjugated or negated tensors are marked here. Their stored values are not their values.
  if (flags instanceof Map) context.work(flags.size)
  const marked = flags instanceof Map && flags.size > 0 && [...flags.values()].some((flag) => flag !== false)
  const type = dtype ?? storage.dtype
  const problem = marked ? 'its values are stored conjugated or negated' : undefined
  return new TorchTensor(type, storage, offset, size, steps, problem ?? unsupported(type))
}

/** Says why values of an element type cannot be read; undefined if they can. */
function unsupported(dtype: DType | OtherDType): string | undefined {
  if (isDType(dtype)) return undefined
  if (/^q/.test(dtype)) return `it is quantized (${dtype})`
  return `its element type ${dtype} is not supported`
}

const rebuildTensor: Call = (args, context) => rebuild(args, context, undefined, args[6])

/** `(storage, offset, shape, strides, requires_grad, hooks, dtype, flags)` of an untyped storage. */
const rebuildTensor3: Call = (args, context) => {
  const dtype = dtypeOf(args[6])
  if (dtype === undefined) throw context.fail(`element type ${describe(args[6])}`)
  return rebuild(args, context, dtype, args[7])
}

function dtypeOf(value: PickleValue | undefined): DType | OtherDType | undefined {
  return value instanceof PickleGlobal ? value.meaning.dtype : undefined
}

/** A tensor that is only listed. */
function listed(dtype: DType | OtherDType, shape: readonly number[], reason: string): TorchTensor {
  return new TorchTensor(dtype, undefined, 0, shape, contiguousStrides(shape), reason)
}

const rebuildQuantized: Call = (args, context) => {
  const { dtype, shape } = rebuild(args, context)
  return listed(dtype, shape, `it is quantized (${dtype})`)
}

/** `(layout, (indices, values, size, …))`; compressed layouts have one more index. */
const rebuildSparse: Call = ([, parts], context) => {
  const items = parts instanceof PickleTuple ? parts.items : []
  context.work(items.length)
  const tensors = items.filter((item) => item instanceof TorchTensor)
  const size = items.find((item) => item instanceof PickleTuple)
  const { dtype } = tensors.at(-1) ?? { dtype: 'float32' }
  return listed(dtype, sizes('shape', size, context), 'it is sparse')
}

const rebuildMeta: Call = ([dtype, size], context) =>
  listed(dtypeOf(dtype) ?? 'float32', sizes('shape', size, context), 'it has no values (device meta)')

/** `(class, dtype, size, strides, offset, layout, device, requires_grad)`. */
const rebuildWrapper: Call = ([type, dtype, size], context) =>
  listed(dtypeOf(dtype) ?? 'float32', sizes('shape', size, context), `it is a ${describe(type)}`)

const rebuildNested: Call = ([buffer]) =>
  listed(buffer instanceof TorchTensor ? buffer.dtype : 'float32', [], 'it is a nested tensor')

/** `(array, dtype, device, requires_grad)`, for devices whose tensors are saved as NumPy arrays. */
const rebuildFromNumpy: Call = ([array, type], { fail }) => {
  if (array instanceof TorchTensor) return array
  if (!(array instanceof NumpyArray)) throw fail(`made of ${describe(array)}, not a NumPy array`)
  return tensorOfArray(array, dtypeOf(type))
}

/** Returns the tensor of an array, in another element type if one is given. */
export function tensorOfArray(array: NumpyArray, wanted?: DType | OtherDType): TorchTensor {
  const stored = array.dtype ? dtypeOfNumpy(array.dtype) : 'object'
  // NumPy has no bfloat16: such tensors are saved as float32.
  const widened = wanted === 'bfloat16' && stored === 'float32'
  const dtype = wanted ?? stored
  const { shape } = array
  const strides = array.fortran ? contiguousStrides([...shape].reverse()).reverse() : contiguousStrides(shape)
  let problem = unsupported(dtype)
  if (dtype !== stored && !widened) problem ??= `it is ${dtype}, but its NumPy array is ${stored}`
  if (array.dtype?.bigEndian) problem ??= 'its NumPy array is big-endian'
  if (array.bytes === undefined) problem ??= 'its NumPy array has no bytes'
  return new TorchTensor(dtype, array, 0, shape, strides, problem)
}

/** `(function, class, arguments, state)` of a tensor with attributes or of a subclass. */
const rebuildFromType: Call = ([callable, , args], context) => {
  if (!(callable instanceof PickleGlobal && args instanceof PickleTuple)) {
    throw context.fail(`called with ${describe(callable)} and ${describe(args)}`)
  }
  return callable.meaning.call?.(args.items, context) ?? new PickleObject(callable.name, args.items)
}

/** Parameters and variables, which wrap a tensor or an object that stands for one. */
const rebuildParameter: Call = ([tensor], { fail }) => {
  if (!(tensor instanceof TorchTensor || tensor instanceof PickleObject)) {
    throw fail(`wraps ${describe(tensor)}, not a tensor`)
  }
  return tensor
}

/** `torch.nn.Parameter(tensor, …)`; of an unknown form, only an object. */
const parameter =
  (name: string): Call =>
  (args) =>
    args[0] instanceof TorchTensor ? args[0] : new PickleObject(name, args)

/** Dicts of pairs, of another dict, or empty. A default factory comes first and is dropped. */
const dict: Call = (args, { fail, work }) => {
  work(args.length)
  const given = args.find((item) => !(item === null || item instanceof PickleGlobal))
  if (given === undefined) return new Map()
  if (given instanceof Map) {
    work(given.size)
    return new Map(given)
  }
  // Python 2 gives the items as a list of [key, value] lists.
  if (!Array.isArray(given)) throw fail(`called with ${describe(given)}`)
  work(given.length)
  const result: PickleDict = new Map()
  for (const pair of given) {
    const [key, value] = pair instanceof PickleTuple ? pair.items : Array.isArray(pair) ? pair : []
    if (key === undefined || value === undefined || Array.isArray(key) || key instanceof Map) {
      throw fail(`the item ${describe(pair)}`)
    }
    result.set(key, value)
  }
  return result
}

/** Lists, sets and tuples become copies, because no element is looked up. */
const list: Call = ([items], { fail, work }) => {
  if (items === undefined) return []
  const found = items instanceof PickleTuple ? items.items : items
  if (!Array.isArray(found)) throw fail(`called with ${describe(items)}`)
  work(found.length)
  return [...found]
}

const tuple: Call = (args, context) => new PickleTuple(list(args, context) as PickleValue[])

const size: Call = ([items = new PickleTuple([])], { fail }) => {
  if (items instanceof PickleTuple) return items
  if (Array.isArray(items)) return new PickleTuple(items)
  throw fail(`called with ${describe(items)}`)
}

/** `bytearray(text, 'latin-1')`, `bytearray(bytes)` and `bytes()`. */
const byteArray: Call = ([value, encoding], context) => {
  if (value === undefined) return new Uint8Array(0)
  if (typeof value === 'string') return encode([value, encoding], context)
  if (!(value instanceof Uint8Array)) throw context.fail(`called with ${describe(value)}`)
  return value
}

const utf8 = new TextEncoder()

/** Python 3 writes bytes in protocol 2 as text with the same character codes. */
const encode: Call = ([text, encoding], { fail, work }) => {
  if (typeof text !== 'string' || (encoding !== 'latin1' && encoding !== 'latin-1')) {
    throw fail(`called with ${describe(text)} and ${describe(encoding)}`)
  }
  work(1, text.length)
  const bytes = new Uint8Array(text.length)
  // ASCII has the same bytes in UTF-8, and the encoder is many times faster than a loop.
  if (utf8.encodeInto(text, bytes).read === text.length) return bytes
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 255) throw fail(`${describe(text)} is not latin1`)
    bytes[i] = code
  }
  return bytes
}

/** `getattr(owner, name)`, by which Python names a function of a class or a method of an object, such as a scheduler. */
const getAttribute: Call = ([owner, name], { fail, global }) => {
  const named = owner instanceof PickleGlobal || owner instanceof PickleObject
  if (!named || typeof name !== 'string' || !/^[A-Za-z_]\w{0,99}$/.test(name)) {
    throw fail(`called with ${describe(owner)} and ${describe(name)}`)
  }
  return global(`${owner.name}.${name}`)
}

/** `copyreg._reconstructor(class, base, state)`, as protocols 0 and 1 make objects. */
const reconstructor: Call = ([type, base, state], { fail }) => {
  if (!(type instanceof PickleGlobal)) throw fail(`makes an object of ${describe(type)}`)
  const object = new PickleObject(type.name, state === null || state === undefined ? [] : [state])
  if (base instanceof PickleGlobal && state instanceof Map) object.entries = state
  return object
}

/** `copyreg.__newobj__(class, *args)`. */
const newObject: Call = ([type, ...args], { fail, work }) => {
  if (!(type instanceof PickleGlobal)) throw fail(`makes an object of ${describe(type)}`)
  work(args.length)
  return new PickleObject(type.name, args)
}

const sparse: GlobalMeaning = { call: rebuildSparse }
const fromNumpy: GlobalMeaning = { call: rebuildFromNumpy }
const fromType: GlobalMeaning = { call: rebuildFromType }

/** All globals that mean more than their name, by their names in Python 3. */
const known = new Map<string, GlobalMeaning>([
  ['collections.OrderedDict', { call: dict }],
  ['collections.defaultdict', { call: dict }],
  ['collections.Counter', { call: dict }],
  ['builtins.dict', { call: dict }],
  ['builtins.list', { call: list }],
  ['builtins.set', { call: list }],
  ['builtins.tuple', { call: tuple }],
  ['builtins.frozenset', { call: tuple }],
  ['builtins.bytearray', { call: byteArray }],
  ['builtins.bytes', { call: byteArray }],
  ['builtins.getattr', { call: getAttribute, onlyCalled: true }],
  ['copyreg._reconstructor', { call: reconstructor }],
  ['copyreg.__newobj__', { call: newObject }],
  ['torch._utils._rebuild_tensor', { call: rebuildTensor }],
  ['torch._utils._rebuild_tensor_v2', { call: rebuildTensor }],
  ['torch._utils._rebuild_tensor_v3', { call: rebuildTensor3 }],
  ['torch._utils._rebuild_parameter', { call: rebuildParameter }],
  ['torch._utils._rebuild_parameter_with_state', { call: rebuildParameter }],
  ['torch._utils._rebuild_qtensor', { call: rebuildQuantized }],
  ['torch._utils._rebuild_sparse_tensor', sparse],
  ['torch._utils._rebuild_sparse_csr_tensor', sparse],
  ['torch._utils._rebuild_nested_tensor', { call: rebuildNested }],
  ['torch._utils._rebuild_meta_tensor_no_storage', { call: rebuildMeta }],
  ['torch._utils._rebuild_wrapper_subclass', { call: rebuildWrapper }],
  ...[
    'device_tensor_from_numpy',
    'device_tensor_from_cpu_tensor',
    'xla_tensor',
    'ort_tensor',
    'hpu_tensor',
    'mlc_tensor',
  ].map((name) => [`torch._utils._rebuild_${name}`, fromNumpy] as const),
  ['torch._tensor._rebuild_from_type', fromType],
  ['torch._tensor._rebuild_from_type_v2', fromType],
  ['torch.tensor._rebuild_from_type', fromType],
  ...[
    'torch.nn.parameter.Parameter',
    'torch.nn.Parameter',
    'torch.nn.parameter.Buffer',
    'torch.autograd.variable.Variable',
  ].map((name) => [name, { call: parameter(name) }] as const),
  ['torch.Size', { call: size }],
  ...numpyGlobals,
  ['_codecs.encode', { call: encode }],
  ...Object.entries(storages).flatMap(([name, dtype]) =>
    ['torch', 'torch.cuda'].map((module) => [`${module}.${name}`, { dtype }] as const),
  ),
  ['torch.storage.UntypedStorage', { dtype: 'uint8' }],
  ['torch.storage._UntypedStorage', { dtype: 'uint8' }],
  ...[...dtypes, ...otherDTypes].map((dtype) => [`torch.${dtype}`, { dtype }] as const),
])

const unknown: GlobalMeaning = {}

/** Returns a module's name in Python 3 and NumPy 1. */
function canonical(module: string): string {
  if (module === '__builtin__' || module === '__builtins__') return 'builtins'
  if (module === 'copy_reg') return 'copyreg'
  return module.replace(/^numpy\._core(?=\.|$)/, 'numpy.core')
}

/**
 * Looks up a global that a pickle names. An unknown one is only a name.
 * @throws InverseFormError `unsafe-checkpoint` for a global that is of use only for attacks
 */
export function lookUpGlobal(file: CheckpointFile, module: string, name: string): PickleGlobal {
  const place = canonical(module)
  if (isHostile(place, name)) throw hostile(file, `${module}.${name}`)
  const full = `${place}.${name}`
  const meaning = known.get(full) ?? unknown
  // The spelling of the file, which people may search for.
  return new PickleGlobal(meaning === unknown ? full : `${module}.${name}`, meaning)
}

/** Returns the error for a global that is of use only for attacks. */
export function hostile(file: CheckpointFile, name: string) {
  return file.unsafe(
    `it uses the Python global ${describe(name)}, which could run code`,
    'A checkpoint needs no such thing: the file may be an attack. Do not load it in Python either.',
  )
}

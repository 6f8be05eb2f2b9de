const utf8 = new TextEncoder()

/** Joins bytes, texts and arrays. */
export function bytes(...parts: (number | string | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  const arrays = parts.map((part) =>
    typeof part === 'number' ? Uint8Array.of(part) : typeof part === 'string' ? utf8.encode(part) : part,
  )
  return new Uint8Array(Buffer.concat(arrays))
}

/** Encodes an integer in little-endian order, `size` bytes. */
export function uint(value: number | bigint, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => Number((BigInt(value) >> BigInt(8 * i)) & 255n))
}

/** Raw pickle instructions that push one value. */
export class Code {
  readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }
}

export type Pickled = null | boolean | number | bigint | string | Code | Pickled[] | Map<Pickled, Pickled>

/** Encodes a plain value as pickle instructions of protocol 2. */
export function encode(value: Pickled): Uint8Array {
  if (value instanceof Code) return value.bytes
  if (value === null) return bytes('N')
  if (typeof value === 'boolean') return bytes(value ? 0x88 : 0x89)
  if (typeof value === 'string') return bytes('X', uint(utf8.encode(value).length, 4), value)
  if (typeof value === 'number' && Number.isInteger(value) && Math.abs(value) < 2 ** 31) {
    return bytes('J', uint(value, 4))
  }
  if (typeof value === 'bigint' || Number.isInteger(value)) return bytes(0x8a, 12, uint(value as bigint, 12))
  if (typeof value === 'number') return bytes('G', new Uint8Array(new Float64Array([value]).buffer).reverse())
  if (Array.isArray(value)) return bytes('](', ...value.map(encode), 'e')
  return bytes('}(', ...[...value].flatMap(([key, item]) => [encode(key), encode(item)]), 'u')
}

export const tuple = (...items: Pickled[]) => new Code(bytes('(', ...items.map(encode), 't'))
export const global = (module: string, name: string) => new Code(bytes('c', module, 10, name, 10))
export const call = (callable: Pickled, ...args: Pickled[]) =>
  new Code(bytes(encode(callable), encode(tuple(...args)), 'R'))
export const dict = (entries: Record<string, Pickled>) => new Map(Object.entries(entries))
export const pickle = (value: Pickled) => bytes(0x80, 2, encode(value), '.')

export interface StorageSpec {
  readonly type?: string
  readonly key?: Pickled
  readonly length?: Pickled
  /** The view metadata of the legacy stream. */
  readonly view?: Pickled
}

export function storage({ type = 'FloatStorage', key = '0', length = 6, view }: StorageSpec = {}) {
  const more = view === undefined ? [] : [view]
  return new Code(bytes(encode(tuple('storage', global('torch', type), key, 'cpu', length, ...more)), 'Q'))
}

export interface TensorSpec extends StorageSpec {
  readonly offset?: Pickled
  readonly shape?: Pickled[]
  readonly strides?: Pickled[]
}

export function tensor({ offset = 0, shape = [2, 3], strides = [3, 1], ...rest }: TensorSpec = {}) {
  const rebuild = global('torch._utils', '_rebuild_tensor_v2')
  const hooks = call(global('collections', 'OrderedDict'))
  return call(rebuild, storage(rest), offset, tuple(...shape), tuple(...strides), false, hooks)
}

/** Makes a file in torch.save's legacy stream format, with storages in the order of their keys. */
export function legacyFile(
  value: Pickled,
  storages: Record<string, { length: number; data: Uint8Array }> = {},
): Uint8Array<ArrayBuffer> {
  return bytes(
    pickle(0x1950a86a20f9469cfc6cn),
    pickle(1001),
    pickle(dict({ little_endian: true })),
    pickle(value),
    pickle(Object.keys(storages)),
    ...Object.values(storages).flatMap(({ length, data }) => [uint(length, 8), data]),
  )
}

export const floats = (...values: number[]) => new Uint8Array(new Float32Array(values).buffer)

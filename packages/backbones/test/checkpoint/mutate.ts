type Mutation = (bytes: Uint8Array<ArrayBuffer>, below: (limit: number) => number) => Uint8Array<ArrayBuffer>

/** Values that break length, count and offset fields. */
const nasty = [0n, 1n, 0x7fn, 0xffn, 0x7fffn, 0xffffn, 0x7fffffffn, 0x80000000n, 0xffffffffn]
const nastier = [...nasty, 2n ** 33n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 62n, 2n ** 63n - 1n, 2n ** 64n - 1n]
export const nastyNumbers: readonly (number | bigint)[] = [-1, 2 ** 31 - 1, -(2 ** 31), ...nastier.slice(4)]
/** Pickle instructions. */
const instructions = new TextEncoder().encode('(.0123}])lt~deasuqrhjQRbNKMJGXUTCBc')

const splice = (bytes: Uint8Array, from: number, to: number, insert: Uint8Array) => {
  const result = new Uint8Array(bytes.length - (to - from) + insert.length)
  result.set(bytes.subarray(0, from))
  result.set(insert, from)
  result.set(bytes.subarray(to), from + insert.length)
  return result
}

const mutations: readonly Mutation[] = [
  function flipBit(bytes, below) {
    bytes[below(bytes.length)] ^= 1 << below(8)
    return bytes
  },
  function setByte(bytes, below) {
    bytes[below(bytes.length)] = below(256)
    return bytes
  },
  function setInstruction(bytes, below) {
    bytes[below(bytes.length)] = below(3) ? instructions[below(instructions.length)] : 0x80 + below(24)
    return bytes
  },
  function setField(bytes, below) {
    const size = [1, 2, 4, 8][below(4)]
    const value = nastier[below(nastier.length)]
    const at = below(Math.max(1, bytes.length - size))
    for (let i = 0; i < size; i++) bytes[at + i] = Number((value >> BigInt(8 * i)) & 255n)
    return bytes
  },
  function nudgeByte(bytes, below) {
    bytes[below(bytes.length)] += below(2) ? 1 : -1
    return bytes
  },
  function cutOut(bytes, below) {
    const from = below(bytes.length)
    return splice(bytes, from, Math.min(bytes.length, from + 1 + below(40)), new Uint8Array(0))
  },
  function copyOver(bytes, below) {
    const length = 1 + below(60)
    const from = below(bytes.length)
    const to = below(bytes.length)
    bytes.copyWithin(to, from, from + length)
    return bytes
  },
  function copyIn(bytes, below) {
    const from = below(bytes.length)
    const part = bytes.slice(from, from + 1 + below(200))
    const to = below(bytes.length)
    return splice(bytes, to, to, part)
  },
  function repeatByte(bytes, below) {
    const at = below(bytes.length)
    return splice(bytes, at, at, new Uint8Array(1 + below(300)).fill(bytes[at]))
  },
  function truncate(bytes, below) {
    return bytes.slice(0, below(bytes.length))
  },
  function append(bytes, below) {
    return splice(bytes, bytes.length, bytes.length, new Uint8Array(1 + below(100)).fill(below(256)))
  },
]

/** Applies one to three random mutations to a copy of the bytes. */
export function mutate(original: Uint8Array, next: () => number): Uint8Array<ArrayBuffer> {
  const below = (limit: number) => Math.floor(next() * limit)
  let bytes = new Uint8Array(original)
  for (let count = 1 + below(3); count > 0 && bytes.length > 0; count--) {
    bytes = mutations[below(mutations.length)](bytes, below)
  }
  return bytes
}

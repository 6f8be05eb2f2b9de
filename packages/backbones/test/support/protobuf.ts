/** A Protocol Buffers message: all values of each field, in order. Numbers are varints or fixed bytes. */
export type Message = Map<number, (number | Uint8Array)[]>

/** Reads one level of a message, knowing nothing of its schema. */
export function parseMessage(bytes: Uint8Array): Message {
  const fields: Message = new Map()
  let at = 0
  const varint = () => {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++]
      value += (byte % 128) * scale
      if (byte < 128) return value
    }
  }
  while (at < bytes.length) {
    const key = varint()
    const wire = key % 8
    let value: number | Uint8Array
    if (wire === 0) value = varint()
    else if (wire === 2 || wire === 5) {
      const length = wire === 2 ? varint() : 4
      if (at + length > bytes.length) throw new Error(`field ${key >> 3} reaches past its message`)
      value = bytes.subarray(at, (at += length))
    } else throw new Error(`wire type ${wire}`)
    const field = Math.floor(key / 8)
    fields.set(field, [...(fields.get(field) ?? []), value])
  }
  return fields
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

export const messages = (message: Message, field: number): Message[] =>
  (message.get(field) ?? []).map((value) => parseMessage(value as Uint8Array))
export const strings = (message: Message, field: number): string[] =>
  (message.get(field) ?? []).map((value) => utf8.decode(value as Uint8Array))
export const numbers = (message: Message, field: number): number[] => (message.get(field) ?? []) as number[]

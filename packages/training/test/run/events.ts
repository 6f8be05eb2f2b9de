/** What the scalar events of a TensorBoard file say, decoded from the definitions of its formats. */
export interface DecodedEvent {
  wallTime?: number
  step: number
  version?: string
  /** Status of a session log. */
  session?: number
  scalars: Record<string, number>
}

/** Decodes TFRecord framing and the fields of `Event`; throws where a checksum or a field is wrong. */
export function decodeEvents(file: Uint8Array): DecodedEvent[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const events: DecodedEvent[] = []
  for (let at = 0; at < file.length; ) {
    const length = Number(view.getBigUint64(at, true))
    check(view.getUint32(at + 8, true), file.subarray(at, at + 8))
    const data = file.subarray(at + 12, at + 12 + length)
    check(view.getUint32(at + 12 + length, true), data)
    events.push(decodeEvent(data))
    at += 16 + length
  }
  return events
}

function check(masked: number, data: Uint8Array): void {
  const rotated = (masked - 0xa282ead8) >>> 0
  const crc = ((rotated >>> 17) | (rotated << 15)) >>> 0
  if (crc !== crc32c(data)) throw new Error('a wrong checksum')
}

/** CRC-32C bit by bit: the remainder of the division by the reversed polynomial 0x1edc6f41. */
export function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of data) {
    for (let bit = 0; bit < 8; bit++) {
      const odd = (crc ^ (byte >> bit)) & 1
      crc >>>= 1
      if (odd) crc ^= 0x82f63b78
    }
  }
  return ~crc >>> 0
}

function decodeEvent(data: Uint8Array): DecodedEvent {
  const event: DecodedEvent = { step: 0, scalars: {} }
  for (const [field, value] of fields(data)) {
    if (field === 1) event.wallTime = (value as DataView).getFloat64(0, true)
    else if (field === 2) event.step = Number(value)
    else if (field === 3) event.version = new TextDecoder().decode(value as Uint8Array)
    else if (field === 5) {
      for (const [part, scalar] of fields(value as Uint8Array)) {
        if (part !== 1) throw new Error(`field ${part} of a summary`)
        const entries = new Map(fields(scalar as Uint8Array))
        const tag = new TextDecoder().decode(entries.get(1) as Uint8Array)
        event.scalars[tag] = (entries.get(2) as DataView).getFloat32(0, true)
      }
    } else if (field === 7) event.session = Number(new Map(fields(value as Uint8Array)).get(1))
    else throw new Error(`field ${field} of an event`)
  }
  return event
}

type Field = [number: number, value: bigint | Uint8Array | DataView]

function fields(data: Uint8Array): Field[] {
  const found: Field[] = []
  let at = 0
  const varint = () => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = BigInt(data[at++])
      value |= (byte & 127n) << shift
      if (byte < 128n) return value
    }
  }
  const take = (size: number) => data.subarray(at, (at += size))
  while (at < data.length) {
    const key = Number(varint())
    const [field, type] = [key >> 3, key & 7]
    if (type === 0) found.push([field, varint()])
    else if (type === 2) found.push([field, take(Number(varint()))])
    else if (type === 1 || type === 5) {
      const bytes = take(type === 1 ? 8 : 4)
      found.push([field, new DataView(bytes.buffer, bytes.byteOffset, bytes.length)])
    } else throw new Error(`type ${type}`)
  }
  return found
}

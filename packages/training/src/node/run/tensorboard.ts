/**
 * Encodes TensorBoard's event files: records in TFRecord framing (length, its checksum, data, their checksum) that hold `Event`
 * messages of protocol buffers (tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto). No maintained npm
 * package writes them.
 */

/** Returns the first record of a file, which names its format. */
export function versionEvent(wallTime: number): Uint8Array {
  return record([...double(1, wallTime), ...bytes(3, text('brain.Event:2'))])
}

/** Returns a record that says that a run goes on from a step: TensorBoard forgets what earlier files have from there on. */
export function restartEvent(wallTime: number, step: number): Uint8Array {
  const START = 1
  return record([...double(1, wallTime), ...integer(2, step), ...bytes(7, integer(1, START))])
}

/** Returns a record of scalars by their tags, such as `loss/total`. Their values are stored as float32. */
export function scalarEvent(
  wallTime: number,
  step: number,
  scalars: Readonly<Record<string, number>>,
): Uint8Array {
  const values = Object.entries(scalars).flatMap(([tag, value]) =>
    bytes(1, [...bytes(1, text(tag)), ...float(2, value)]),
  )
  return record([...double(1, wallTime), ...integer(2, step), ...bytes(5, values)])
}

function record(data: readonly number[]): Uint8Array {
  const length = new Uint8Array(8)
  new DataView(length.buffer).setUint32(0, data.length, true)
  const body = Uint8Array.from(data)
  return Uint8Array.from([...length, ...maskedChecksum(length), ...body, ...maskedChecksum(body)])
}

/** The checksum of TFRecord: CRC-32C, rotated and offset so that checksums of data that hold checksums are not weak. */
function maskedChecksum(data: Uint8Array): Uint8Array {
  const crc = crc32c(data)
  const masked = ((((crc >>> 15) | (crc << 17)) >>> 0) + 0xa282ead8) >>> 0
  const result = new Uint8Array(4)
  new DataView(result.buffer).setUint32(0, masked, true)
  return result
}

/** CRC-32C (Castagnoli). */
function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of data) crc = (crc >>> 8) ^ table[(crc ^ byte) & 255]
  return ~crc >>> 0
}

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0x82f63b78 : byte >>> 1
  return byte
})

// Fields of protocol buffers: their number with the type of their encoding, then the value.
const [VARINT, EIGHT_BYTES, LENGTH, FOUR_BYTES] = [0, 1, 2, 5]

const key = (field: number, type: number): number[] => varint((field << 3) | type)

function varint(value: number): number[] {
  const result: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...result, rest]
    result.push((rest % 128) + 128)
  }
}

const integer = (field: number, value: number): number[] => [...key(field, VARINT), ...varint(value)]

const bytes = (field: number, value: readonly number[]): number[] => [
  ...key(field, LENGTH),
  ...varint(value.length),
  ...value,
]

function double(field: number, value: number): number[] {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value, true)
  return [...key(field, EIGHT_BYTES), ...new Uint8Array(view.buffer)]
}

function float(field: number, value: number): number[] {
  const view = new DataView(new ArrayBuffer(4))
  view.setFloat32(0, value, true)
  return [...key(field, FOUR_BYTES), ...new Uint8Array(view.buffer)]
}

const text = (value: string): number[] => [...new TextEncoder().encode(value)]

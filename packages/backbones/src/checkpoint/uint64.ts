/** A little-endian unsigned 64-bit number; beyond 2^53 only about, which no bounds check lets pass. */
export function readUint64(bytes: Uint8Array, at = 0): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, 8)
  return view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32
}

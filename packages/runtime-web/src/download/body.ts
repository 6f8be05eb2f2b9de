/**
 * Reads the whole body of a response. If its length is known, the bytes are held only once.
 *
 * @param length its length in bytes if known, else 0; an encoded body may turn out longer than announced
 * @param onProgress called with the number of bytes so far
 */
export async function readBody(
  { body }: Response,
  length: number,
  onProgress?: (loaded: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  let bytes = new Uint8Array(length)
  let loaded = 0
  const reader = body?.getReader()
  for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
    const end = loaded + part.value.byteLength
    if (end > bytes.byteLength) bytes = enlarged(bytes, Math.max(end, 2 * bytes.byteLength))
    bytes.set(part.value, loaded)
    onProgress?.((loaded = end))
  }
  return loaded < bytes.byteLength ? bytes.slice(0, loaded) : bytes
}

function enlarged(bytes: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(length)
  larger.set(bytes)
  return larger
}

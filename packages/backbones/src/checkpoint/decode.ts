const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Decodes UTF-8; returns undefined for invalid bytes. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  // For the short ASCII names in pickles, calling the decoder costs more than decoding.
  if (bytes.length < 64 && isAscii(bytes)) return decodeLatin1(bytes)
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}

export function isAscii(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] > 127) return false
  return true
}

/** Decodes latin1: each byte is a character code. */
export function decodeLatin1(bytes: Uint8Array): string {
  // In chunks: adding characters one by one takes many times the memory.
  let text = ''
  for (let i = 0; i < bytes.length; i += 4096) text += String.fromCharCode(...bytes.subarray(i, i + 4096))
  return text
}

/** Reads a little-endian unsigned 64-bit integer. Above 2^53 it is rounded, and then fails every bounds check. */
export function readUint64(bytes: Uint8Array, at = 0): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, 8)
  return view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32
}

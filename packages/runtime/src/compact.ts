/** Sending a view to a worker sends the whole of its buffer: a small part of a large one is copied first. */
export function compact<T>(data: T): T {
  if (!ArrayBuffer.isView(data) || data.byteLength === data.buffer.byteLength) return data
  // Every typed array has this method; a Buffer's own gives a view.
  return Uint8Array.prototype.slice.call(data) as T & Uint8Array
}

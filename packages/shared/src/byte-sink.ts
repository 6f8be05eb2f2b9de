/** Receives bytes in order. The caller may reuse `bytes` once the promise has settled. */
export interface ByteSink {
  write(bytes: Uint8Array): Promise<void>
}

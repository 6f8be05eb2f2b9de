/** One id per pixel, in any typed array of integers of at most 32 bits. */
export type IdArray =
  | Uint8Array
  | Uint8ClampedArray
  | Uint16Array
  | Uint32Array
  | Int8Array
  | Int16Array
  | Int32Array

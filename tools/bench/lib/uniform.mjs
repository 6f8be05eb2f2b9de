/** Returns numbers in [0, 1) that depend only on the name and the index. make_checkpoint.py returns the same ones. */
export function uniform(name, length) {
  const seed = fnv1a(name)
  const values = new Float64Array(length)
  for (let i = 0; i < length; i++) values[i] = hash(seed + Math.imul(i, 0x9e3779b9)) / 2 ** 32
  return values
}

function fnv1a(text) {
  let seed = 0x811c9dc5
  for (const byte of new TextEncoder().encode(text)) seed = Math.imul(seed ^ byte, 0x01000193)
  return seed
}

function hash(x) {
  x ^= x >>> 16
  x = Math.imul(x, 0x85ebca6b)
  x ^= x >>> 13
  x = Math.imul(x, 0xc2b2ae35)
  return (x ^ (x >>> 16)) >>> 0
}

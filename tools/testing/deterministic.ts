/**
 * The reference data's weights and inputs, made from a hash of each tensor's name
 * (packages/backbones/test/fixtures/README.md says how they were defined).
 */
export function deterministicParameter(name: string, shape: readonly number[]): Float32Array {
  const leaf = name.slice(name.lastIndexOf('.') + 1)
  if (leaf === 'running_mean' || leaf === 'bias') return uniform(name, shape, 0.2, -0.1)
  if (leaf === 'running_var') return uniform(name, shape, 0.5, 1)
  if (leaf === 'weight' && shape.length === 1) return uniform(name, shape, 0.4, 0.8)
  const fanIn = shape.slice(1).reduce((a, b) => a * b, 1)
  const bound = Math.sqrt(3 / fanIn)
  return uniform(name, shape, 2 * bound, -bound)
}

export function deterministicImage(name: string, shape: readonly number[]): Float32Array {
  return uniform(name, shape, 4, -2)
}

/** `scale · u(i) + offset` for the hash u(i) in [0, 1) of every element. */
function uniform(name: string, shape: readonly number[], scale: number, offset: number): Float32Array {
  const seed = fnv1a(name)
  const values = new Float32Array(shape.reduce((a, b) => a * b, 1))
  for (let i = 0; i < values.length; i++) {
    let x = (seed + Math.imul(i, 0x9e3779b9)) >>> 0
    x ^= x >>> 16
    x = Math.imul(x, 0x85ebca6b)
    x ^= x >>> 13
    x = Math.imul(x, 0xc2b2ae35)
    x ^= x >>> 16
    values[i] = ((x >>> 0) / 2 ** 32) * scale + offset
  }
  return values
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}

import { product } from '@inverseform/shared'

/** Computes a weight of the reference data from a hash of its name (see fixtures/README.md). */
export function deterministicParameter(name: string, shape: readonly number[]): Float32Array {
  const leaf = name.slice(name.lastIndexOf('.') + 1)
  if (leaf === 'running_mean' || leaf === 'bias') return uniform(name, shape, 0.2, -0.1)
  if (leaf === 'running_var') return uniform(name, shape, 0.5, 1)
  if (leaf === 'weight' && shape.length === 1) return uniform(name, shape, 0.4, 0.8)
  const fanIn = product(shape.slice(1))
  const bound = Math.sqrt(3 / fanIn)
  return uniform(name, shape, 2 * bound, -bound)
}

/** Computes an input of the reference data from a hash of its name, with values from -2 to 2. */
export function deterministicImage(name: string, shape: readonly number[]): Float32Array {
  return uniform(name, shape, 4, -2)
}

/** Returns `scale · u(i) + offset` for each element i, where u(i) in [0, 1) hashes the name and i. */
function uniform(name: string, shape: readonly number[], scale: number, offset: number): Float32Array {
  const seed = fnv1a(name)
  const values = new Float32Array(product(shape))
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

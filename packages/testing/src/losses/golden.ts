import { readFileSync } from 'node:fs'
import { deterministicImage } from '../index.js'

const folder = new URL('../../../core/test/fixtures/losses/', import.meta.url)

interface Entry {
  readonly dtype: 'U8' | 'F32'
  readonly shape: readonly number[]
  readonly data_offsets: readonly [number, number]
}

/** Returns the tensors of the reference run: labels, edges and gradients. */
export function goldenTensors(): (name: string) => {
  data: Uint8Array | Float32Array
  shape: readonly number[]
} {
  const file = readFileSync(new URL('joint.48x96.safetensors', folder))
  const headerEnd = 8 + Number(file.readBigUInt64LE())
  const header = JSON.parse(file.toString('utf8', 8, headerEnd)) as Record<string, Entry>
  return (name) => {
    const entry = header[name]
    if (!entry) throw new Error(`The reference file must contain ${name}.`)
    const bytes = Uint8Array.from(
      file.subarray(headerEnd + entry.data_offsets[0], headerEnd + entry.data_offsets[1]),
    )
    return { data: entry.dtype === 'U8' ? bytes : new Float32Array(bytes.buffer), shape: entry.shape }
  }
}

/** The values of the terms in the reference run. With `norm`, weights of classes that do not occur are NaN. */
export const goldenValues = JSON.parse(
  readFileSync(new URL('joint.48x96.json', folder), 'utf8').replaceAll('NaN', 'null'),
) as Record<string, number> & Record<`class_weights(${string})`, readonly (number | null)[]>

/** Largest relative errors compared with the reference run, which used single precision. */
export interface GoldenTolerances {
  readonly value: number
  readonly gradient: number
  /** Tolerance of gradients through the 100 million weights of InverseNet. */
  readonly throughInverseNet: number
}

/**
 * The project requires 1e-4 for values and 1e-3 for gradients. Measured on arrays: 3e-6, 2e-7 and 1.2e-5. Measured on libraries,
 * which sum the class weights in single precision: 2.2e-5, 1.3e-5 and 1.8e-5.
 */
export const goldenTolerances = {
  arrays: { value: 5e-6, gradient: 1e-6, throughInverseNet: 3e-5 },
  libraries: { value: 5e-5, gradient: 5e-5, throughInverseNet: 5e-5 },
} as const satisfies Record<string, GoldenTolerances>

/** Returns the tolerance of a gradient of the reference run. */
export const gradientTolerance = (name: string, { gradient, throughInverseNet }: GoldenTolerances) =>
  name.startsWith('inverseform') ? throughInverseNet : gradient

interface Distance {
  readonly theta: readonly number[]
  readonly lambda?: number
  readonly distance: number
}
export const goldenDistances = JSON.parse(
  readFileSync(new URL('distances.json', folder), 'utf8'),
) as Readonly<Record<'euclidean_affine' | 'geodesic', readonly Distance[]>>

/** Returns the inputs of the reference run. */
export function goldenInputs() {
  const tensor = goldenTensors()
  return {
    seg: { data: deterministicImage('seg', [2, 19, 48, 96]), shape: [2, 19, 48, 96] },
    edgeLogits: { data: deterministicImage('edge', [2, 1, 48, 96]), shape: [2, 1, 48, 96] },
    target: tensor('labels').data as Uint8Array,
    edgeTarget: tensor('edges').data as Uint8Array,
    tensor,
  }
}

import { readFileSync } from 'node:fs'
import { deterministicImage } from '../../../backbones/test/support/deterministic.js'

const folder = new URL('../fixtures/losses/', import.meta.url)

interface Entry {
  readonly dtype: 'U8' | 'F32'
  readonly shape: readonly number[]
  readonly data_offsets: readonly [number, number]
}

/** The tensors of the reference run: labels, edge truth and gradients. */
export function goldenTensors(): (name: string) => {
  data: Uint8Array | Float32Array
  shape: readonly number[]
} {
  const file = readFileSync(new URL('joint.48x96.safetensors', folder))
  const headerEnd = 8 + Number(file.readBigUInt64LE())
  const header = JSON.parse(file.toString('utf8', 8, headerEnd)) as Record<string, Entry>
  return (name) => {
    const entry = header[name]
    if (!entry) throw new Error(`the reference file has no ${name}`)
    const bytes = Uint8Array.from(
      file.subarray(headerEnd + entry.data_offsets[0], headerEnd + entry.data_offsets[1]),
    )
    return { data: entry.dtype === 'U8' ? bytes : new Float32Array(bytes.buffer), shape: entry.shape }
  }
}

/** The terms' values of the reference run; the classes that do not occur have NaN weights with `norm`. */
export const goldenValues = JSON.parse(
  readFileSync(new URL('joint.48x96.json', folder), 'utf8').replaceAll('NaN', 'null'),
) as Record<string, number> & Record<`class_weights(${string})`, readonly (number | null)[]>

interface Distance {
  readonly theta: readonly number[]
  readonly lambda?: number
  readonly distance: number
}
export const goldenDistances = JSON.parse(
  readFileSync(new URL('distances.json', folder), 'utf8'),
) as Readonly<Record<'euclidean_affine' | 'geodesic', readonly Distance[]>>

/** The reference run's inputs. */
export function goldenInputs() {
  const tensor = goldenTensors()
  return {
    seg: { data: deterministicImage('seg', [2, 19, 48, 96]), shape: [2, 19, 48, 96] },
    edge: { data: deterministicImage('edge', [2, 1, 48, 96]), shape: [2, 1, 48, 96] },
    labels: tensor('labels').data as Uint8Array,
    edges: tensor('edges').data as Uint8Array,
    tensor,
  }
}

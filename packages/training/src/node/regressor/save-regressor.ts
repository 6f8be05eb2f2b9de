import { type WritableTensor, writeSafetensors } from '@inverseform/backbones'
import { writeFileAtomically } from '@inverseform/shared/node'
import type { TrainedRegressor } from '../../regressor/train-regressor.js'

/**
 * Writes a regressor as a safetensors file, which `readInverseNet` of `@inverseform/backbones` reads. The file appears complete or
 * not at all.
 *
 * @param facts about its training, for the file's metadata. The errors are added as `error.<parameter>` and
 *   `degradedError.<parameter>`.
 * @throws InverseFormError `write-failed`
 */
export async function saveRegressor(
  path: string,
  { weights, exact, degraded }: TrainedRegressor,
  facts: Readonly<Record<string, string | number>> = {},
): Promise<void> {
  const named = (name: string, errors: Readonly<Record<string, number>>) =>
    Object.entries(errors).map(([parameter, error]) => [`${name}.${parameter}`, error.toFixed(4)])
  const metadata = Object.fromEntries([
    ...Object.entries(facts).map(([name, value]) => [name, `${value}`]),
    ...named('error', exact),
    ...named('degradedError', degraded),
  ])
  const tensors = Object.entries(weights).map(([name, { data, shape }]): WritableTensor => {
    const tensor = { dtype: 'float32', shape, data: Float32Array.from(data) } as const
    return { name, dtype: 'float32', shape, read: async () => tensor }
  })
  await writeFileAtomically(path, (sink) => writeSafetensors(tensors, sink, metadata))
}

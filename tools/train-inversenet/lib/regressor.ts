import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { openCheckpoint, toFloat32, writeSafetensors } from '@inverseform/backbones'
import { fileSource, writeFileAtomically } from '@inverseform/backbones/node'
import { type InverseNetWeights, inverseNetForward, type PlainTensor } from '@inverseform/core'
import { type ArrayTensor, arrayOps, valueAndGrad } from '@inverseform/core/array'
import { adam, type BoundaryPairs, regressionLoss } from '@inverseform/core/training'
import { regressorFile } from './paths.js'

export type Weights = InverseNetWeights<PlainTensor & { readonly data: Float32Array }>

/** [height, width] of the regressor's tiles. They correspond to 112x112 tiles of a full-size scene. */
export const tileSize = [28, 28] as const

const ops = arrayOps()
const names = ['fc.0', 'fc.2', 'fc.4'].flatMap((layer) => [
  `${layer}.weight`,
  `${layer}.bias`,
]) as (keyof Weights)[]

/** Returns a regressor's estimates for a batch, [pairs, parameters]. */
export function estimate(
  weights: InverseNetWeights<ArrayTensor>,
  { tiles, warped }: BoundaryPairs,
): ArrayTensor {
  const [prediction, target] = [warped, tiles].map(({ data, shape }) => ops.constant(data, shape))
  return inverseNetForward(ops, weights, prediction, target)
}

/** Returns a function that takes one training step on a batch in place, and returns the loss before the step. */
export function trainer(weights: Weights): (batch: BoundaryPairs, learningRate: number) => number {
  const tensors = names.map((name) => weights[name])
  const update = adam(tensors.map(({ data }) => data))
  return (batch, learningRate) => {
    const loss = (...values: ArrayTensor[]) => {
      const byName = Object.fromEntries(names.map((name, i) => [name, values[i]]))
      return regressionLoss(ops, estimate(byName as InverseNetWeights<ArrayTensor>, batch), batch.parameters)
    }
    const { value, gradients } = valueAndGrad(loss)(...tensors)
    update(
      gradients.map(({ data }) => data),
      learningRate,
    )
    return value
  }
}

export async function saveRegressor(weights: Weights): Promise<void> {
  await mkdir(dirname(regressorFile), { recursive: true })
  const tensors = names.map((name) => {
    const tensor = { dtype: 'float32', ...weights[name] } as const
    return { name, ...tensor, read: async () => tensor }
  })
  await writeFileAtomically(regressorFile, (sink) => writeSafetensors(tensors, sink))
}

export async function loadRegressor(): Promise<Weights> {
  await using source = await fileSource(regressorFile)
  const { tensors } = await openCheckpoint(source)
  const entries = [...tensors].map(async ([name, tensor]) => {
    const { shape } = tensor
    return [name, { data: toFloat32(await tensor.read()), shape }] as const
  })
  return Object.fromEntries(await Promise.all(entries)) as Weights
}

import { join } from 'node:path'
import { writeSafetensors } from '@inverseform/backbones'
import { writeFileAtomically } from '@inverseform/backbones/node'
import { deterministicImage } from '../../../../tools/testing/deterministic.js'
import { readTensors } from '../../../backbones/test/support/golden.js'
import { checkpointOf } from '../../../backbones/test/support/models.js'
import { type ArrayTensor, arrayOps } from '../../../core/src/array/index.js'
import { inverseFormTiles } from '../../../core/src/index.js'

/** Writes InverseNet's weights in the published shapes, 400 MB, by the hash of their names; returns the path. */
export async function writeInverseNet(folder: string): Promise<string> {
  const path = join(folder, 'inversenet.safetensors')
  const { tensors } = checkpointOf([
    ['fc.0.weight', [1000, 2 * 224 ** 2]],
    ['fc.0.bias', [1000]],
    ['fc.2.weight', [32, 1000]],
    ['fc.2.bias', [32]],
    ['fc.4.weight', [4, 32]],
    ['fc.4.bias', [4]],
  ])
  await writeFileAtomically(path, (sink) => writeSafetensors(tensors.values(), sink))
  return path
}

/** The tiles of the reference run, [36, 1, 224, 224], and the published network's coefficients for them, [36, 4]. */
export async function goldenTiles() {
  const file = new URL('../../../backbones/test/fixtures/losses/inversenet.safetensors', import.meta.url)
  const { edges, 'coefficients.sigmoid': coefficients } = await readTensors(file)
  const ops = arrayOps()
  const edgeLogits = ops.constant(deterministicImage('edge', edges.shape), edges.shape)
  const { prediction, target } = inverseFormTiles(ops, {
    edgeLogits,
    edgeLabels: Uint8Array.from(edges.data),
  })
  const plain = ({ data, shape }: ArrayTensor) => ({ data: Float32Array.from(data), shape })
  return { prediction: plain(prediction), target: plain(target), coefficients }
}

import { join } from 'node:path'
import { writeSafetensors } from '@inverseform/backbones'
import { resizeTensor, type Tensor } from '@inverseform/runtime'
import { writeFileAtomically } from '@inverseform/shared/node'
import { checkpointOf, deterministicImage, inverseNetGoldens } from '@inverseform/testing'

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

/** Returns the tiles of the reference run, [36, 1, 224, 224], and the published network's coefficients, [36, 4]. */
export async function goldenTiles() {
  const { edges, 'coefficients.sigmoid': coefficients } = await inverseNetGoldens()
  const { shape } = edges
  const logits = deterministicImage('edge', shape)
  const prediction = tilesOf({ data: logits.map((x) => 1 / (1 + Math.exp(-x))), shape })
  const target = tilesOf({ data: edges.data.map((x) => (x === 1 ? 1 : 0)), shape })
  return { prediction, target, coefficients }
}

/**
 * Resizes maps [N,1,H,W] to 672x1344 and cuts them into 3x6 tiles, as `inverseFormTiles` of `@inverseform/core` does.
 * Tiles are ordered by row, column and image.
 */
function tilesOf(maps: Tensor): Tensor {
  const [side, rows, columns] = [224, 3, 6]
  const { data, shape } = resizeTensor(maps, columns * side, rows * side)
  const images = shape[0]
  const count = rows * columns * images
  const tiles = new Float32Array(count * side * side)
  for (let line = 0, to = 0; line < count * side; line++, to += side) {
    const [tile, y] = [Math.floor(line / side), line % side]
    const [image, place] = [tile % images, Math.floor(tile / images)]
    const [row, column] = [Math.floor(place / columns), place % columns]
    const from = (((image * rows + row) * side + y) * columns + column) * side
    tiles.set(data.subarray(from, from + side), to)
  }
  return { data: tiles, shape: [count, 1, side, side] }
}

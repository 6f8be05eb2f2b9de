import {
  checkpointOf,
  deterministicImage,
  expectClose,
  type FloatTensor,
  inverseNetGoldens,
} from '@inverseform/testing'
import { describe, expect, test } from 'vitest'
import { INVERSENET_TILE, identifyModel, loadInverseNet, loadModel } from '../../src/index.js'
import { runGraph } from '../support/session.js'

const parameters: [string, number[]][] = [
  ['fc.0.weight', [1000, 2 * INVERSENET_TILE ** 2]],
  ['fc.0.bias', [1000]],
  ['fc.2.weight', [32, 1000]],
  ['fc.2.bias', [32]],
  ['fc.4.weight', [4, 32]],
  ['fc.4.bias', [4]],
]

const [ROWS, COLUMNS] = [3, 6]

describe('InverseNet', () => {
  test('gives the published coefficients for the tiles of two edge maps', async () => {
    const golden = await inverseNetGoldens()
    const logits = deterministicImage('edge', golden.edges.shape)
    const prediction = logits.map((x) => 1 / (1 + Math.exp(-x)))
    const { coefficients } = await runGraph(loadInverseNet(checkpointOf(parameters)).graph, {
      prediction: tilesOf({ data: prediction, shape: golden.edges.shape }),
      target: tilesOf(golden.edges),
    })
    expectClose(coefficients, golden['coefficients.sigmoid'])
  })

  test('names what a checkpoint lacks', () => {
    expect(() => loadInverseNet(checkpointOf(parameters.slice(1)))).toThrow(/fc\.0\.weight/)
  })

  test('is known by its tensors, and is refused as a segmentation model', () => {
    const checkpoint = checkpointOf(parameters)
    expect(identifyModel(checkpoint)).toBe('inversenet')
    expect(() => loadModel(checkpoint)).toThrow('This is a checkpoint of InverseNet')
    expect(() => loadModel(checkpoint, { model: 'hrnet18' })).toThrow('This is not a checkpoint of hrnet18')
  })
})

/** A batch of maps [N,1,H,W] enlarged to 3x6 tiles: [18·N, 224·224], all images' first tiles first. */
function tilesOf({ data, shape }: FloatTensor): FloatTensor {
  const [n, , h, w] = shape
  const side = INVERSENET_TILE
  const tiles = new Float32Array(ROWS * COLUMNS * n * side * side)
  let at = 0
  for (let row = 0; row < ROWS; row++) {
    for (let column = 0; column < COLUMNS; column++) {
      for (let image = 0; image < n; image++) {
        const map = data.subarray(image * h * w, (image + 1) * h * w)
        for (let y = 0; y < side; y++) {
          for (let x = 0; x < side; x++) {
            const sourceY = ((row * side + y + 0.5) * h) / (ROWS * side) - 0.5
            const sourceX = ((column * side + x + 0.5) * w) / (COLUMNS * side) - 0.5
            tiles[at++] = bilinear(map, h, w, Math.max(0, sourceY), Math.max(0, sourceX))
          }
        }
      }
    }
  }
  return { data: tiles, shape: [ROWS * COLUMNS * n, side * side] }
}

function bilinear(map: Float32Array, h: number, w: number, y: number, x: number): number {
  const [top, left] = [Math.floor(y), Math.floor(x)]
  const [bottom, right] = [Math.min(top + 1, h - 1), Math.min(left + 1, w - 1)]
  const [wy, wx] = [y - top, x - left]
  const upper = map[top * w + left] * (1 - wx) + map[top * w + right] * wx
  const lower = map[bottom * w + left] * (1 - wx) + map[bottom * w + right] * wx
  return upper * (1 - wy) + lower * wy
}

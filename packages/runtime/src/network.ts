import { evaluateShape, type Graph, type ZooModel } from '@inverseform/backbones'
import type { Session } from './backend.js'
import type { Tensor } from './tensor.js'
import { cropTile, type Tile, TileBlender } from './tiles.js'

/** A segmentation network, its session, and what is known of both. */
export interface Network {
  readonly session: Session
  readonly graph: Graph
  readonly info: ZooModel
  readonly classes: number
  /** Bytes that activations may take before images are cut into tiles. */
  readonly memoryBudget: number
}

/** Called before and after each run of the session. */
export interface RunEvents {
  readonly before: () => void
  readonly after: () => void
}

/** Runs a network on normalised images [N,3,H,W], tile by tile; the tiles' outputs are blended. */
export async function runNetwork(
  { session, graph, info }: Network,
  images: Tensor,
  tiles: readonly Tile[],
  { before, after }: RunEvents,
): Promise<Readonly<Record<string, Tensor>>> {
  async function run(image: Tensor) {
    before()
    const outputs = await session.run({ image })
    after()
    return outputs
  }
  if (tiles.length === 1) return run(images)

  const [N, , H, W] = images.shape
  const blenders = Object.entries(graph.outputs).map(
    ([name, { shape }]) => [name, new TileBlender(evaluateShape(shape, { N, H, W }))] as const,
  )
  for (const tile of tiles) {
    const outputs = await run(cropTile(images, tile))
    for (const [name, blender] of blenders)
      blender.add(outputs[name], tile.x / info.stride, tile.y / info.stride)
  }
  return Object.fromEntries(blenders.map(([name, blender]) => [name, blender.finish()]))
}

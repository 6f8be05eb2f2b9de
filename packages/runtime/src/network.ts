import { evaluateShape, type Graph, peakActivationBytes, type ZooModel } from '@inverseform/backbones'
import { InverseFormError } from '@inverseform/errors'
import type { Session } from './backend.js'
import type { Tensor } from './tensor.js'
import { cropTile, planTiles, TileBlender, type TileSize } from './tiles.js'

/** The coarsest of HRNet's four branches has one element for this many of the finest's, along each axis. */
const BRANCH_RATIO = 8

/** A segmentation network, its session, and what is known of both. */
export interface Network {
  readonly session: Session
  readonly graph: Graph
  readonly info: ZooModel
  readonly classes: number
  /** Bytes that activations may take before images are cut into tiles. */
  readonly memoryBudget: number
}

/** `never`, tiles of a given size, or `auto`: tiles only when the whole would pass the memory budget. */
export type TileOption = 'auto' | 'never' | TileSize

export interface NetworkRun {
  readonly outputs: Readonly<Record<string, Tensor>>
  /** How many tiles each image was cut into; 1 when it was run whole. */
  readonly tiles: number
}

/** Runs a network on normalised images [N,3,H,W], whole or in tiles that are blended. */
export async function runNetwork(
  network: Network,
  images: Tensor,
  tile: TileOption,
  beforeEach: () => void,
): Promise<NetworkRun> {
  const { session, graph, info } = network
  const [N, , H, W] = images.shape
  const size = tile === 'auto' ? sizeWithinBudget(network, N, H, W) : tile === 'never' ? undefined : tile
  const plan = size ? planTiles(W, H, size, info.stride * BRANCH_RATIO) : []
  if (plan.length <= 1) {
    beforeEach()
    return { outputs: await session.run({ image: images }), tiles: 1 }
  }
  const blenders = Object.entries(graph.outputs).map(
    ([name, { shape }]) => [name, new TileBlender(evaluateShape(shape, { N, H, W }))] as const,
  )
  for (const part of plan) {
    beforeEach()
    const outputs = await session.run({ image: cropTile(images, part) })
    for (const [name, blender] of blenders)
      blender.add(outputs[name], part.x / info.stride, part.y / info.stride)
  }
  return {
    outputs: Object.fromEntries(blenders.map(([name, blender]) => [name, blender.finish()])),
    tiles: plan.length,
  }
}

/** Undefined when the whole fits; else the first of its halvings that does. */
function sizeWithinBudget(network: Network, N: number, H: number, W: number): TileSize | undefined {
  const overlap = network.info.stride * BRANCH_RATIO * 4
  let [height, width] = [H, W]
  const fits = () => peakActivationBytes(network.graph, { N, H: height, W: width }) <= network.memoryBudget
  while (!fits()) {
    if (Math.max(width, height) < 2 * overlap) {
      throw new InverseFormError(
        'out-of-memory',
        `${network.info.name} needs more than the ${Math.floor(network.memoryBudget / 2 ** 20)} MiB there are, even for a tile of ${width}x${height}`,
        { hint: 'Free some memory, raise the memory budget, or use a smaller model.' },
      )
    }
    if (width >= height) width = Math.ceil(width / 2)
    else height = Math.ceil(height / 2)
  }
  return width === W && height === H
    ? undefined
    : { width: width + overlap, height: height + overlap, overlap }
}

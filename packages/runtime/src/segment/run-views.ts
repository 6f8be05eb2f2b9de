import { evaluateShape } from '@inverseform/backbones/graph'
import type { Blender, ImageBatch, View, ViewMap } from '../engine/engine.js'
import type { Network } from '../engine/network.js'
import { countRuns, planScales, type ScalePlan } from './plan.js'
import type { RunOptions, SegmentTimings } from './segmentation.js'

/** The outputs of the network for a batch at one scale, plain or mirrored. */
export interface ViewRun<M> {
  readonly scale: number
  /** Size of the scaled images, in pixels. */
  readonly width: number
  readonly height: number
  readonly mirrored: boolean
  readonly outputs: Readonly<Record<string, M>>
}

/** The outputs of the network for a batch: small maps in the memory of the device. */
export interface NetworkRun<M> {
  /** Plain before mirrored views, each from the largest scale to the smallest. */
  readonly views: readonly ViewRun<M>[]
  /** Number of tiles at the scale with the most tiles. */
  readonly tiles: number
  readonly timings: Omit<SegmentTimings, 'postprocess'>
  /** Frees the maps. */
  release(): void
}

/** Runs a network on every scale and side of a batch, and blends the tiles. */
export async function runViews<M>(
  network: Network<M, never>,
  batch: ImageBatch<M>,
  options: RunOptions = {},
): Promise<NetworkRun<M>> {
  const { engine, session, graph, info } = network
  const plan = planScales(network, batch.count, batch.width, batch.height, options)
  const total = countRuns(plan, options.flip)
  const clock = stopwatch()
  let [preprocess, running, done] = [0, 0, 0]

  async function runOnce(view: View): Promise<Readonly<Record<string, M>>> {
    options.signal?.throwIfAborted()
    const image = batch.view(view)
    preprocess += clock()
    const outputs = await session.run({ image }).finally(() => engine.release(image))
    running += clock()
    options.onProgress?.({ done: ++done, total })
    return outputs
  }

  async function runTiles({ tiles, width, height }: ScalePlan, mirrored: boolean) {
    if (tiles.length === 1) return runOnce({ width, height, mirrored, tile: tiles[0] })
    const sizes = { N: batch.count, H: height, W: width }
    const blenders: (readonly [name: string, blender: Blender<M>])[] = []
    try {
      for (const [name, { shape }] of Object.entries(graph.outputs)) {
        blenders.push([name, engine.blender(evaluateShape(shape, sizes))])
      }
      for (const tile of tiles) {
        const outputs = await runOnce({ width, height, mirrored, tile })
        for (const [name, blender] of blenders) {
          blender.add(outputs[name], tile.x / info.stride, tile.y / info.stride)
          engine.release(outputs[name])
        }
        running += clock()
      }
    } catch (error) {
      for (const [, blender] of blenders) engine.release(blender.finish())
      throw error
    }
    return Object.fromEntries(blenders.map(([name, blender]) => [name, blender.finish()]))
  }

  const views: ViewRun<M>[] = []
  const release = () => {
    for (const { outputs } of views) for (const map of Object.values(outputs)) engine.release(map)
  }
  try {
    for (const mirrored of options.flip ? [false, true] : [false]) {
      for (const scale of plan) {
        const { width, height } = scale
        views.push({ scale: scale.scale, width, height, mirrored, outputs: await runTiles(scale, mirrored) })
      }
    }
    options.signal?.throwIfAborted()
  } catch (error) {
    release()
    throw error
  }
  const tiles = Math.max(...plan.map((scale) => scale.tiles.length))
  return { views, tiles, timings: { preprocess, network: running }, release }
}

/** Returns an output at scale 1, plain and mirrored. */
export function mapsAtScale1<M>(views: readonly ViewRun<M>[], output: string): ViewMap<M>[] {
  return views
    .filter(({ scale }) => scale === 1)
    .map(({ outputs, mirrored }) => ({ map: outputs[output], mirrored }))
}

/** Returns a function that gives the milliseconds since its last call, or since it was made. */
export function stopwatch(): () => number {
  let last = performance.now()
  return () => {
    const now = performance.now()
    const elapsed = now - last
    last = now
    return elapsed
  }
}

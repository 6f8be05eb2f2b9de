import { buildModel, zoo } from '@inverseform/backbones'
import { largestBufferBytes } from '@inverseform/backbones/graph'
import { randomInteger, seededRandom } from '@inverseform/shared'
import { deterministicSource } from '@inverseform/testing'
import { describe, expect, test } from 'vitest'
import {
  arrayEngine,
  type ClassRequest,
  type Engine,
  type Network,
  type RgbImage,
  type RunOptions,
  segmentBatch,
  type Tensor,
} from '../src/index.js'
import { TileBlender } from '../src/tiles/tile-blender.js'

/** A tensor in memory that must be freed. */
interface Handle {
  readonly tensor: Tensor
}

/** Returns an engine that knows which handles are alive. With `readsClasses` it reads classes itself. */
function countingEngine(readsClasses: boolean) {
  const alive = new Set<Handle>()
  const downloads: (readonly number[])[] = []
  const requests: ClassRequest[] = []
  const handle = (tensor: Tensor): Handle => {
    const made = { tensor }
    alive.add(made)
    return made
  }
  const engine: Engine<Handle, RgbImage> = {
    checkImage: arrayEngine.checkImage,
    async load(images) {
      const batch = await arrayEngine.load(images)
      return { ...batch, view: (view) => handle(batch.view(view)) }
    },
    blender(shape) {
      const blender = new TileBlender(shape)
      return {
        add: ({ tensor }, x, y) => blender.add(tensor, x, y),
        finish: () => handle(blender.finish()),
      }
    },
    async download(map) {
      expect(alive).toContain(map)
      downloads.push(map.tensor.shape)
      return map.tensor
    },
    release(map) {
      expect(alive.delete(map)).toBe(true)
    },
    ...(readsClasses && {
      async readClasses(maps, request) {
        for (const { map } of maps) expect(alive).toContain(map)
        requests.push(request)
        return { labels: new Uint8Array(request.width * request.height).fill(maps.length) }
      },
    }),
  }
  return { engine, handle, alive, downloads, requests }
}

const random = seededRandom(77)
const image: RgbImage = {
  width: 90,
  height: 70,
  data: Uint8Array.from({ length: 90 * 70 * 3 }, () => randomInteger(random, 0, 255)),
}

function networkOn({ engine, handle }: ReturnType<typeof countingEngine>, failAt = Number.POSITIVE_INFINITY) {
  const info = zoo.hrnet18
  let runs = 0
  const network: Network<Handle, RgbImage> = {
    engine,
    graph: buildModel('hrnet18', { parameters: deterministicSource(), numClasses: 2, edgeHead: true }),
    info,
    numClasses: 2,
    memoryBudget: Number.POSITIVE_INFINITY,
    session: {
      async run({ image }) {
        if (++runs === failAt) throw new Error('lost')
        const [n, , h, w] = image.tensor.shape
        const [mh, mw] = [Math.ceil(h / info.stride), Math.ceil(w / info.stride)]
        const map = (channels: number) => {
          const data = Float32Array.from({ length: n * channels * mh * mw }, (_, i) => Math.sin(i))
          return handle({ data, shape: [n, channels, mh, mw] })
        }
        return { logits: map(2), edge: map(1) }
      },
      async dispose() {},
    },
  }
  return network
}

describe('with an engine whose tensors must be freed', () => {
  const tile = { width: 64, height: 64, overlap: 32 }

  test.each<[string, RunOptions]>([
    ['plain', {}],
    ['tiles, mirrored', { tile, flip: true, outputs: ['labels', 'edges'] }],
    ['scales', { scales: [0.5, 1], outputs: ['labels', 'confidence', 'logits', 'edges'] }],
  ])('every tensor is released: %s', async (_, options) => {
    for (const readsClasses of [true, false]) {
      const counting = countingEngine(readsClasses)
      await segmentBatch(networkOn(counting), [image, image], options)
      expect(counting.alive.size).toBe(0)
    }
  })

  test('every tensor is released when a run fails and when the caller aborts', async () => {
    for (const failAt of [1, 2, 5]) {
      const counting = countingEngine(true)
      const options = { tile, flip: true }
      await expect(segmentBatch(networkOn(counting, failAt), [image], options)).rejects.toThrow('lost')
      expect(counting.alive.size).toBe(0)
    }
    const counting = countingEngine(true)
    const controller = new AbortController()
    const aborted = segmentBatch(networkOn(counting), [image], {
      tile,
      signal: controller.signal,
      onProgress: ({ done }) => done === 2 && controller.abort(new Error('enough')),
    })
    await expect(aborted).rejects.toThrow('enough')
    expect(counting.alive.size).toBe(0)
  })

  test('no maps are downloaded if the engine reads classes, mirrored or tiled', async () => {
    const counting = countingEngine(true)
    const [{ labels }] = await segmentBatch(networkOn(counting), [image], { tile, flip: true })
    expect(new Set(labels)).toEqual(new Set([2]))
    expect(counting.downloads).toEqual([])
    expect(counting.requests).toEqual([{ image: 0, width: 90, height: 70, labels: true, confidence: false }])
  })

  test('small maps are downloaded for logits, several scales and edges', async () => {
    const counting = countingEngine(true)
    await segmentBatch(networkOn(counting), [image], { outputs: ['logits'] })
    expect(counting.downloads.splice(0)).toEqual([[1, 2, 18, 23]])
    await segmentBatch(networkOn(counting), [image], { outputs: ['labels', 'edges'] })
    expect(counting.downloads.splice(0)).toEqual([[1, 1, 18, 23]])
    await segmentBatch(networkOn(counting), [image], { scales: [0.5, 1] })
    expect(counting.downloads).toEqual([
      [1, 2, 18, 23],
      [1, 2, 9, 12],
    ])
  })
})

test('cuts images so that no buffer is larger than the device allows', async () => {
  const network = networkOn(countingEngine(true))
  const sizes: number[] = []
  const session = {
    ...network.session,
    run(feeds: Readonly<Record<string, Handle>>) {
      const [, , H, W] = feeds.image.tensor.shape
      sizes.push(largestBufferBytes(network.graph, { N: 1, H, W }))
      return network.session.run(feeds)
    },
  }
  const large = { width: 900, height: 700, data: new Uint8Array(900 * 700 * 3) }
  const whole = largestBufferBytes(network.graph, { N: 1, H: 700, W: 900 })
  for (const maxBufferBytes of [whole, whole - 1, whole / 2]) {
    sizes.length = 0
    const [{ tiles }] = await segmentBatch({ ...network, session, maxBufferBytes }, [large])
    expect(tiles).toBe(sizes.length)
    expect(tiles > 1).toBe(maxBufferBytes < whole)
    for (const size of sizes) expect(size).toBeLessThanOrEqual(maxBufferBytes)
  }
  await expect(segmentBatch({ ...network, session, maxBufferBytes: 2 ** 16 }, [large])).rejects.toThrow(
    expect.objectContaining({
      code: 'out-of-memory',
      message: expect.stringMatching(/^hrnet18 needs a buffer of .* the device allows 0 MiB\.$/),
    }),
  )
})

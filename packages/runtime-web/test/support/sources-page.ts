/** Functions that the tests of checkpoints and images call in the browser. */

import { fetchCheckpoint } from '../../src/checkpoint/load.js'
import type { ImageInput } from '../../src/images/send-image.js'
import * as api from '../../src/index.js'
import { type SegmenterOptions, segmenterSettings } from '../../src/options.js'

type Failure = { readonly code?: string; readonly message: string; readonly hint?: string }

/** Returns the error that work fails with. */
async function failureOf(work: () => Promise<unknown>): Promise<Failure> {
  try {
    await work()
  } catch (error) {
    const { code, message, hint } = error as api.InverseFormError
    return { code, message, hint }
  }
  return { message: 'It did not fail.' }
}

/** Fetches the text of a URL as the worker fetches checkpoints. Returns the text, its origin and the progress reported. */
async function load(url: string, options: Omit<SegmenterOptions, 'checkpoint'> = {}) {
  const reported: api.LoadProgress[] = []
  const settings = segmenterSettings({ ...options, checkpoint: url })
  const { bytes, origin } = await fetchCheckpoint({ ...settings, url }, (progress) => reported.push(progress))
  const stages = [...new Set(reported.map(({ stage }) => stage))]
  return { text: new TextDecoder().decode(bytes), origin, stages, last: reported.at(-1) }
}

/** Returns a segmenter that tests share, because creating one takes seconds. */
let segmenter: Promise<api.WebSegmenter> | undefined
function demoSegmenter(): Promise<api.WebSegmenter> {
  segmenter ??= api.createSegmenter({ checkpoint: '/models/demo.pth', edgeHead: true, device: 'wasm' })
  return segmenter
}

/** Changes a byte of a cached checkpoint. */
async function damage(url: string): Promise<void> {
  const cache = await caches.open('inverseform-weights-v1')
  const entry = (await cache.match(url)) as Response
  const bytes = new Uint8Array(await entry.arrayBuffer())
  bytes[1]++
  await cache.put(url, new Response(bytes, entry))
}

/** Returns an image as the network on WebAssembly gets it. */
const rgbOf = (image: ImageInput, maxPixels = 2 ** 40) => api.readImage(image, { maxPixels })

const exposed = { ...api, failureOf, load, rgbOf, demoSegmenter, damage }

declare global {
  /** The package's API and the functions above. */
  var sources: typeof exposed
}
Object.assign(globalThis, { sources: exposed, harness: exposed })

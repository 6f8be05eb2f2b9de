/** What the tests of sources call in the browser. */

import { type ImageInput, sendImage } from '../../src/images.js'
import * as api from '../../src/index.js'
import { loadWeights } from '../../src/load-weights.js'
import { type LoadProgress, type SegmenterOptions, settingsOf } from '../../src/options.js'
import { readImage } from '../../src/read-image.js'

type Failure = { readonly code?: string; readonly message: string; readonly hint?: string }

/** How work fails. */
async function failureOf(work: () => Promise<unknown>): Promise<Failure> {
  try {
    await work()
  } catch (error) {
    const { code, message, hint } = error as api.InverseFormError
    return { code, message, hint }
  }
  return { message: 'It did not fail.' }
}

/** The worker's part of loading, without a network: the text of a URL, where it came from, and what was reported of it. */
async function load(url: string, options: Omit<SegmenterOptions, 'source'> = {}) {
  const reported: LoadProgress[] = []
  const settings = settingsOf({ ...options, source: url })
  const { bytes, weights } = await loadWeights({ ...settings, url }, (progress) => reported.push(progress))
  const stages = [...new Set(reported.map(({ stage }) => stage))]
  return { text: new TextDecoder().decode(bytes), weights, stages, last: reported.at(-1) }
}

/** A segmenter that tests share: making one takes seconds. */
let segmenter: Promise<api.WebSegmenter> | undefined
function demoSegmenter(): Promise<api.WebSegmenter> {
  segmenter ??= api.createSegmenter({ source: '/models/demo.pth', edge: true, device: 'wasm' })
  return segmenter
}

/** Changes a byte of what is cached of a URL. */
async function damage(url: string): Promise<void> {
  const cache = await caches.open('inverseform-weights-v1')
  const entry = (await cache.match(url)) as Response
  const bytes = new Uint8Array(await entry.arrayBuffer())
  bytes[1]++
  await cache.put(url, new Response(bytes, entry))
}

/** What WebAssembly gets of an image. */
const rgbOf = async (image: ImageInput) => readImage(await sendImage(image), new AbortController().signal)

const exposed = { ...api, failureOf, load, rgbOf, demoSegmenter, damage }

declare global {
  /** The package's sources, as the page has them. */
  var sources: typeof exposed
}
Object.assign(globalThis, { sources: exposed, harness: exposed })

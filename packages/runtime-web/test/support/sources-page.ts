/** What the tests of sources call in the browser. */
import * as api from '../../src/index.js'
import { loadWeights } from '../../src/load-weights.js'
import { type LoadProgress, type SegmenterOptions, settingsOf } from '../../src/options.js'

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
  segmenter ??= api.createSegmenter({ source: '/models/demo.pth', device: 'wasm' })
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

const exposed = { ...api, failureOf, load, demoSegmenter, damage }

declare global {
  /** The package's sources, as the page has them. */
  var sources: typeof exposed
}
Object.assign(globalThis, { sources: exposed, harness: exposed })

// One start of start/run.mjs: loads a checkpoint through the public API. Prints one line of JSON.
import { createSegmenter } from '@inverseform/runtime-node'
import { memory } from '../lib/machine.mjs'

const [checkpoint, cache] = process.argv.slice(2)
const started = performance.now()
const segmenter = await createSegmenter({ checkpoint, device: 'cpu', modelCache: cache === 'cache' })
const create = performance.now() - started
// With Node's own start and the imports.
const ready = performance.now()
console.log(JSON.stringify({ create, ready, ...memory() }))
await segmenter.dispose()

// Our side of load/run.mjs: loads a checkpoint through the public API. Prints one line of JSON.
import { createSegmenter } from '@inverseform/runtime-node'
import { memory } from '../lib/machine.mjs'

const started = performance.now()
const segmenter = await createSegmenter({ checkpoint: process.argv[2], modelCache: false })
const total = performance.now() - started
console.log(JSON.stringify({ total, ...segmenter.loadTimings, ...memory() }))
await segmenter.dispose()

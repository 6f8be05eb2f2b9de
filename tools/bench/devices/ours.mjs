// Our side of devices/run.mjs: runs runtime-node on one device. Prints one line of JSON with times in milliseconds.
import { readFileSync, writeFileSync } from 'node:fs'
import { createSegmenter } from '@inverseform/runtime-node'

const [checkpoint, image, labelFile, device, precision, width, height, repeats] = process.argv.slice(2)
const rgb = { data: new Uint8Array(readFileSync(image)), width: Number(width), height: Number(height) }

const started = performance.now()
const segmenter = await createSegmenter({ checkpoint, device, precision })
const load = performance.now() - started
const times = []
let labels
for (let i = 0; i < Number(repeats) + 2; i++) {
  const start = performance.now()
  ;({ labels } = await segmenter.segment(rgb))
  times.push(performance.now() - start)
}
await segmenter.dispose()
writeFileSync(labelFile, labels)
console.log(JSON.stringify({ load, first: times[0], times: times.slice(2) }))

// Our side of inversenet/run.mjs: an ONNX Runtime session in one precision, or typed arrays. Prints one line of JSON.
import { readFileSync } from 'node:fs'
import { openCheckpoint, readInverseNet } from '@inverseform/backbones'
import { fileSource } from '@inverseform/backbones/node'
import { inverseNet } from '@inverseform/core'
import { arrayOps } from '@inverseform/core/array'
import { createInverseNet } from '@inverseform/runtime-node'
import { memory } from '../lib/machine.mjs'

const [side, checkpoint, tiles, repeats] = process.argv.slice(2)
const { buffer } = new Uint8Array(readFileSync(tiles))
const shape = [36, 1, 224, 224]
const size = 36 * 224 ** 2
const [prediction, target] = [0, 1].map((i) => ({
  data: new Float32Array(buffer, i * size * 4, size),
  shape,
}))

async function arrays() {
  const ops = arrayOps()
  const source = await fileSource(checkpoint)
  const regressor = inverseNet(ops, await readInverseNet(await openCheckpoint(source)))
  await source.close()
  return () => regressor(ops, prediction, target)
}
async function session() {
  const network = await createInverseNet({ checkpoint, precision: side })
  return () => network.coefficients(prediction, target)
}

const started = performance.now()
const run = await (side === 'arrays' ? arrays() : session())
const load = performance.now() - started
const times = []
let coefficients
for (let i = 0; i <= repeats; i++) {
  const start = performance.now()
  coefficients = await run()
  times.push(performance.now() - start)
}
const [first, ...rest] = times
console.log(JSON.stringify({ load, first, times: rest, coefficients: [...coefficients.data], ...memory() }))
process.exit()

// Our side of losses/run.mjs: the joint loss and its gradients on typed arrays. Answers each line with a line of JSON.
// usage: node --expose-gc ours.mjs HEIGHT WIDTH [WEIGHTS]      WEIGHTS: InverseNet's raw weights, from run.mjs
import { readFileSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { inverseNet, jointLoss } from '@inverseform/core'
import { arrayOps, valueAndGrad } from '@inverseform/core/array'
import { inverseNetShapes } from '../lib/checkpoint.mjs'
import { memory } from '../lib/machine.mjs'
import { uniform } from '../lib/uniform.mjs'

const [height, width] = process.argv.slice(2, 4).map(Number)
const file = process.argv[4]
const pixels = height * width
const ops = arrayOps()
const image = (name, channels) => {
  const values = uniform(name, channels * pixels).map((u) => 4 * u - 2)
  return ops.constant(new Float32Array(values), [1, channels, height, width])
}
const inputs = [image('seg', 19), image('edge', 1)]
const target = Uint8Array.from(uniform('labels', pixels), (u) => (u >= 0.95 ? 255 : Math.floor(u * 20)))
const edgeTarget = Uint8Array.from(uniform('edges', pixels), (u) => (u > 0.9 ? 1 : 0))
const regressor = file && inverseNet(ops, readWeights(file))
const weights = regressor ? {} : { inverseForm: 0 }
const differentiated = valueAndGrad((logits, edgeLogits) =>
  jointLoss(ops, { logits, edgeLogits, target, edgeTarget, regressor }, { weights }),
)

// Reset the memory peak, so that making the inputs does not count.
globalThis.gc()
writeFileSync('/proc/self/clear_refs', '5')
process.stdout.write('{}\n')
for await (const _ of createInterface({ input: process.stdin })) {
  const [start, used] = [performance.now(), process.cpuUsage()]
  const { value, gradients } = differentiated(...inputs)
  const [time, { user, system }] = [performance.now() - start, process.cpuUsage(used)]
  const gradient = gradients.map(({ data }) => data.reduce((sum, g) => sum + Math.abs(g), 0))
  const answer = { time, cpu: (user + system) / 1e3, loss: value, gradient, peak: memory().peak }
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}

function readWeights(path) {
  const { buffer, byteOffset } = readFileSync(path)
  let offset = byteOffset
  const tensors = inverseNetShapes.map(([name, shape]) => {
    const data = new Float32Array(
      buffer,
      offset,
      shape.reduce((a, b) => a * b),
    )
    offset += data.byteLength
    return [name, { data, shape }]
  })
  return Object.fromEntries(tensors)
}

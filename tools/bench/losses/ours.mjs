// Our side of losses/run.mjs: the joint loss and its gradients on typed arrays. Prints one line of JSON.
// usage: node --expose-gc ours.mjs HEIGHT WIDTH REPEATS [WEIGHTS]      WEIGHTS: InverseNet's raw weights, from run.mjs
import { readFileSync, writeFileSync } from 'node:fs'
import { inverseNet, jointLoss } from '@inverseform/core'
import { arrayOps, valueAndGrad } from '@inverseform/core/array'
import { inverseNetShapes } from '../lib/checkpoint.mjs'
import { memory } from '../lib/machine.mjs'
import { uniform } from '../lib/uniform.mjs'

const [height, width, repeats] = process.argv.slice(2, 5).map(Number)
const file = process.argv[5]
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

const result = { times: [], cpu: [] }
// Reset the memory peak, so that making the inputs does not count.
globalThis.gc()
writeFileSync('/proc/self/clear_refs', '5')
for (let i = 0; i <= repeats; i++) {
  const [start, used] = [performance.now(), process.cpuUsage()]
  const { value, gradients } = differentiated(...inputs)
  if (i > 0) {
    const { user, system } = process.cpuUsage(used)
    result.times.push(performance.now() - start)
    result.cpu.push((user + system) / 1e3)
  }
  result.loss = value
  result.gradient = gradients.map(({ data }) => data.reduce((sum, g) => sum + Math.abs(g), 0))
}
console.log(JSON.stringify({ ...result, peak: memory().peak }))

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

// Writes the weights of smallInverseNet from a trained regressor.
import { openCheckpoint, readInverseNet } from '@inverseform/backbones'
import { fileSource, writeFileAtomically } from '@inverseform/backbones/node'
import { smallRegressor, weightsModule } from './lib/paths.js'

const source = await fileSource(smallRegressor)
const checkpoint = await openCheckpoint(source)
const weights = await readInverseNet(checkpoint)
await source.close()

const layers = ['fc.0', 'fc.2', 'fc.4'] as const
const parts = layers.flatMap((layer) => {
  const { data, shape } = weights[`${layer}.weight`]
  const [outputs, inputs] = shape
  const scales = Float32Array.from({ length: outputs }, (_, row) => {
    const largest = data
      .subarray(row * inputs, (row + 1) * inputs)
      .reduce((most, x) => Math.max(most, Math.abs(x)), 0)
    return Math.max(largest / 127, 1e-30)
  })
  const integers = Int8Array.from(data, (x, i) => Math.round(x / scales[Math.floor(i / inputs)]))
  return [scales, weights[`${layer}.bias`].data, integers].map(bytesOf)
})
const sizes = [weights['fc.0.weight'].shape[1], ...layers.map((layer) => weights[`${layer}.bias`].shape[0])]
const side = Math.sqrt(sizes[0] / 2)
const facts = Object.entries(checkpoint.metadata).map(([name, value]) => `//   ${name}: ${value}`)
const text = `// Written by tools/train-inversenet/export-small.ts. Training:
${facts.join('\n')}

/** Side of a tile in pixels. */
export const tileSide = ${side}

/** Inputs of the first layer, then outputs of each. */
export const layerSizes = [${sizes.join(', ')}] as const

/** Base64; small-inverse-net.ts has the layout. */
export const weightBytes =
  '${Buffer.concat(parts).toString('base64')}'
`
await writeFileAtomically(weightsModule, (sink) => sink.write(new TextEncoder().encode(text)))
console.log(`Wrote ${weightsModule}: ${(text.length / 1000).toFixed(0)} kB`)

/** Little-endian, as this machine's. */
function bytesOf({ buffer, byteOffset, byteLength }: Float32Array | Int8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

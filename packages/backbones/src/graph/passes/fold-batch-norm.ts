import { constant } from '../build.js'
import { withInputs } from '../operators/index.js'
import { countUses, type Graph, type Value, type ValueOf } from '../value.js'
import { rewrite } from './rewrite.js'

/**
 * Folds each normalization into the weights of the convolution before it:
 * `γ (w·x + b − μ) / √(σ² + ε) + β = (g w)·x + (g (b − μ) + β)` with `g = γ / √(σ² + ε)`.
 * Computes in double precision and rounds once.
 */
export function foldBatchNorm(graph: Graph): Graph {
  const uses = countUses(graph)
  return rewrite(graph, (value, original) => {
    if (value.op !== 'batchNorm') return value
    const conv = value.inputs[0]
    if (conv.op !== 'conv2d' || uses.get(original.inputs[0]) !== 1) return value
    if ([...conv.inputs.slice(1), ...value.inputs.slice(1)].some((v) => v.op !== 'constant')) return value
    return fold(conv, value)
  })
}

function fold(conv: ValueOf<'conv2d'>, norm: ValueOf<'batchNorm'>): Value {
  const [x, weight, bias] = conv.inputs as [Value, ValueOf<'constant'>, ValueOf<'constant'> | undefined]
  const [scale, shift, mean, variance] = norm.inputs.slice(1) as ValueOf<'constant'>[]
  const { epsilon } = norm.attributes

  async function gains(): Promise<Float64Array> {
    const [g, v] = await Promise.all([scale.attributes.load(), variance.attributes.load()])
    return Float64Array.from(g, (gamma, i) => gamma / Math.sqrt(v[i] + epsilon))
  }
  async function foldedWeight(): Promise<Float32Array> {
    const [w, gain] = await Promise.all([weight.attributes.load(), gains()])
    const perChannel = w.length / gain.length
    const folded = new Float32Array(w.length)
    for (let c = 0, i = 0; c < gain.length; c++) {
      for (const end = i + perChannel; i < end; i++) folded[i] = w[i] * gain[c]
    }
    return folded
  }
  async function foldedBias(): Promise<Float32Array> {
    const [gain, beta, mu, b] = await Promise.all([
      gains(),
      shift.attributes.load(),
      mean.attributes.load(),
      bias?.attributes.load(),
    ])
    return beta.map((element, i) => gain[i] * ((b?.[i] ?? 0) - mu[i]) + element)
  }
  const { name } = weight.attributes
  const folded = constant(name, weight.shape as number[], foldedWeight)
  const foldedName = `${name.replace(/\.?weight$/, '')}.folded_bias`
  return withInputs(conv, [x, folded, constant(foldedName, shift.shape as number[], foldedBias)])
}

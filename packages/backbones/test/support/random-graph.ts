import { randomInteger, seededRandom } from '@inverseform/shared'
import { deterministicParameter } from '@inverseform/testing'
import { sameShape } from '../../src/graph/dim.js'
import {
  add,
  batchNorm,
  concat,
  constant,
  conv2d,
  type Graph,
  imageInput,
  multiply,
  relu,
  resizeLike,
  sigmoid,
  type Value,
} from '../../src/graph/index.js'

/** A small convolutional graph over `image` [N,3,H,W]: branches, shared values, normalizations, resizes. */
export function randomGraph(seed: number): Graph {
  const random = seededRandom(seed)
  const image = imageInput('image', 3)
  const values: Value[] = [image]
  let weights = 0

  const pick = () => values[randomInteger(random, Math.max(0, values.length - 4), values.length - 1)]
  const weight = (leaf: string, ...shape: number[]) => {
    const name = `m${weights++}.${leaf}`
    return constant(name, shape, async () => deterministicParameter(name, shape))
  }
  const channels = (x: Value) => x.shape[1] as number

  function convolution(x: Value): Value {
    const kernel = random() < 0.6 ? 1 : 3
    const outputs = randomInteger(random, 1, 5)
    const bias = random() < 0.5 ? weight('bias', outputs) : undefined
    return conv2d(x, weight('weight', outputs, channels(x), kernel, kernel), bias, {
      stride: random() < 0.3 ? 2 : 1,
      padding: kernel >> 1,
    })
  }
  function normalization(x: Value): Value {
    const parameter = (leaf: string) => weight(leaf, channels(x))
    return batchNorm(x, {
      scale: parameter('weight'),
      shift: parameter('bias'),
      mean: parameter('running_mean'),
      variance: parameter('running_var'),
    })
  }
  function join(): Value {
    const [a, b, c] = [pick(), pick(), pick()]
    const parts = [a, resizeLike(b, a), resizeLike(c, a)].slice(0, randomInteger(random, 2, 3))
    return random() < 0.5 ? concat(parts, 1) : concat([...parts].reverse(), 1)
  }
  function pair(): Value {
    const a = pick()
    const b = values.findLast((value) => value !== a && sameShape(value.shape, a.shape)) ?? a
    return random() < 0.5 ? add(a, b) : multiply(a, b)
  }

  for (let i = randomInteger(random, 5, 14); i > 0; i--) {
    const kind = random()
    if (kind < 0.35) values.push(convolution(pick()))
    else if (kind < 0.6) values.push(normalization(convolution(pick())))
    else if (kind < 0.75) values.push(convolution(join()))
    else if (kind < 0.85) values.push(pair())
    else values.push(random() < 0.5 ? relu(pick()) : sigmoid(pick()))
  }
  return { outputs: { last: values[values.length - 1], other: pick(), another: values[1] } }
}

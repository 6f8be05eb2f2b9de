import { add, concat, relu, resizeLike } from '../graph/build.js'
import type { Value } from '../graph/value.js'
import type { Scope } from './scope.js'

export interface HrnetConfig {
  /** Channels of the first branch; each further branch has twice its neighbor's. */
  readonly width: number
  /** Bottleneck blocks in the first stage. */
  readonly stemBlocks: number
  /** Exchange modules in stages 2, 3 and 4. */
  readonly modules: readonly [number, number, number]
  /** Basic blocks per branch in each module. */
  readonly blocks: number
  /** A 2x2 stride-2 convolution before everything else (hrnet16-slim). */
  readonly halvedInput?: boolean
}

/**
 * HRNetV2 without its classifier (Wang et al., TPAMI 2020, https://arxiv.org/abs/1908.07919):
 * image [N,3,H,W] to features [N, 15·width, H/4, W/4], all four branches side by side (half that with `halvedInput`).
 */
export function hrnet(scope: Scope, image: Value, config: HrnetConfig): Value {
  let branches = [stem(scope, image, config)]
  config.modules.forEach((modules, i) => {
    branches = transition(scope.at(`transition${i + 1}`), branches, config.width)
    for (let m = 0; m < modules; m++) {
      branches = exchangeModule(scope.at(`stage${i + 2}.${m}`), branches, config.blocks)
    }
  })
  const [finest, ...coarser] = branches
  return concat([finest, ...coarser.map((branch) => resizeLike(branch, finest))], 1)
}

function stem(scope: Scope, image: Value, { stemBlocks, halvedInput }: HrnetConfig): Value {
  let x = halvedInput ? scope.at('conv0').conv(image, 3, 2, { stride: 2, padding: 0 }) : image
  x = scope.convNormRelu(x, 'conv1', 'bn1', 64, 3, { stride: 2 })
  x = scope.convNormRelu(x, 'conv2', 'bn2', 64, 3, { stride: 2 })
  for (let b = 0; b < stemBlocks; b++) x = bottleneck(scope.at(`layer1.${b}`), x)
  return x
}

/** 1x1, 3x3, 1x1 with a residual; the first block widens its input to match. */
function bottleneck(scope: Scope, x: Value): Value {
  let y = scope.convNormRelu(x, 'conv1', 'bn1', 64, 1)
  y = scope.convNormRelu(y, 'conv2', 'bn2', 64, 3)
  y = scope.at('bn3').norm(scope.at('conv3').conv(y, 256, 1))
  const skip =
    x.shape[1] === 256 ? x : scope.at('downsample.1').norm(scope.at('downsample.0').conv(x, 256, 1))
  return relu(add(y, skip))
}

function basicBlock(scope: Scope, x: Value): Value {
  const channels = x.shape[1] as number
  const y = scope.convNormRelu(x, 'conv1', 'bn1', channels, 3)
  return relu(add(scope.at('bn2').norm(scope.at('conv2').conv(y, channels, 3)), x))
}

/** Adds a branch at half the last one's size; adapts the widths of those there are. */
function transition(scope: Scope, branches: readonly Value[], width: number): Value[] {
  const last = branches.length
  const kept = branches.map((x, i) =>
    x.shape[1] === width << i ? x : scope.at(i).convNormRelu(x, '0', '1', width << i, 3),
  )
  return [
    ...kept,
    scope.at(`${last}.0`).convNormRelu(branches[last - 1], '0', '1', width << last, 3, { stride: 2 }),
  ]
}

/** Every branch on its own, then every branch gathers from all. */
function exchangeModule(scope: Scope, inputs: readonly Value[], blocks: number): Value[] {
  const branches = inputs.map((input, i) => {
    let x = input
    for (let b = 0; b < blocks; b++) x = basicBlock(scope.at(`branches.${i}.${b}`), x)
    return x
  })
  return branches.map((own, i) => {
    const terms = branches.map((x, j) => {
      if (j === i) return x
      const path = scope.at(`fuse_layers.${i}.${j}`)
      return j > i ? coarseToFine(path, x, own) : fineToCoarse(path, x, own, i - j)
    })
    return relu(terms.reduce(add))
  })
}

function coarseToFine(scope: Scope, x: Value, target: Value): Value {
  return resizeLike(scope.at('1').norm(scope.at('0').conv(x, target.shape[1] as number, 1)), target)
}

/** 3x3 stride-2 steps; the last one widens and has no ReLU of its own. */
function fineToCoarse(scope: Scope, source: Value, target: Value, steps: number): Value {
  let x = source
  for (let step = 0; step < steps - 1; step++) {
    x = scope.at(step).convNormRelu(x, '0', '1', x.shape[1] as number, 3, { stride: 2 })
  }
  const last = scope.at(steps - 1)
  return last.at('1').norm(last.at('0').conv(x, target.shape[1] as number, 3, { stride: 2 }))
}

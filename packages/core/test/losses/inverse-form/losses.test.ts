import { describe, expect, it } from 'vitest'
import { type ArrayTensor, arrayOps, grad, valueAndGrad } from '../../../src/array/index.js'
import {
  classWeights,
  crossEntropyLoss,
  type EdgeAttentionLossOptions,
  edgeAttentionLoss,
  edgeBceLoss,
  type InverseFormLossOptions,
  type InverseNetWeights,
  inverseFormLoss,
  inverseNet,
  inverseNetForward,
  isInverseFormError,
  type JointLossOptions,
  jointLoss,
  jointLossTerms,
  type PlainTensor,
  type Regressor,
  type TensorOps,
} from '../../../src/index.js'
import { checkGradients, ops64 as ops, random } from '../../support/gradients.js'
import { Opaque, opaqueOps } from '../../support/opaque.js'

const [images, numClasses, height, width] = [2, 4, 5, 7]
const pixels = height * width
const seg = random('seg', [images, numClasses, height, width])
const edgeLogits = random('edge', [images, 1, height, width])
const target = Uint8Array.from(random('labels', [images * pixels]).data, (x) =>
  x > 1.5 ? 255 : (x + 2) * 1.1,
)
const edgeTarget = Uint8Array.from(random('edges', [images * pixels]).data, (x) =>
  x > 1.7 ? 2 : x > 0.7 ? 1 : 0,
)
const small = { size: [8, 12], tileGrid: [2, 3] } as const

/** Returns weights of an InverseNet for 4x4 tiles. */
function smallNet(coefficients: number): InverseNetWeights<PlainTensor> {
  const tensor = (name: string, ...shape: number[]) => {
    const { data } = random(name, shape)
    return { data: data.map((x) => x * 0.3), shape }
  }
  return {
    'fc.0.weight': tensor('fc.0.weight', 9, 32),
    'fc.0.bias': tensor('fc.0.bias', 9),
    'fc.2.weight': tensor('fc.2.weight', 6, 9),
    'fc.2.bias': tensor('fc.2.bias', 6),
    'fc.4.weight': tensor('fc.4.weight', coefficients, 6),
    'fc.4.bias': tensor('fc.4.bias', coefficients),
  }
}
const regressor = inverseNet(ops, smallNet(4))
const inputs = { logits: seg, edgeLogits, target, edgeTarget, regressor }

function failure(run: () => unknown): Error & { hint?: string } {
  try {
    run()
  } catch (error) {
    if (isInverseFormError(error)) return error
    throw error
  }
  throw new Error('No error was thrown.')
}

describe('gradients of the losses match finite differences', () => {
  it.each([{}, { norm: true, upperBound: 0.5 }, { perImage: true, reduction: 'mean' }] as const)(
    'cross-entropy and edge attention with %o',
    (options) => {
      checkGradients((logits) => crossEntropyLoss(ops, { logits, target }, options), [seg])
      checkGradients((logits) => edgeAttentionLoss(ops, { logits, target, edgeLogits }, options), [seg])
    },
  )

  it('edge cross-entropy', () => {
    checkGradients((x) => edgeBceLoss(ops, { edgeLogits: x, edgeTarget }), [edgeLogits])
  })

  it('edge cross-entropy where a logit is 0', () => {
    const zeros = ops.multiply(edgeLogits, 0)
    const [gradient] = grad((x: ArrayTensor) => edgeBceLoss(ops, { edgeLogits: x, edgeTarget }))(zeros)
    const [beside] = grad((x: ArrayTensor) => edgeBceLoss(ops, { edgeLogits: x, edgeTarget }))(
      ops.add(zeros, 1e-9),
    )
    gradient.data.forEach((g, i) => {
      expect(g).toBeCloseTo(beside.data[i], 9)
    })
  })

  it.each([
    [{ activation: 'sigmoid' }, 4],
    [{ activation: 'identity' }, 4],
    [{ distance: 'euclidean' }, 6],
    [{ distance: 'geodesic', lambda: 0.3 }, 8],
  ] as const)('InverseForm with %o', (options, coefficients) => {
    const net = inverseNet(ops, smallNet(coefficients))
    const loss = (x: ArrayTensor) =>
      inverseFormLoss(ops, { edgeLogits: x, edgeTarget, regressor: net }, { ...small, ...options })
    checkGradients((x) => loss(x), [edgeLogits], 1e-6)
  })

  it('the joint loss, with auxiliary heads', () => {
    checkGradients(
      (logits, x, logits2, x2) =>
        jointLoss(
          ops,
          { ...inputs, logits, edgeLogits: x, auxiliary: { logits: logits2, edgeLogits: x2 } },
          { inverseForm: small },
        ),
      [seg, edgeLogits, random('seg2', seg.shape), random('edge2', edgeLogits.shape)],
      1e-6,
    )
  })

  it('InverseNet’s own weights', () => {
    const plain = smallNet(4)
    const names = Object.keys(plain) as (keyof typeof plain)[]
    const prediction = random('prediction', [3, 1, 4, 4])
    const target = random('target', [3, 1, 4, 4])
    checkGradients(
      (...weights) => {
        const named = Object.fromEntries(
          names.map((name, i) => [name, weights[i]]),
        ) as InverseNetWeights<ArrayTensor>
        return inverseNetForward(ops, named, prediction, target)
      },
      names.map((name) => ops.constant(plain[name].data, plain[name].shape)),
    )
  })
})

describe('losses match their definitions', () => {
  it('cross-entropy, pixel by pixel', () => {
    for (const perImage of [false, true]) {
      const expected = [0, 1].map((image) => {
        const own = target.subarray(image * pixels, (image + 1) * pixels)
        const table = classWeights(perImage ? own : target, numClasses)
        let sum = 0
        let total = 0
        own.forEach((label, pixel) => {
          if (label === 255) return
          const logit = (c: number) => seg.data[(image * numClasses + c) * pixels + pixel]
          const partition = [0, 1, 2, 3].reduce((all, c) => all + Math.exp(logit(c)), 0)
          sum += table[label] * (Math.log(partition) - logit(label))
          total += table[label]
        })
        return sum / total
      })
      const sum = expected[0] + expected[1]
      const loss = (reduction: 'sum' | 'mean') =>
        crossEntropyLoss(ops, { logits: seg, target }, { perImage, reduction }).data[0]
      expect(loss('sum')).toBeCloseTo(sum, 12)
      expect(loss('mean')).toBeCloseTo(sum / 2, 12)
    }
  })

  it('edge attention is the cross-entropy that ignores pixels off the predicted edges', () => {
    const masked = target.map((label, i) => (edgeLogits.data[i] > 0.3 ? label : 255))
    for (const options of [{}, { norm: true }, { upperBound: 2 }, { perImage: true }] as const) {
      const attention = edgeAttentionLoss(
        ops,
        { logits: seg, target, edgeLogits },
        { ...options, threshold: 0.3 },
      )
      const expected = crossEntropyLoss(ops, { logits: seg, target: masked }, options)
      expect(attention.data[0]).toBeCloseTo(expected.data[0], 12)
    }
  })

  it('edge cross-entropy, pixel by pixel', () => {
    const positives = edgeTarget.filter((e) => e === 1).length
    const negatives = edgeTarget.filter((e) => e === 0).length
    const sum = edgeTarget.reduce((all, e, i) => {
      const probability = 1 / (1 + Math.exp(-edgeLogits.data[i]))
      if (e === 1) return all - (negatives / (positives + negatives)) * Math.log(probability)
      if (e === 0) return all - (positives / (positives + negatives)) * Math.log(1 - probability)
      return all
    }, 0)
    expect(edgeBceLoss(ops, { edgeLogits, edgeTarget }).data[0]).toBeCloseTo(sum / edgeTarget.length, 12)
  })

  it('InverseForm passes the tiles of both maps in row-major order', () => {
    let tiles: readonly ArrayTensor[] = []
    const keep: Regressor<ArrayTensor> = (_, ...both) => {
      tiles = both
      return ops.constant(new Float64Array(8).fill(0.5), [8, 1])
    }
    const map = Float64Array.from({ length: 48 }, (_, i) => i)
    const edges = Uint8Array.from(map, (i) => (i % 5 === 0 ? 1 : i % 7 === 0 ? 255 : 0))
    const options: InverseFormLossOptions = { activation: 'identity', size: [4, 6], tileGrid: [2, 2] }
    const loss = inverseFormLoss(
      ops,
      { edgeLogits: ops.constant(map, [2, 1, 4, 6]), edgeTarget: edges, regressor: keep },
      options,
    )
    expect(loss.data[0]).toBe(0.5)
    expect(tiles[0].shape).toEqual([8, 1, 2, 3])
    const corners = [0, 24, 3, 27, 12, 36, 15, 39]
    const order = corners.flatMap((corner) => [0, 1, 2, 6, 7, 8].map((offset) => corner + offset))
    expect([...tiles[0].data]).toEqual(order)
    expect([...tiles[1].data]).toEqual(order.map((i) => (i % 5 === 0 ? 1 : 0)))
  })

  it('the joint loss passes its options to the terms', () => {
    const attention = (options: JointLossOptions) =>
      jointLossTerms(ops, inputs, { ...options, inverseForm: small }).edgeAttention?.data[0]
    const direct = (options: EdgeAttentionLossOptions) =>
      edgeAttentionLoss(ops, { logits: seg, target, edgeLogits }, options).data[0]
    expect(attention({ edgeAttention: { threshold: -0.5 } })).toBe(direct({ threshold: -0.5 }))
    expect(direct({ threshold: -0.5 })).not.toBe(direct({}))
    const crossEntropyOptions = { upperBound: 2, reduction: 'mean' } as const
    expect(attention({ crossEntropy: crossEntropyOptions })).toBe(direct(crossEntropyOptions))
    expect(attention({ crossEntropy: crossEntropyOptions, edgeAttention: { upperBound: 3 } })).toBe(
      direct({ upperBound: 3, reduction: 'mean' }),
    )
    const { crossEntropy: term } = jointLossTerms(ops, inputs, {
      crossEntropy: crossEntropyOptions,
      edgeAttention: { upperBound: 3 },
      inverseForm: small,
    })
    expect(term).toEqual(crossEntropyLoss(ops, { logits: seg, target }, crossEntropyOptions))
  })

  it('the joint loss is the weighted sum of its terms', () => {
    const auxiliary = { logits: random('seg2', seg.shape), edgeLogits: random('edge2', edgeLogits.shape) }
    const terms = jointLossTerms(ops, { ...inputs, auxiliary }, { inverseForm: small })
    const [ce, bce, attention, form, aux] = [
      crossEntropyLoss(ops, { logits: seg, target }),
      edgeBceLoss(ops, { edgeLogits, edgeTarget }),
      edgeAttentionLoss(ops, { logits: seg, target, edgeLogits }),
      inverseFormLoss(ops, { edgeLogits, edgeTarget, regressor }, small),
      jointLoss(ops, { ...inputs, ...auxiliary }, { inverseForm: small }),
    ].map(({ data }) => data[0]) as [number, number, number, number, number]
    expect(terms.crossEntropy?.data[0]).toBe(ce)
    expect(terms.total.data[0]).toBeCloseTo(ce + 0.3 * bce + 0.1 * attention + 0.3 * form + 0.4 * aux, 12)
    const undefinedWeight = { inverseForm: small, weights: { edgeBce: undefined } }
    expect(jointLoss(ops, { ...inputs, auxiliary }, undefinedWeight)).toEqual(terms.total)
    const some = jointLossTerms(ops, inputs, {
      weights: { inverseForm: 0, crossEntropy: 2, edgeAttention: 0 },
    })
    expect(Object.keys(some).sort()).toEqual(['crossEntropy', 'edgeBce', 'total'])
    expect(some.total.data[0]).toBeCloseTo(2 * ce + 0.3 * bce, 12)
  })
})

it('losses never read the values of a tensor, so they can be traced', () => {
  const opaque = opaqueOps(ops)
  const run = <T>(library: TensorOps<T>, hide: (x: ArrayTensor) => T) =>
    (['coefficients', 'euclidean', 'geodesic'] as const).map((distance, i) => {
      const net = inverseNet(library, smallNet([4, 6, 8][i]))
      const all = { logits: hide(seg), edgeLogits: hide(edgeLogits), target, edgeTarget, regressor: net }
      return jointLoss(library, all, { inverseForm: { ...small, distance } })
    })
  const expected = run(ops, (x) => x)
  const hidden = run(opaque, (x) => new Opaque(x))
  expect(hidden.map(Opaque.open)).toEqual(expected)
})

describe('edge cases', () => {
  const everything = (labelMap: Uint8Array, edgeMap: Uint8Array, logits = seg, x = edgeLogits) =>
    valueAndGrad((l: ArrayTensor, e: ArrayTensor) =>
      jointLoss(
        ops,
        { logits: l, edgeLogits: e, target: labelMap, edgeTarget: edgeMap, regressor },
        { inverseForm: small },
      ),
    )(logits, x)
  const finite = ({ value, gradients }: ReturnType<typeof everything>) =>
    Number.isFinite(value) && gradients.every(({ data }) => data.every(Number.isFinite))

  it('the class terms are 0 if every pixel is ignored', () => {
    const ignored = target.map(() => 255)
    expect(crossEntropyLoss(ops, { logits: seg, target: ignored }).data[0]).toBe(0)
    expect(crossEntropyLoss(ops, { logits: seg, target: ignored }, { norm: true }).data[0]).toBe(0)
    expect(edgeAttentionLoss(ops, { logits: seg, target: ignored, edgeLogits }).data[0]).toBe(0)
    expect([...classWeights(ignored, numClasses, { norm: true })]).toEqual([1, 1, 1, 1])
    expect(finite(everything(ignored, edgeTarget))).toBe(true)
  })

  it('an ignored image adds 0', () => {
    const half = target.map((label, i) => (i < pixels ? 255 : label))
    const second = ops.slice(seg, [1, 0, 0, 0], [1, numClasses, height, width])
    const both = crossEntropyLoss(ops, { logits: seg, target: half }).data[0]
    expect(both).toBeCloseTo(
      crossEntropyLoss(ops, { logits: second, target: half.subarray(pixels) }).data[0],
      12,
    )
  })

  it('edge attention is 0 without predicted edges', () => {
    expect(edgeAttentionLoss(ops, { logits: seg, target, edgeLogits }, { threshold: 100 }).data[0]).toBe(0)
    expect(
      edgeAttentionLoss(ops, { logits: seg, target, edgeLogits }, { threshold: 100, norm: true }).data[0],
    ).toBe(0)
  })

  it('no edges, only edges, all ignored', () => {
    for (const value of [0, 1, 255]) {
      const map = edgeTarget.map(() => value)
      expect(edgeBceLoss(ops, { edgeLogits, edgeTarget: map }).data[0]).toBe(0)
      expect(finite(everything(target, map))).toBe(true)
    }
  })

  it('a single class', () => {
    const logits = random('one', [images, 1, height, width])
    const zeros = target.map(() => 0)
    expect(crossEntropyLoss(ops, { logits, target: zeros }).data[0]).toBe(0)
    expect([...classWeights(zeros, 1)]).toEqual([1])
    expect(finite(everything(zeros, edgeTarget, logits))).toBe(true)
  })

  it('one image of one pixel, smaller than the grid of tiles', () => {
    const result = everything(
      Uint8Array.of(2),
      Uint8Array.of(1),
      random('pixel', [1, numClasses, 1, 1]),
      random('x', [1, 1, 1, 1]),
    )
    expect(finite(result)).toBe(true)
    expect(result.value).toBeGreaterThan(0)
  })

  it('large logits in float32', () => {
    const ops32 = arrayOps()
    const huge = (x: ArrayTensor) => ops32.multiply(ops32.constant(x.data, x.shape), 1e4)
    const result = valueAndGrad((l: ArrayTensor, e: ArrayTensor) =>
      jointLoss(ops32, { logits: l, edgeLogits: e, target, edgeTarget }, { weights: { inverseForm: 0 } }),
    )(huge(seg), huge(edgeLogits))
    expect(finite(result)).toBe(true)
  })

  it('a regressor that finds no displacement', () => {
    const zero: Regressor<ArrayTensor> = (o, tiles) => o.multiply(o.sum(tiles, [2, 3]), 0)
    const result = valueAndGrad((x: ArrayTensor) =>
      inverseFormLoss(ops, { edgeLogits: x, edgeTarget, regressor: zero }, small),
    )(edgeLogits)
    expect(result.value).toBe(0)
    expect(result.gradients[0].data.every((g) => g === 0)).toBe(true)
  })

  it('other array types and ignore indices', () => {
    const signed = Int32Array.from(target, (label) => (label === 255 ? -1 : label))
    const loss = crossEntropyLoss(ops, { logits: seg, target: signed }, { ignoreIndex: -1 })
    expect(loss).toEqual(crossEntropyLoss(ops, { logits: seg, target }))
  })
})

describe('errors name the argument', () => {
  const choose = (options: object) => () =>
    inverseFormLoss(ops, { edgeLogits, edgeTarget, regressor }, { ...small, ...options })
  const net = (change: Record<string, PlainTensor | undefined>) => () =>
    inverseNet(ops, { ...smallNet(4), ...change })
  it.each([
    [
      'logits',
      () => crossEntropyLoss(ops, { logits: ops.reshape(seg, [2, 140]), target }),
      '`logits` must have the shape [images, channels, height, width], got 2x140.',
    ],
    [
      'the size of the target',
      () => crossEntropyLoss(ops, { logits: seg, target: target.subarray(1) }),
      '`target` must have 70 elements, one for each pixel of maps of 2x5x7, got 69.',
    ],
    [
      'a target value',
      () => crossEntropyLoss(ops, { logits: seg, target: target.with(35 + 2 * 7 + 3, 4) }),
      '`target` must hold classes 0..3 or `ignoreIndex`, got 4 in image 1, row 2, column 3.',
    ],
    [
      'upperBound',
      () => crossEntropyLoss(ops, { logits: seg, target }, { upperBound: -1 }),
      '`upperBound` must be a finite number of at least 0, got -1.',
    ],
    [
      'reduction',
      () => crossEntropyLoss(ops, { logits: seg, target }, { reduction: 'none' as 'sum' }),
      "`reduction` must be one of 'sum' or 'mean', got \"none\".",
    ],
    [
      'edge channels',
      () => edgeBceLoss(ops, { edgeLogits: seg, edgeTarget }),
      '`edgeLogits` must have 1 channel, got 4.',
    ],
    [
      'edges',
      () => edgeBceLoss(ops, { edgeLogits, edgeTarget: edgeTarget.subarray(2) }),
      '`edgeTarget` must have 70 elements, one for each pixel of maps of 2x5x7, got 68.',
    ],
    [
      'sizes',
      () => edgeAttentionLoss(ops, { logits: seg, target, edgeLogits: random('e', [2, 1, 5, 6]) }),
      '`logits` and `edgeLogits` must have the same images and sizes, got 2x4x5x7 and 2x1x5x6.',
    ],
    [
      'threshold',
      () => edgeAttentionLoss(ops, { logits: seg, target, edgeLogits }, { threshold: Number.NaN }),
      '`threshold` must be a finite number, got NaN.',
    ],
    ['grid', choose({ size: [8, 13] }), '`tileGrid` must divide `size`, got 2x3 tiles for 8x13 pixels.'],
    [
      'activation',
      choose({ activation: 'tanh' }),
      "`activation` must be one of 'sigmoid', 'log_softmax', 'softmax' or 'identity', got \"tanh\".",
    ],
    [
      'distance',
      choose({ distance: 'l1' }),
      "`distance` must be one of 'coefficients', 'euclidean' or 'geodesic', got \"l1\".",
    ],
    [
      'coefficients',
      choose({ distance: 'geodesic' }),
      '`theta` must have the shape [transformations, 8] for homographies, got 12x4.',
    ],
    [
      'tile size',
      choose({ size: [10, 15] }),
      'InverseNet needs two tiles of 16 pixels, got 12x1x5x5 and 12x1x5x5.',
    ],
    [
      'a missing tensor',
      net({ 'fc.2.bias': undefined }),
      '`weights` of InverseNet must have a tensor fc.2.bias.',
    ],
    [
      'a layer',
      net({ 'fc.2.weight': { data: [1, 2], shape: [1, 2] } }),
      "InverseNet's fc.2.weight and fc.2.bias must fit 9 inputs, got 1x2 and 6.",
    ],
    [
      'no regressor',
      () => jointLoss(ops, { ...inputs, regressor: undefined as never }),
      '`regressor` must be a function, got undefined.',
    ],
    [
      'a soft target',
      () =>
        crossEntropyLoss(ops, { logits: seg, target: Float32Array.from(target) as unknown as Uint8Array }),
      '`target` must be a typed array of integers of at most 32 bits, such as Uint8Array or Int32Array, got Float32Array of 70 elements.',
    ],
    [
      'soft edges',
      () =>
        edgeBceLoss(ops, { edgeLogits, edgeTarget: new Float64Array(70).fill(0.5) as unknown as Uint8Array }),
      '`edgeTarget` must be a typed array of integers of at most 32 bits, such as Uint8Array or Int32Array, got Float64Array of 70 elements.',
    ],
    [
      'a list as target',
      () => crossEntropyLoss(ops, { logits: seg, target: [...target] as unknown as Uint8Array }),
      '`target` must be a typed array of integers of at most 32 bits, such as Uint8Array or Int32Array, got [',
    ],
    [
      'a target of 64 bits',
      () => classWeights(BigInt64Array.of(1n) as unknown as Uint8Array, 2),
      '`target` must be a typed array of integers of at most 32 bits, such as Uint8Array or Int32Array, got BigInt64Array of 1 elements.',
    ],
    [
      'a number of classes',
      () => classWeights(target, 2.5),
      '`numClasses` must be an integer of at least 1, got 2.5.',
    ],
    [
      'a target value of class weights',
      () => classWeights(Uint8Array.of(0, 1, 2), 2),
      '`target` must hold classes 0..1 or `ignoreIndex`, got 2 at position 2.',
    ],
    [
      'an unknown weight',
      () => jointLoss(ops, inputs, { weights: { crossEntrpoy: 0 } as object }),
      '`weights` has no term crossEntrpoy.',
    ],
    [
      'weights',
      () => jointLoss(ops, inputs, { weights: { edgeBce: -2 } }),
      '`weights.edgeBce` must be a finite number of at least 0, got -2.',
    ],
  ] as const)('%s', (_, run, message) => {
    const error = failure(run)
    expect(error.message).toContain(message)
    // A hint says what to do, or the message itself says what the argument accepts.
    const { hint } = error
    expect(hint ?? error.message).toMatch(hint ? /^[A-Z].*\.$/ : /^`.+` must be .+, got .+\.$/)
  })

  it('a regressor of the wrong shape', () => {
    const bad: Regressor<ArrayTensor> = (o, tiles) => o.sum(tiles)
    const error = failure(() => inverseFormLoss(ops, { edgeLogits, edgeTarget, regressor: bad }, small))
    expect(error.message).toContain('The regressor must return [12, coefficients] for 12 tiles, got scalar.')
  })
})

import { describe, expect, it } from 'vitest'
import { type ArrayTensor, arrayOps, grad, valueAndGrad } from '../../src/array/index.js'
import {
  classWeights,
  crossEntropy,
  type EdgeAttentionOptions,
  edgeAttention,
  edgeBce,
  type InverseFormOptions,
  type InverseNetWeights,
  inverseForm,
  inverseNet,
  inverseNetForward,
  isInverseFormError,
  type JointLossOptions,
  jointLoss,
  jointLossTerms,
  type PlainTensor,
  type Regressor,
  type TensorOps,
} from '../../src/index.js'
import { checkGradients, ops64 as ops, random } from '../support/gradients.js'
import { Opaque, opaqueOps } from '../support/opaque.js'

const [images, classes, height, width] = [2, 4, 5, 7]
const pixels = height * width
const seg = random('seg', [images, classes, height, width])
const edgeLogits = random('edge', [images, 1, height, width])
const labels = Uint8Array.from(random('labels', [images * pixels]).data, (x) =>
  x > 1.5 ? 255 : (x + 2) * 1.1,
)
const edgeLabels = Uint8Array.from(random('edges', [images * pixels]).data, (x) =>
  x > 1.7 ? 2 : x > 0.7 ? 1 : 0,
)
const small = { size: [8, 12], tileGrid: [2, 3] } as const

/** InverseNet for 4x4 tiles, with as many coefficients as asked for. */
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
const inputs = { logits: seg, edgeLogits, labels, edgeLabels, regressor }

function failure(run: () => unknown): Error & { hint?: string } {
  try {
    run()
  } catch (error) {
    if (isInverseFormError(error)) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('gradients of the losses agree with finite differences', () => {
  it.each([{}, { norm: true, upperBound: 0.5 }, { perImage: true, reduction: 'mean' }] as const)(
    'cross-entropy and edge attention with %o',
    (options) => {
      checkGradients((logits) => crossEntropy(ops, { logits: logits!, labels }, options), [seg])
      checkGradients((logits) => edgeAttention(ops, { logits: logits!, labels, edgeLogits }, options), [seg])
    },
  )

  it('edge cross-entropy', () => {
    checkGradients((x) => edgeBce(ops, { edgeLogits: x!, edgeLabels }), [edgeLogits])
  })

  it('edge cross-entropy where a logit is 0', () => {
    const zeros = ops.multiply(edgeLogits, 0)
    const [gradient] = grad((x: ArrayTensor) => edgeBce(ops, { edgeLogits: x, edgeLabels }))(zeros)
    const [beside] = grad((x: ArrayTensor) => edgeBce(ops, { edgeLogits: x, edgeLabels }))(
      ops.add(zeros, 1e-9),
    )
    gradient!.data.forEach((g, i) => {
      expect(g).toBeCloseTo(beside!.data[i]!, 9)
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
      inverseForm(ops, { edgeLogits: x, edgeLabels, regressor: net }, { ...small, ...options })
    checkGradients((x) => loss(x!), [edgeLogits], 1e-6)
  })

  it('the joint loss, with auxiliary heads', () => {
    checkGradients(
      (logits, x, logits2, x2) =>
        jointLoss(
          ops,
          { ...inputs, logits: logits!, edgeLogits: x!, auxiliary: { logits: logits2!, edgeLogits: x2! } },
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

describe('losses against their definitions', () => {
  it('cross-entropy, image by image and pixel by pixel', () => {
    for (const perImage of [false, true]) {
      const expected = [0, 1].map((image) => {
        const own = labels.subarray(image * pixels, (image + 1) * pixels)
        const table = classWeights(perImage ? own : labels, classes)
        let sum = 0
        let total = 0
        own.forEach((label, pixel) => {
          if (label === 255) return
          const logit = (c: number) => seg.data[(image * classes + c) * pixels + pixel]!
          const partition = [0, 1, 2, 3].reduce((all, c) => all + Math.exp(logit(c)), 0)
          sum += table[label]! * (Math.log(partition) - logit(label))
          total += table[label]!
        })
        return sum / total
      })
      const sum = expected[0]! + expected[1]!
      const loss = (reduction: 'sum' | 'mean') =>
        crossEntropy(ops, { logits: seg, labels }, { perImage, reduction }).data[0]!
      expect(loss('sum')).toBeCloseTo(sum, 12)
      expect(loss('mean')).toBeCloseTo(sum / 2, 12)
    }
  })

  it('edge attention is the cross-entropy with what is not attended to ignored', () => {
    const masked = labels.map((label, i) => (edgeLogits.data[i]! > 0.3 ? label : 255))
    for (const options of [{}, { norm: true }, { upperBound: 2 }, { perImage: true }] as const) {
      const attention = edgeAttention(
        ops,
        { logits: seg, labels, edgeLogits },
        { ...options, threshold: 0.3 },
      )
      const expected = crossEntropy(ops, { logits: seg, labels: masked }, options)
      expect(attention.data[0]).toBeCloseTo(expected.data[0]!, 12)
    }
  })

  it('edge cross-entropy, pixel by pixel', () => {
    const positives = edgeLabels.filter((e) => e === 1).length
    const negatives = edgeLabels.filter((e) => e === 0).length
    const sum = edgeLabels.reduce((all, e, i) => {
      const probability = 1 / (1 + Math.exp(-edgeLogits.data[i]!))
      if (e === 1) return all - (negatives / (positives + negatives)) * Math.log(probability)
      if (e === 0) return all - (positives / (positives + negatives)) * Math.log(1 - probability)
      return all
    }, 0)
    expect(edgeBce(ops, { edgeLogits, edgeLabels }).data[0]).toBeCloseTo(sum / edgeLabels.length, 12)
  })

  it('InverseForm hands out tiles of both maps in order', () => {
    let tiles: readonly ArrayTensor[] = []
    const keep: Regressor<ArrayTensor> = (_, ...both) => {
      tiles = both
      return ops.constant(new Float64Array(8).fill(0.5), [8, 1])
    }
    const map = Float64Array.from({ length: 48 }, (_, i) => i)
    const truth = Uint8Array.from(map, (i) => (i % 5 === 0 ? 1 : i % 7 === 0 ? 255 : 0))
    const options: InverseFormOptions = { activation: 'identity', size: [4, 6], tileGrid: [2, 2] }
    const loss = inverseForm(
      ops,
      { edgeLogits: ops.constant(map, [2, 1, 4, 6]), edgeLabels: truth, regressor: keep },
      options,
    )
    expect(loss.data[0]).toBe(0.5)
    expect(tiles[0]!.shape).toEqual([8, 1, 2, 3])
    const corners = [0, 24, 3, 27, 12, 36, 15, 39]
    const order = corners.flatMap((corner) => [0, 1, 2, 6, 7, 8].map((offset) => corner + offset))
    expect([...tiles[0]!.data]).toEqual(order)
    expect([...tiles[1]!.data]).toEqual(order.map((i) => (i % 5 === 0 ? 1 : 0)))
  })

  it('the joint loss hands its options to the terms', () => {
    const attention = (options: JointLossOptions) =>
      jointLossTerms(ops, inputs, { ...options, inverseForm: small }).edgeAttention?.data[0]
    const direct = (options: EdgeAttentionOptions) =>
      edgeAttention(ops, { logits: seg, labels, edgeLogits }, options).data[0]
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
    expect(term).toEqual(crossEntropy(ops, { logits: seg, labels }, crossEntropyOptions))
  })

  it('the joint loss is the weighted sum of its terms', () => {
    const auxiliary = { logits: random('seg2', seg.shape), edgeLogits: random('edge2', edgeLogits.shape) }
    const terms = jointLossTerms(ops, { ...inputs, auxiliary }, { inverseForm: small })
    const [ce, bce, attention, form, aux] = [
      crossEntropy(ops, { logits: seg, labels }),
      edgeBce(ops, { edgeLogits, edgeLabels }),
      edgeAttention(ops, { logits: seg, labels, edgeLogits }),
      inverseForm(ops, { edgeLogits, edgeLabels, regressor }, small),
      jointLoss(ops, { ...inputs, ...auxiliary }, { inverseForm: small }),
    ].map(({ data }) => data[0]!) as [number, number, number, number, number]
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

it('losses never look at a tensor’s values, so that they can be traced', () => {
  const opaque = opaqueOps(ops)
  const run = <T>(library: TensorOps<T>, hide: (x: ArrayTensor) => T) =>
    (['coefficients', 'euclidean', 'geodesic'] as const).map((distance, i) => {
      const net = inverseNet(library, smallNet([4, 6, 8][i]!))
      const all = { logits: hide(seg), edgeLogits: hide(edgeLogits), labels, edgeLabels, regressor: net }
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
        { logits: l, edgeLogits: e, labels: labelMap, edgeLabels: edgeMap, regressor },
        { inverseForm: small },
      ),
    )(logits, x)
  const finite = ({ value, gradients }: ReturnType<typeof everything>) =>
    Number.isFinite(value) && gradients.every(({ data }) => data.every(Number.isFinite))

  it('every pixel ignored: the class terms are 0', () => {
    const ignored = labels.map(() => 255)
    expect(crossEntropy(ops, { logits: seg, labels: ignored }).data[0]).toBe(0)
    expect(crossEntropy(ops, { logits: seg, labels: ignored }, { norm: true }).data[0]).toBe(0)
    expect(edgeAttention(ops, { logits: seg, labels: ignored, edgeLogits }).data[0]).toBe(0)
    expect([...classWeights(ignored, classes, { norm: true })]).toEqual([1, 1, 1, 1])
    expect(finite(everything(ignored, edgeLabels))).toBe(true)
  })

  it('one image ignored adds nothing', () => {
    const half = labels.map((label, i) => (i < pixels ? 255 : label))
    const second = ops.slice(seg, [1, 0, 0, 0], [1, classes, height, width])
    const both = crossEntropy(ops, { logits: seg, labels: half }).data[0]
    expect(both).toBeCloseTo(
      crossEntropy(ops, { logits: second, labels: half.subarray(pixels) }).data[0]!,
      12,
    )
  })

  it('nothing attended to: the edge attention is 0', () => {
    expect(edgeAttention(ops, { logits: seg, labels, edgeLogits }, { threshold: 100 }).data[0]).toBe(0)
    expect(
      edgeAttention(ops, { logits: seg, labels, edgeLogits }, { threshold: 100, norm: true }).data[0],
    ).toBe(0)
  })

  it('no edges, all edges, none that count', () => {
    for (const value of [0, 1, 255]) {
      const map = edgeLabels.map(() => value)
      expect(edgeBce(ops, { edgeLogits, edgeLabels: map }).data[0]).toBe(0)
      expect(finite(everything(labels, map))).toBe(true)
    }
  })

  it('a single class', () => {
    const logits = random('one', [images, 1, height, width])
    const zeros = labels.map(() => 0)
    expect(crossEntropy(ops, { logits, labels: zeros }).data[0]).toBe(0)
    expect([...classWeights(zeros, 1)]).toEqual([1])
    expect(finite(everything(zeros, edgeLabels, logits))).toBe(true)
  })

  it('one image of one pixel, smaller than the grid of tiles', () => {
    const result = everything(
      Uint8Array.of(2),
      Uint8Array.of(1),
      random('pixel', [1, classes, 1, 1]),
      random('x', [1, 1, 1, 1]),
    )
    expect(finite(result)).toBe(true)
    expect(result.value).toBeGreaterThan(0)
  })

  it('logits far from 0, in float32', () => {
    const ops32 = arrayOps()
    const huge = (x: ArrayTensor) => ops32.multiply(ops32.constant(x.data, x.shape), 1e4)
    const result = valueAndGrad((l: ArrayTensor, e: ArrayTensor) =>
      jointLoss(ops32, { logits: l, edgeLogits: e, labels, edgeLabels }, { weights: { inverseForm: 0 } }),
    )(huge(seg), huge(edgeLogits))
    expect(finite(result)).toBe(true)
  })

  it('a regressor that finds no displacement', () => {
    const zero: Regressor<ArrayTensor> = (o, tiles) => o.multiply(o.sum(tiles, [2, 3]), 0)
    const result = valueAndGrad((x: ArrayTensor) =>
      inverseForm(ops, { edgeLogits: x, edgeLabels, regressor: zero }, small),
    )(edgeLogits)
    expect(result.value).toBe(0)
    expect(result.gradients[0]!.data.every((g) => g === 0)).toBe(true)
  })

  it('labels of other types and another ignored label', () => {
    const signed = Int32Array.from(labels, (label) => (label === 255 ? -1 : label))
    const loss = crossEntropy(ops, { logits: seg, labels: signed }, { ignoreIndex: -1 })
    expect(loss).toEqual(crossEntropy(ops, { logits: seg, labels }))
  })
})

describe('mistakes are named', () => {
  const choose = (options: object) => () =>
    inverseForm(ops, { edgeLogits, edgeLabels, regressor }, { ...small, ...options })
  const net = (change: Record<string, PlainTensor | undefined>) => () =>
    inverseNet(ops, { ...smallNet(4), ...change })
  it.each([
    [
      'logits',
      () => crossEntropy(ops, { logits: ops.reshape(seg, [2, 140]), labels }),
      'logits has the shape 2x140',
    ],
    [
      'labels',
      () => crossEntropy(ops, { logits: seg, labels: labels.subarray(1) }),
      'labels has 69 values for maps of 2x5x7',
    ],
    [
      'a label',
      () => crossEntropy(ops, { logits: seg, labels: labels.with(35 + 2 * 7 + 3, 4) }),
      'Label 4 in image 1, row 2, column 3 is none of 4 classes',
    ],
    ['upperBound', () => crossEntropy(ops, { logits: seg, labels }, { upperBound: -1 }), 'upperBound is -1'],
    [
      'reduction',
      () => crossEntropy(ops, { logits: seg, labels }, { reduction: 'none' as 'sum' }),
      "reduction is 'none'",
    ],
    ['edge channels', () => edgeBce(ops, { edgeLogits: seg, edgeLabels }), 'edgeLogits has 4 channels'],
    [
      'edges',
      () => edgeBce(ops, { edgeLogits, edgeLabels: edgeLabels.subarray(2) }),
      'edgeLabels has 68 values',
    ],
    [
      'sizes',
      () => edgeAttention(ops, { logits: seg, labels, edgeLogits: random('e', [2, 1, 5, 6]) }),
      'logits and edgeLogits have the shapes 2x4x5x7 and 2x1x5x6',
    ],
    [
      'threshold',
      () => edgeAttention(ops, { logits: seg, labels, edgeLogits }, { threshold: Number.NaN }),
      'threshold is NaN',
    ],
    ['grid', choose({ size: [8, 13] }), 'Maps of 8x13 cannot be cut into 2x3 equal tiles'],
    ['activation', choose({ activation: 'tanh' }), "activation is 'tanh'"],
    ['distance', choose({ distance: 'l1' }), "distance is 'l1'"],
    ['coefficients', choose({ distance: 'geodesic' }), 'shape 12x4 were given for a homography'],
    [
      'tile size',
      choose({ size: [10, 15] }),
      'InverseNet takes two tiles of 16 pixels; it was given 12x1x5x5',
    ],
    ['a missing tensor', net({ 'fc.2.bias': undefined }), "InverseNet's weights have no tensor fc.2.bias"],
    ['a layer', net({ 'fc.2.weight': { data: [1, 2], shape: [1, 2] } }), "InverseNet's fc.2.weight is 1x2"],
    ['no regressor', () => jointLoss(ops, { ...inputs, regressor: undefined }), 'was given no regressor'],
    [
      'soft labels',
      () => crossEntropy(ops, { logits: seg, labels: Float32Array.from(labels) as unknown as Uint8Array }),
      'labels is of the type Float32Array',
    ],
    [
      'soft edges',
      () => edgeBce(ops, { edgeLogits, edgeLabels: new Float64Array(70).fill(0.5) as unknown as Uint8Array }),
      'edgeLabels is of the type Float64Array',
    ],
    [
      'a list of labels',
      () => crossEntropy(ops, { logits: seg, labels: [...labels] as unknown as Uint8Array }),
      'labels is of the type Array',
    ],
    [
      'labels of 64 bits',
      () => classWeights(BigInt64Array.of(1n) as unknown as Uint8Array, 2),
      'labels is of the type BigInt64Array',
    ],
    ['a number of classes', () => classWeights(labels, 2.5), 'classes is 2.5'],
    [
      'a label of class weights',
      () => classWeights(Uint8Array.of(0, 1, 2), 2),
      'Label 2 at position 2 is none',
    ],
    [
      'an unknown weight',
      () => jointLoss(ops, inputs, { weights: { crossEntrpoy: 0 } as object }),
      'weights.crossEntrpoy is of no term',
    ],
    ['weights', () => jointLoss(ops, inputs, { weights: { edgeBce: -2 } }), 'weights.edgeBce is -2'],
  ] as const)('%s', (_, run, message) => {
    const error = failure(run)
    expect(error.message).toContain(message)
    expect(error.hint).toMatch(/\.$/)
  })

  it('a regressor of the wrong shape', () => {
    const bad: Regressor<ArrayTensor> = (o, tiles) => o.sum(tiles)
    const error = failure(() => inverseForm(ops, { edgeLogits, edgeLabels, regressor: bad }, small))
    expect(error.message).toContain('The regressor gave a tensor of scalar for 12 tiles')
  })
})

import { describe, expect, it } from 'vitest'
import { arrayOps } from '../../src/array/index.js'
import {
  activeBoundaryLoss,
  boundaryLoss,
  classWeights,
  crossEntropyLoss,
  diceLoss,
  edgeAttentionLoss,
  focalLoss,
  inverseFormLoss,
  inverseFormTiles,
  isInverseFormError,
  jointLoss,
  labelRelaxationLoss,
  lovaszSoftmaxLoss,
  resizeBilinear,
  signedDistanceMaps,
} from '../../src/index.js'
import { adam, boundaryPairs, regressionLoss, sampleShift } from '../../src/training/index.js'

const ops = arrayOps()
const logits = ops.constant(new Float32Array(12), [1, 3, 2, 2])
const edgeLogits = ops.constant(new Float32Array(4), [1, 1, 2, 2])
const target = Uint8Array.of(0, 1, 2, 255)
const edgeTarget = Uint8Array.of(0, 1, 1, 0)

/** A value that only a JavaScript caller can pass. */
// biome-ignore lint/suspicious/noExplicitAny: The cases below violate the types on purpose.
const js = (value: unknown): any => value

describe('checks of what JavaScript callers pass', () => {
  it.each([
    [
      'a fractional ignore index',
      () => crossEntropyLoss(ops, { logits, target }, { ignoreIndex: 0.5 }),
      '`ignoreIndex` must be an integer, got 0.5.',
    ],
    [
      'an ignore index of a related loss',
      () => diceLoss(ops, { logits, target }, { ignoreIndex: js('255') }),
      '`ignoreIndex` must be an integer, got "255".',
    ],
    [
      'perImage',
      () => crossEntropyLoss(ops, { logits, target }, { perImage: js('yes') }),
      '`perImage` must be true or false, got "yes".',
    ],
    [
      'perImage of region losses',
      () => lovaszSoftmaxLoss(ops, { logits, target }, { perImage: js(1) }),
      '`perImage` must be true or false, got 1.',
    ],
    ['norm', () => classWeights(target, 3, { norm: js(1) }), '`norm` must be true or false, got 1.'],
    [
      'norm of edge attention',
      () => edgeAttentionLoss(ops, { logits, target, edgeLogits }, { norm: js(1) }),
      '`norm` must be true or false, got 1.',
    ],
    [
      'squared',
      () => diceLoss(ops, { logits, target }, { squared: js(2) }),
      '`squared` must be true or false, got 2.',
    ],
    [
      'countNearIgnored',
      () => labelRelaxationLoss(ops, { logits, target }, { countNearIgnored: js(null) }),
      '`countNearIgnored` must be true or false, got null.',
    ],
    [
      'detachNeighbors',
      () => activeBoundaryLoss(ops, { logits, target }, { detachNeighbors: js(0) }),
      '`detachNeighbors` must be true or false, got 0.',
    ],
    [
      'alpha of another type',
      () => focalLoss(ops, { logits, target }, { alpha: js('0.25') }),
      '`alpha` must be a finite number from 0 to 1, got "0.25".',
    ],
    [
      'alpha of another length',
      () => focalLoss(ops, { logits, target }, { alpha: [1, 1] }),
      '`alpha` must have 3 elements, one for each class, got 2.',
    ],
    [
      'a size that is not a pair',
      () => inverseFormTiles(ops, { edgeLogits, edgeTarget }, { size: js([8]) }),
      '`size` must be two positive integers, got [8].',
    ],
    [
      'a tile grid of 0',
      () => inverseFormTiles(ops, { edgeLogits, edgeTarget }, { tileGrid: [0, 2] }),
      '`tileGrid` must be two positive integers, got [0, 2].',
    ],
    [
      'a size to resize to',
      () => resizeBilinear(ops, logits, js(3)),
      '`size` must be two positive integers, got 3.',
    ],
    [
      'a number of classes of distance maps',
      () => signedDistanceMaps(target, js({ images: 1, classes: 3, height: 2, width: 2 })),
      '`numClasses` must be an integer of at least 1, got undefined.',
    ],
    [
      'distances of another size',
      () => boundaryLoss(ops, { logits, target, distances: [0] }),
      '`distances` must have 12 elements, one for each of the logits 1x3x2x2, got 1.',
    ],
    [
      'a missing random generator',
      () => boundaryPairs([], js({ transform: sampleShift })),
      '`random` must be a function, got undefined.',
    ],
    [
      'a missing transform',
      () => boundaryPairs([], js({ random: Math.random })),
      '`transform` must be a function, got undefined.',
    ],
    [
      'a learning rate of a step',
      () => adam([new Float32Array(1)])([[1]], Number.NaN),
      '`learningRate` must be a finite number of at least 0, got NaN.',
    ],
    [
      'missing logits',
      () => crossEntropyLoss(ops, js({ target })),
      '`logits` must be a tensor of the library that `ops` is for, got undefined.',
    ],
    [
      'logits that are a plain array',
      () => focalLoss(ops, { logits: js([1, 2]), target }),
      '`logits` must be a tensor of the library that `ops` is for, got [1, 2].',
    ],
    [
      'missing edge logits',
      () => jointLoss(ops, js({ logits, target, edgeTarget }), { weights: { inverseForm: 0 } }),
      '`edgeLogits` must be a tensor of the library that `ops` is for, got undefined.',
    ],
    [
      'other things than operations',
      () => diceLoss(js({}), { logits, target }),
      '`ops` must be the operations of a tensor library, got an object of type Object.',
    ],
    [
      'a regressor that returns no tensor',
      () =>
        inverseFormLoss(
          ops,
          { edgeLogits, edgeTarget, regressor: js(() => undefined) },
          { size: [2, 2], tileGrid: [1, 1] },
        ),
      '`coefficients` must be a tensor of the library that `ops` is for, got undefined.',
    ],
    [
      'an estimate that is no tensor',
      () => regressionLoss(ops, js(null), { data: [0, 0], shape: [1, 2] }),
      '`estimate` must be a tensor of the library that `ops` is for, got null.',
    ],
    ['a random generator of transforms', () => sampleShift(js('x')), '`random` must be a function, got "x".'],
    [
      'a range of transforms',
      () => sampleShift(Math.random, { shift: js('ab') }),
      '`shift` must be a range [least, greatest] in (-Infinity, Infinity), got "ab".',
    ],
    [
      'parameters that are no arrays',
      () => adam(js({})),
      '`parameters` must be an array of Float32Array or Float64Array, got an object of type Object.',
    ],
  ])('%s', (_, run, message) => {
    expect(run).toThrow(expect.objectContaining({ message }))
    try {
      run()
    } catch (error) {
      expect(isInverseFormError(error)).toBe(true)
    }
  })
})

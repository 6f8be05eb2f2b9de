import { InverseFormError } from '@inverseform/errors'
import type { TensorOps } from '../ops.js'
import { checkNumber } from '../options.js'
import { type CrossEntropyOptions, crossEntropy } from './cross-entropy.js'
import { type EdgeAttentionOptions, edgeAttention } from './edge-attention.js'
import { edgeBce } from './edge-bce.js'
import type { IntegerArray } from './inputs.js'
import { type InverseFormOptions, inverseForm, type Regressor } from './inverse-form.js'

/** What one head of the network, the main or the auxiliary one, gives. */
export interface JointLossHead<T> {
  /** [images, classes, height, width], before softmax. */
  readonly logits: T
  /** Edge logits, [images, 1, height, width]. */
  readonly edgeLogits: T
}

export interface JointLossInputs<T> extends JointLossHead<T> {
  /** Train ids 0..classes-1 or `ignoreIndex`, images x height x width in C order. */
  readonly labels: IntegerArray
  /** Edge truth, images x height x width: 1 on an edge, 0 off it, more where it does not count. */
  readonly edgeLabels: IntegerArray
  /** Needed unless the weight of the InverseForm term is 0. */
  readonly regressor?: Regressor<T>
  /** The auxiliary heads' outputs, in training. */
  readonly auxiliary?: JointLossHead<T>
}

/** Factors of the terms. A term whose factor is 0 is not computed. */
export interface JointLossWeights {
  /** Default 1. */
  readonly crossEntropy: number
  /** Default 0.3. */
  readonly edgeBce: number
  /** Default 0.1. */
  readonly edgeAttention: number
  /** Default 0.3. */
  readonly inverseForm: number
  /** Of the auxiliary heads' joint loss. Default 0.4. */
  readonly auxiliary: number
}

export interface JointLossOptions {
  readonly weights?: Partial<JointLossWeights>
  readonly crossEntropy?: CrossEntropyOptions
  /** Those that are left out are `crossEntropy`'s. */
  readonly edgeAttention?: EdgeAttentionOptions
  readonly inverseForm?: InverseFormOptions
}

/** Scalars: each term before its factor (those that were computed), and the weighted `total`. */
export type JointLossTerms<T> = { readonly total: T } & Readonly<Partial<Record<keyof JointLossWeights, T>>>

const published: JointLossWeights = {
  crossEntropy: 1,
  edgeBce: 0.3,
  edgeAttention: 0.1,
  inverseForm: 0.3,
  auxiliary: 0.4,
}

/**
 * The loss that the published networks were trained with: {@link crossEntropy} + 0.3 {@link edgeBce} + 0.1
 * {@link edgeAttention} + 0.3 {@link inverseForm}, and 0.4 of the same for the auxiliary heads. For the published figures set
 * `inverseForm: { activation: 'log_softmax' }`.
 *
 * Source: `JointEdgeSegLoss` of the published code (loss/utils.py) and its default weights.
 *
 * @returns a scalar, at least 0
 * @throws what the terms throw; `invalid-argument` when the regressor is missing, or a weight is not a number of at least
 *   0 or of no term
 */
export function jointLoss<T>(
  ops: TensorOps<T>,
  inputs: JointLossInputs<T>,
  options: JointLossOptions = {},
): T {
  return jointLossTerms(ops, inputs, options).total
}

/** {@link jointLoss} with its terms, to follow them one by one. */
export function jointLossTerms<T>(
  ops: TensorOps<T>,
  inputs: JointLossInputs<T>,
  options: JointLossOptions = {},
): JointLossTerms<T> {
  const { logits, edgeLogits, labels, edgeLabels, auxiliary } = inputs
  const weights = weightsOf(options.weights)
  const attention = { ...options.crossEntropy, ...options.edgeAttention }
  const compute: Record<keyof JointLossWeights, () => T | undefined> = {
    crossEntropy: () => crossEntropy(ops, { logits, labels }, options.crossEntropy),
    edgeBce: () => edgeBce(ops, { edgeLogits, edgeLabels }),
    edgeAttention: () => edgeAttention(ops, { logits, labels, edgeLogits }, attention),
    inverseForm: () =>
      inverseForm(ops, { edgeLogits, edgeLabels, regressor: needed(inputs.regressor) }, options.inverseForm),
    auxiliary: () => auxiliary && jointLoss(ops, { ...inputs, ...auxiliary, auxiliary: undefined }, options),
  }
  const terms: Partial<Record<keyof JointLossWeights, T>> = {}
  let total: T | undefined
  for (const name of Object.keys(compute) as (keyof JointLossWeights)[]) {
    const term = weights[name] === 0 ? undefined : compute[name]()
    if (term === undefined) continue
    terms[name] = term
    const weighted = ops.multiply(term, weights[name])
    total = total === undefined ? weighted : ops.add(total, weighted)
  }
  return { ...terms, total: total ?? ops.constant([0], []) }
}

function weightsOf(given: Partial<JointLossWeights> = {}): JointLossWeights {
  const weights: Record<string, number> = { ...published }
  for (const [name, weight] of Object.entries(given)) {
    if (!Object.hasOwn(published, name)) {
      throw new InverseFormError('invalid-argument', `weights.${name} is of no term of the joint loss.`, {
        hint: `Its terms are ${Object.keys(published).join(', ')}.`,
        details: { name },
      })
    }
    if (weight === undefined) continue
    checkNumber(`weights.${name}`, weight, 0)
    weights[name] = weight
  }
  return weights as unknown as JointLossWeights
}

function needed<T>(regressor: Regressor<T> | undefined): Regressor<T> {
  if (regressor) return regressor
  throw new InverseFormError(
    'invalid-argument',
    'The joint loss was given no regressor for its InverseForm term.',
    {
      hint: 'Give `regressor`, such as inverseNet(ops, weights), or set `weights: { inverseForm: 0 }`.',
    },
  )
}

import { checkNumber, InverseFormError } from '@inverseform/errors'
import type { TensorOps } from '../../ops.js'
import { checkRegressor, type IntegerArray } from '../inputs.js'
import { type CrossEntropyLossOptions, crossEntropyLoss } from './cross-entropy.js'
import { type EdgeAttentionLossOptions, edgeAttentionLoss } from './edge-attention.js'
import { edgeBceLoss } from './edge-bce.js'
import { type InverseFormLossOptions, inverseFormLoss, type Regressor } from './inverse-form.js'

/** The outputs of one head of the network, main or auxiliary. */
export interface JointLossHead<T> {
  /** [images, classes, height, width], before softmax. */
  readonly logits: T
  /** Edge logits, [images, 1, height, width]. */
  readonly edgeLogits: T
}

export interface JointLossInputs<T> extends JointLossHead<T> {
  /** Train ids 0..classes-1 or `ignoreIndex`, images x height x width in C order. */
  readonly target: IntegerArray
  /** Target edges, images x height x width: 1 on an edge, 0 elsewhere, any other value where ignored. */
  readonly edgeTarget: IntegerArray
  /** Required unless `weights.inverseForm` is 0. */
  readonly regressor: Regressor<T>
  /** The outputs of the auxiliary heads, in training. */
  readonly auxiliary?: JointLossHead<T>
}

/** Inputs for {@link JointLossOptionsWithoutInverseForm}. */
export type JointLossInputsWithoutRegressor<T> = Omit<JointLossInputs<T>, 'regressor'> & {
  readonly regressor?: undefined
}

/** Factors of the terms. A term with factor 0 is not computed. */
export interface JointLossWeights {
  /** Default 1. */
  readonly crossEntropy: number
  /** Default 0.3. */
  readonly edgeBce: number
  /** Default 0.1. */
  readonly edgeAttention: number
  /** Default 0.3. */
  readonly inverseForm: number
  /** Factor of the joint loss of the auxiliary heads. Default 0.4. */
  readonly auxiliary: number
}

export interface JointLossOptions {
  readonly weights?: Partial<JointLossWeights>
  readonly crossEntropy?: CrossEntropyLossOptions
  /** Options that are left out default to those of `crossEntropy`. */
  readonly edgeAttention?: EdgeAttentionLossOptions
  readonly inverseForm?: InverseFormLossOptions
}

/** Options that turn the InverseForm term off, so that no regressor is needed. */
export type JointLossOptionsWithoutInverseForm = JointLossOptions & {
  readonly weights: { readonly inverseForm: 0 }
}

/** Scalars: each computed term before its factor, and the weighted `total`. */
export type JointLossTerms<T> = { readonly total: T } & Readonly<Partial<Record<keyof JointLossWeights, T>>>

const publishedWeights: JointLossWeights = {
  crossEntropy: 1,
  edgeBce: 0.3,
  edgeAttention: 0.1,
  inverseForm: 0.3,
  auxiliary: 0.4,
}

/**
 * The loss that trained the published networks: {@link crossEntropyLoss} + 0.3 {@link edgeBceLoss} + 0.1
 * {@link edgeAttentionLoss} + 0.3 {@link inverseFormLoss}, plus 0.4 times the same for the auxiliary heads. To reproduce
 * published numbers, set `inverseForm: { activation: 'log_softmax' }`.
 *
 * Source: `JointEdgeSegLoss` of the published code (loss/utils.py) and its default weights.
 *
 * @returns a scalar, at least 0
 * @throws InverseFormError the errors of the terms; `invalid-argument` for a missing regressor, an unknown weight, or a weight
 *   below 0
 */
export function jointLoss<T>(
  ops: TensorOps<T>,
  inputs: JointLossInputsWithoutRegressor<T>,
  options: JointLossOptionsWithoutInverseForm,
): T
export function jointLoss<T>(ops: TensorOps<T>, inputs: JointLossInputs<T>, options?: JointLossOptions): T
export function jointLoss<T>(ops: TensorOps<T>, inputs: AnyInputs<T>, options: JointLossOptions = {}): T {
  return computeTerms(ops, inputs, options).total
}

/** Returns {@link jointLoss} with its terms, such as for logging. */
export function jointLossTerms<T>(
  ops: TensorOps<T>,
  inputs: JointLossInputsWithoutRegressor<T>,
  options: JointLossOptionsWithoutInverseForm,
): JointLossTerms<T>
export function jointLossTerms<T>(
  ops: TensorOps<T>,
  inputs: JointLossInputs<T>,
  options?: JointLossOptions,
): JointLossTerms<T>
export function jointLossTerms<T>(
  ops: TensorOps<T>,
  inputs: AnyInputs<T>,
  options: JointLossOptions = {},
): JointLossTerms<T> {
  return computeTerms(ops, inputs, options)
}

type AnyInputs<T> = JointLossInputs<T> | JointLossInputsWithoutRegressor<T>

function computeTerms<T>(
  ops: TensorOps<T>,
  inputs: AnyInputs<T>,
  options: JointLossOptions,
): JointLossTerms<T> {
  const { logits, edgeLogits, target, edgeTarget, regressor, auxiliary } = inputs
  const weights = weightsOf(options.weights)
  if (weights.inverseForm !== 0) checkRegressor(regressor)
  const attention = { ...options.crossEntropy, ...options.edgeAttention }
  const compute: Record<keyof JointLossWeights, () => T | undefined> = {
    crossEntropy: () => crossEntropyLoss(ops, { logits, target }, options.crossEntropy),
    edgeBce: () => edgeBceLoss(ops, { edgeLogits, edgeTarget }),
    edgeAttention: () => edgeAttentionLoss(ops, { logits, target, edgeLogits }, attention),
    inverseForm: () =>
      inverseFormLoss(
        ops,
        { edgeLogits, edgeTarget, regressor: regressor as Regressor<T> },
        options.inverseForm,
      ),
    auxiliary: () =>
      auxiliary && computeTerms(ops, { ...inputs, ...auxiliary, auxiliary: undefined }, options).total,
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
  const names = Object.keys(publishedWeights)
  const unknown = Object.keys(given).find((name) => !names.includes(name))
  if (unknown !== undefined) {
    throw new InverseFormError('invalid-argument', `\`weights\` has no term ${unknown}.`, {
      hint: `Use the terms ${names.join(', ')}.`,
      details: { weights: given },
    })
  }
  const weights: Record<string, number> = { ...publishedWeights }
  for (const [name, weight] of Object.entries(given)) {
    if (weight === undefined) continue
    checkNumber(`weights.${name}`, weight, { min: 0 })
    weights[name] = weight
  }
  return weights as unknown as JointLossWeights
}

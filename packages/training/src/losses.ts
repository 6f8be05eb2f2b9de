import {
  crossEntropyLoss,
  type InverseFormLossOptions,
  type JointLossOptions,
  type JointLossWeights,
  jointLossTerms,
  type Regressor,
  type SortOps,
  type TensorOps,
} from '@inverseform/core'
import { InverseFormError } from '@inverseform/errors'
import type { HeadOutputs } from './network.js'

/** What a training loss receives. */
export interface TrainingLossInputs<T> extends HeadOutputs<T> {
  readonly auxiliary?: HeadOutputs<T>
  /** Train ids 0..classes-1 or 255, images x height x width. */
  readonly target: Uint8Array
  /** Target edges, 1 on an edge, else 0, images x height x width. */
  readonly edgeTarget: Uint8Array
  readonly regressor?: Regressor<T>
}

/** The scalar `total`, which is minimized, and the terms to log, before their factors. */
export type TrainingLossTerms<T> = { readonly total: T } & Readonly<Record<string, T>>

/**
 * A loss over the operations of any tensor library. It must do the same operations for all labels; arrays that it computes from
 * labels become inputs of the step.
 */
export type TrainingLoss = <T>(
  ops: TensorOps<T> & SortOps<T>,
  inputs: TrainingLossInputs<T>,
) => TrainingLossTerms<T>

/** Names of losses. */
export const lossNames = ['joint', 'joint-without-inverseform', 'cross-entropy'] as const
export type LossName = (typeof lossNames)[number]

export interface LossOptions {
  readonly weights?: Partial<JointLossWeights>
  readonly crossEntropy?: JointLossOptions['crossEntropy']
  readonly edgeAttention?: JointLossOptions['edgeAttention']
  readonly inverseForm?: InverseFormLossOptions
}

/**
 * Returns a loss by its name: `joint` is the published one, `joint-without-inverseform` the same without that term, and
 * `cross-entropy` the image-weighted cross-entropy, plus 0.4 times that of the auxiliary head.
 */
export function lossByName(name: LossName, options: LossOptions = {}): TrainingLoss {
  if (name === 'cross-entropy') return (ops, inputs) => crossEntropyTerms(ops, inputs, options)
  return (ops, { edgeLogits, auxiliary, regressor, ...inputs }) => {
    if (edgeLogits === undefined) {
      throw new InverseFormError('invalid-argument', 'The joint loss needs the edge head.', {
        hint: 'Pass `edgeHead: true`, or use the loss cross-entropy.',
      })
    }
    const heads = {
      ...inputs,
      edgeLogits,
      auxiliary: auxiliary as
        | (HeadOutputs<typeof edgeLogits> & { edgeLogits: typeof edgeLogits })
        | undefined,
    }
    if (name === 'joint-without-inverseform') {
      return jointLossTerms(ops, heads, { ...options, weights: { ...options.weights, inverseForm: 0 } })
    }
    if (!regressor) {
      throw new InverseFormError('invalid-argument', '`regressor` must be the weights of an InverseNet.', {
        hint: 'Pass `smallInverseNet()`, or the published weights as `readInverseNet` of @inverseform/backbones reads them.',
      })
    }
    return jointLossTerms(ops, { ...heads, regressor }, options)
  }
}

function crossEntropyTerms<T>(
  ops: TensorOps<T>,
  { logits, auxiliary, target }: TrainingLossInputs<T>,
  options: LossOptions,
): TrainingLossTerms<T> {
  const crossEntropy = crossEntropyLoss(ops, { logits, target }, options.crossEntropy)
  if (!auxiliary) return { total: crossEntropy, crossEntropy }
  const { auxiliary: factor = 0.4 } = options.weights ?? {}
  const auxiliaryLoss = crossEntropyLoss(ops, { logits: auxiliary.logits, target }, options.crossEntropy)
  return {
    total: ops.add(crossEntropy, ops.multiply(auxiliaryLoss, factor)),
    crossEntropy,
    auxiliary: auxiliaryLoss,
  }
}

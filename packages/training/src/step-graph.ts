import { type Graph, gradients, graphInputs, input, type Value } from '@inverseform/backbones/graph'
import { inverseNet, type PlainTensor } from '@inverseform/core'
import type { Batch } from './batch.js'
import { graphOps } from './graph-ops.js'
import type { TrainingLoss, TrainingLossInputs } from './losses.js'
import type { HeadOutputs, TrainingNetwork } from './network.js'
import { fixedConstants, type StepTensor, Tape } from './tape.js'

type Labels = Pick<Batch, 'target' | 'edgeTarget'>

/** The graph of a step: loss, terms, gradients and the batch's statistics. */
export class StepGraph {
  readonly graph: Graph
  /** Names of the scalar outputs beside `loss`, which start with `term.`. */
  readonly terms: readonly string[]
  readonly statistics: TrainingNetwork['statistics']
  /** Positions of the arrays that are inputs of the graph. */
  readonly varying: ReadonlySet<number>
  readonly #loss: TrainingLoss
  readonly #heads: TrainingLossInputs<Value>
  readonly #baked: Tape

  /**
   * @param trainable names of parameters that get gradients
   * @param labels two batches' labels; what they have in common is expected of all
   * @param inputs positions of further arrays that differ between batches
   */
  constructor(
    network: TrainingNetwork,
    loss: TrainingLoss,
    trainable: readonly string[],
    labels: readonly [Labels, Labels],
    { regressor, varying = new Set() }: { regressor?: RegressorWeights; varying?: ReadonlySet<number> },
  ) {
    this.#loss = loss
    this.statistics = network.statistics
    const regressorOf = regressor && inverseNet(graphOps(fixedConstants('regressor')), regressor)
    // Later labels need only the sizes of the network's outputs.
    this.#heads = {
      ...standIns(network),
      target: labels[0].target,
      edgeTarget: labels[0].edgeTarget,
      regressor: regressorOf,
    }
    const [first, second] = labels.map((of) => this.#record(of, new Tape()))
    this.varying = new Set([...first.differences(second), ...varying])
    this.#baked = first

    const tape = new Tape(this.varying)
    const { main, auxiliary } = network
    const { total, ...terms } = loss(graphOps(tape), { ...this.#heads, ...main, auxiliary, ...labels[0] })
    this.terms = Object.keys(terms)
    const statistics = network.statistics.flatMap(({ mean, variance }, i) => [
      [`statistics.${i}.mean`, mean] as const,
      [`statistics.${i}.variance`, variance] as const,
    ])
    const outputs = {
      loss: total,
      ...Object.fromEntries(Object.entries(terms).map(([name, value]) => [`term.${name}`, value])),
      ...Object.fromEntries(statistics),
    }
    const used = new Set(graphInputs({ outputs }).map(({ attributes }) => attributes.name))
    this.graph = gradients(
      { outputs },
      'loss',
      trainable.filter((name) => used.has(name)),
    )
  }

  /** Returns the arrays for the graph's inputs that depend on labels. */
  feeds(labels: Labels): {
    readonly feeds: Record<string, StepTensor>
    readonly changed: ReadonlySet<number>
  } {
    const tape = this.#record(labels, new Tape(this.varying))
    return { feeds: tape.feeds(), changed: tape.differences(this.#baked) }
  }

  #record(labels: Labels, tape: Tape): Tape {
    this.#loss(graphOps(tape), { ...this.#heads, target: labels.target, edgeTarget: labels.edgeTarget })
    return tape
  }
}

/** Plain weights of an InverseNet by name, as `inverseNet` of `@inverseform/core` takes them. */
export type RegressorWeights = Readonly<Record<string, PlainTensor | undefined>>

function standIns({
  main,
  auxiliary,
}: TrainingNetwork): HeadOutputs<Value> & { readonly auxiliary?: HeadOutputs<Value> } {
  const head = (name: string, { logits, edgeLogits }: HeadOutputs<Value>): HeadOutputs<Value> => ({
    logits: input(`${name}.logits`, logits.shape),
    ...(edgeLogits && { edgeLogits: input(`${name}.edgeLogits`, edgeLogits.shape) }),
  })
  return { ...head('main', main), ...(auxiliary && { auxiliary: head('auxiliary', auxiliary) }) }
}

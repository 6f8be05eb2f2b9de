import type { Graph } from '@inverseform/backbones/graph'
import type { StepTensor } from './tape.js'

/** A graph that a runtime has compiled. */
export interface StepSession {
  /**
   * Runs the graph. Results are written to `outputs`, whose arrays have the outputs' sizes.
   * @param inputs a tensor for each input of the graph
   */
  run(
    inputs: Readonly<Record<string, StepTensor>>,
    outputs: Readonly<Record<string, StepTensor>>,
  ): Promise<void>
  close(): Promise<void>
}

/** Compiles a graph of known sizes. */
export type OpenSession = (graph: Graph) => Promise<StepSession>

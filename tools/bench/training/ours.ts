import { type Graph, topologicalOrder } from '@inverseform/backbones/graph'
import {
  deterministicInverseForm,
  deterministicInverseNet,
  deterministicWeight,
} from '@inverseform/testing/training'
import { type OpenSession, type StepTensor, Trainer, type TrainerOptions } from '@inverseform/training'
import { nodeSession } from '@inverseform/training/node'

/** Returns a trainer with the joint loss and the weights of `reference.py`. */
export function comparedTrainer(
  options: Omit<TrainerOptions, 'loss' | 'lossOptions' | 'regressor'>,
  openSession: OpenSession = (graph) => nodeSession(graph, { threads: 2 }),
): Trainer {
  const trainer = new Trainer(
    {
      ...options,
      loss: 'joint',
      lossOptions: { inverseForm: deterministicInverseForm },
      regressor: deterministicInverseNet(),
    },
    openSession,
  )
  for (const [name, { data, shape }] of trainer.state.tensors) data.set(deterministicWeight(name, shape))
  return trainer
}

/** Returns a way to open sessions that also collects the results of all ReLUs in `found`. */
export function collectingRelus(found: StepTensor[]): OpenSession {
  return async (graph: Graph) => {
    const relus = topologicalOrder(graph).filter(({ op }) => op === 'relu')
    const outputs = relus.map((value, i) => [`relu.${i}`, value] as const)
    const session = await nodeSession(
      { outputs: { ...graph.outputs, ...Object.fromEntries(outputs) } },
      { threads: 2 },
    )
    return {
      close: () => session.close(),
      async run(inputs, results) {
        const tensors = outputs.map(([name, value]): [string, StepTensor] => {
          const shape = value.shape as readonly number[]
          return [name, { data: new Float32Array(shape.reduce((a, b) => a * b)), shape }]
        })
        await session.run(inputs, { ...results, ...Object.fromEntries(tensors) })
        found.push(...tensors.map(([, tensor]) => tensor))
      },
    }
  }
}

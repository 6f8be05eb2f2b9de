export type { Batch, TrainingData } from './batch.js'
export { graphOps } from './graph-ops.js'
export {
  type LossName,
  type LossOptions,
  lossByName,
  lossNames,
  type TrainingLoss,
  type TrainingLossInputs,
  type TrainingLossTerms,
} from './losses.js'
export { type NetworkOptions, type TrainingNetwork, trainingNetwork } from './network.js'
export type { AdamWOptions, OptimizerOptions, SgdOptions } from './optimizers.js'
export { type ScheduleOptions, scheduleFactor, scheduleNames } from './schedules.js'
export type { OpenSession, StepSession } from './session.js'
export { type RegressorWeights, StepGraph } from './step-graph.js'
export { type ConstantSource, fixedConstants, type StepTensor, Tape } from './tape.js'
export { type StepResult, Trainer, type TrainerOptions, TrainingState } from './trainer.js'

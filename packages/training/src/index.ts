export type { Batch, TrainingData } from './batch.js'
export { resumeTraining, writeTorch, writeTraining } from './checkpoint.js'
export type { AugmentationOptions, BlurOptions, ColorJitterOptions, Range } from './data/augmentation.js'
export type { DatasetClasses, SamplePlace } from './data/class-places.js'
export type { LoadedSample, Target, TrainingSample } from './data/sample.js'
export {
  type BatchOptions,
  type ClassUniformOptions,
  createTrainingData,
  type SampledData,
  type TrainingDataOptions,
} from './data/training-data.js'
export { graphOps } from './graph-ops.js'
export { type InitialWeights, loadInitialWeights } from './initial-weights.js'
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
export {
  type RegressorErrors,
  type RegressorOptions,
  type RegressorStepResult,
  type RegressorTransform,
  regressorDistance,
  regressorTransforms,
  type TrainedRegressor,
  trainRegressor,
} from './regressor/train-regressor.js'
export { type ScheduleOptions, scheduleFactor, scheduleNames } from './schedules.js'
export type { OpenSession, StepSession } from './session.js'
export { type RegressorWeights, StepGraph } from './step-graph.js'
export { type ConstantSource, fixedConstants, type StepTensor, Tape } from './tape.js'
export { type StepResult, Trainer, type TrainerOptions, TrainingState } from './trainer.js'

import { fileURLToPath } from 'node:url'

const fromRoot = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url))

/** Drawn scenes to train and to measure on; git ignores them. */
export const trainingScenes = fromRoot('.cache/train-inversenet/scenes')
/** The regressor that is trained on them. */
export const smallRegressor = fromRoot('.cache/train-inversenet/small.safetensors')
/** The weights of smallInverseNet. */
export const weightsModule = fromRoot('packages/core/src/losses/inverse-form/small-inverse-net-weights.ts')
export const demoScenes = fromRoot('tools/demo/cityscapes')
export const figure = (name: string): string => fromRoot(`docs/figures/${name}`)

import { fileURLToPath } from 'node:url'

const fromRoot = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url))

export const scenesFolder = fromRoot('tools/demo/cityscapes')
/** Not kept in the repository: `train.ts` makes it, `boundary-toy.ts` reads it. */
export const regressorFile = fromRoot('.cache/train-inversenet/regressor.safetensors')
export const figure = (name: string): string => fromRoot(`docs/figures/${name}`)

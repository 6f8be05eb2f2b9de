import { fileURLToPath } from 'node:url'

const fromRoot = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url))

export const scenesFolder = fromRoot('tools/demo/cityscapes')
/** The trained regressor. `train.ts` writes it and `boundary-toy.ts` reads it; git ignores it. */
export const regressorFile = fromRoot('.cache/train-inversenet/regressor.safetensors')
export const figure = (name: string): string => fromRoot(`docs/figures/${name}`)
